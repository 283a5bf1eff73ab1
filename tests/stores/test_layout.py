"""Where files stand, and who may look into the folders."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.stores.layout import Layout, ensure_dir


def test_every_path_is_absolute_and_inside_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)
    layout = Layout(Path(project.name), "s1")
    names = [name for name, value in vars(Layout).items() if isinstance(value, cached_property)]
    assert len(names) > 20
    for name in names:
        assert getattr(layout, name).is_relative_to(project), name


def test_two_sessions_share_the_mailbox_and_nothing_of_the_engine(project: Path) -> None:
    one, two = Layout(project, "one"), Layout(project, "two")
    assert one.messages == two.messages
    assert one.state_file == two.state_file
    assert one.events != two.events
    assert not one.engine_dir.is_relative_to(two.session_dir)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "a:b", "-a", "a b", "x" * 81, "a\n"])
def test_a_name_that_tmux_or_a_folder_would_not_take_is_refused(project: Path, name: str) -> None:
    with pytest.raises(UsageError):
        Layout(project, name)


def test_sessions_lists_the_folders_there_are(project: Path) -> None:
    assert Layout.sessions(project) == ()
    for name in ("b", "a", "not.one"):
        ensure_dir(project / ".loop" / "sessions" / name)
    (project / ".loop" / "sessions" / "file").touch()
    assert Layout.sessions(project) == ("a", "b")


def test_made_folders_are_for_their_owner_alone(project: Path) -> None:
    before = os.umask(0)
    try:
        ensure_dir(project / ".loop" / "x" / "y")
    finally:
        os.umask(before)
    assert (project / ".loop" / "x").stat().st_mode & 0o777 == 0o700
    assert (project / ".loop" / "x" / "y").stat().st_mode & 0o777 == 0o700
