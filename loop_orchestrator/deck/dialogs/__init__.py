"""Questions to the person, one file each."""
