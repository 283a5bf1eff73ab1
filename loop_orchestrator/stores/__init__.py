"""The only code that writes the project's files: every write is atomic, every change of a file happens under a lock."""
