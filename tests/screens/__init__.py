"""Recorded screens of real programs, and what they must be read as."""
