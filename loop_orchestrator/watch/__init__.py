"""The daemon: it listens, notes why a cycle is called for, and runs at most one cycle at a time."""
