"""The configuration of a project: what may stand in it, how it is read, and what is said about mistakes."""
