"""Parts of the main screen, one file each."""
