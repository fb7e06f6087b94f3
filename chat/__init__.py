"""Threadkeeper: durable, private chat history for a website's ChatKit assistant."""
