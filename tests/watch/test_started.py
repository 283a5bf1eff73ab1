"""The daemon says once when what it was started with is another now, and nothing when it only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.clock import format_time
from loop_orchestrator.operations.engine_view import code_of
from loop_orchestrator.process import installed
from loop_orchestrator.watch.started import StartedWith, killed_before
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, own_tmux, project_at


@pytest.fixture
def world(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with own_tmux() as socket:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", socket)
        yield project_at(project, config=PLAIN)


class Package:
    """The installed files, as far as anybody looks at them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stamp, self.digest, self.reads = "s1", "d1", 0
        monkeypatch.setattr(installed, "stamp", lambda: self.stamp)
        monkeypatch.setattr(installed, "digest", self._read)

    def _read(self) -> str:
        self.reads += 1
        return self.digest


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Package:
    return Package(monkeypatch)


def kinds(world: Project) -> list[str]:
    return [event.kind for event in world.events.since(0)]


def test_other_code_is_said_once_as_soon_as_it_holds_still(world: Project, package: Package) -> None:
    started = StartedWith(world, how="foreground")
    started.look()
    assert kinds(world) == [] and package.reads == 1
    package.stamp, package.digest = "s2", "half of it"
    started.look()
    package.stamp, package.digest = "s3", "d3"
    started.look()
    assert kinds(world) == []
    for _ in range(3):
        started.look()
    assert kinds(world) == ["watch.stale"]
    assert code_of(started.record) == "stale"
    (event,) = world.events.since(0)
    assert event.payload == {"runs": "d1", "installed": "d3"}


def test_the_same_code_installed_again_is_current_and_read_once(world: Project, package: Package) -> None:
    with world.control.watch_lock():
        started = StartedWith(world, how="service")
        world.control.record_watch(started.record)
        package.stamp = "s2"
        assert code_of(started.record) == "current"
        reads = package.reads
        for _ in range(3):
            started.look()
        assert package.reads == reads + 1
        record = world.control.watch()
    assert record is not None and (record.stamp, record.code, record.how) == ("s2", "d1", "service")
    assert kinds(world) == []
    assert code_of(record) == "current" and package.reads == reads + 1


def test_a_daemon_that_began_before_all_that_the_log_keeps_was_killed_if_its_record_is_there(
    world: Project, package: Package
) -> None:
    assert killed_before(world.world) == ""
    record = StartedWith(world, how="foreground").record
    world.control.record_watch(record)
    assert killed_before(world.world) == f"pid {record.pid}, started {format_time(record.started_at)}"
    world.control.forget_watch()
    assert killed_before(world.world) == ""


def test_a_daemon_that_ended_by_itself_was_not_killed_whatever_its_record_says(
    world: Project, package: Package
) -> None:
    record = StartedWith(world, how="foreground").record
    world.control.record_watch(record)
    world.events.append("watch.stopped", "watch", {"pid": record.pid, "reason": "told to stop"})
    assert killed_before(world.world) == ""
    world.events.append("watch.started", "watch", {"pid": 1, "took_over": ""})
    assert killed_before(world.world).startswith("pid 1, started ")
