"""The only code that starts programs, and what it knows about processes: identity, ancestry, terminals."""
