"""The command line: one module per word, each of which calls operations and prints what they return."""
