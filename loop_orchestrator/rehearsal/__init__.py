"""The rehearsal agent: a scripted coding agent with a real composer, for demos, tests and trying things out."""

VERSION = "rehearsal 1"
"""The program and the version of its screens."""
