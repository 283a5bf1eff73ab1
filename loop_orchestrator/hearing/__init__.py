"""What is heard of lanes as it happens: a held connection to the terminal, and looks at what it speaks of alone."""
