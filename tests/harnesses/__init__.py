"""Tests of loop_orchestrator.harnesses."""
