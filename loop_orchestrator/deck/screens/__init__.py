"""Screens that take the whole terminal, one file each."""
