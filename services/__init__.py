"""The services, each a process of its own: they share contracts and a runtime, never a table."""
