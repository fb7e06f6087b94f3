"""Many people at once: who they are, what they do, and what is counted of it."""
