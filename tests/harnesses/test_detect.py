"""Which agents a machine has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from loop_orchestrator.harnesses.detect import Found, found_agents
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()


def look(tmp_path: Path, env: Mapping[str, str], name: str = "claude") -> Found:
    found = found_agents(HARNESSES.values(), path=str(tmp_path / "bin"), home=tmp_path / "home", env=env)
    assert {one.spec.name for one in found} == {spec.name for spec in HARNESSES.values() if spec.is_agent} - {
        "rehearsal"
    }
    return next(one for one in found if one.spec.name == name)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ntouch started\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_a_program_that_is_not_on_path_is_not_found(tmp_path: Path) -> None:
    found = look(tmp_path, {})
    assert not found.ok and "claude is not on PATH" in found.reason


def test_a_program_that_was_never_set_up_is_not_used(tmp_path: Path, installed: Path) -> None:
    for env in ({}, {"ANTHROPIC_API_KEY": ""}):
        found = look(tmp_path, env)
        assert not found.ok and "never logged in" in found.reason


def test_a_program_whose_screens_are_not_known_is_not_used(tmp_path: Path, installed: Path) -> None:
    installed.rename(installed.with_name("forge"))
    found = look(tmp_path, {}, "forge")
    assert not found.ok and "its screens are not known" in found.reason


def test_a_key_in_the_environment_or_a_file_at_home_shows_that_it_was_set_up(tmp_path: Path, installed: Path) -> None:
    assert look(tmp_path, {"ANTHROPIC_API_KEY": "x"}).ok
    credentials = tmp_path / "home" / ".claude" / ".credentials.json"
    credentials.parent.mkdir(parents=True)
    credentials.touch()
    found = look(tmp_path, {})
    assert found.ok and str(installed) in found.reason
    assert not (tmp_path / "started").exists()
