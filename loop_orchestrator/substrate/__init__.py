"""The terminal: the port every front uses, and its one implementation over tmux."""
