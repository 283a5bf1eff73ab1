"""Tests of loop_orchestrator.substrate."""
