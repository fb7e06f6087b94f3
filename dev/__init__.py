"""What runs only on a developer's machine: `./run` and the servers that it starts."""
