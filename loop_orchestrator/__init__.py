"""Run several coding agents in tmux, and keep a person at the gate."""

__version__ = "0.1.0"
