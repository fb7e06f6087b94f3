"""What operators run: `python -m chat.admin <command>`. A module for each command."""
