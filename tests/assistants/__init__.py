"""Assistants as a site would write them; docs/assistants.md shows them as they are here."""
