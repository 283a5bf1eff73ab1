"""A day of a session: its history as data, what replays it, and what a report must say of it."""
