"""What a decision may ask for: one module per kind, and the one list of them in registry.py."""
