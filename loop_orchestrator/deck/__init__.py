"""The deck: a terminal application over operations and Status. It shows, asks a person, and calls what they ask for."""
