"""What this program costs, with the bare limit measured beside it in the same process: ``python -m benchmarks``."""
