"""Tests of the rehearsal agent."""
