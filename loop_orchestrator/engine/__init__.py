"""One decision cycle: one module per step, and cycle.py, which is the list of the steps."""
