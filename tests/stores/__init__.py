"""Tests of the project's files."""
