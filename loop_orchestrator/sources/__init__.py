"""Where events come from: one file for each source, and what it makes of two looks."""
