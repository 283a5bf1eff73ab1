"""The daemon's thread that tells a person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.notify import Notifier
from loop_orchestrator.watch.notices import Telling
from loop_orchestrator.wiring import Project
from tests.support.builders import NOW
from tests.support.projects import PLAIN, own_tmux, project_at
from tests.support.waiting import eventually


@pytest.fixture
def world(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with own_tmux() as socket:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", socket)
        yield project_at(project, config=PLAIN + "notify: {services: {own: {command: [./tell]}}}\n")


def an_event(kind: str) -> Event:
    return Event(id="e", seq=1, at=NOW, kind=kind, source="engine", payload={})


def test_it_looks_at_its_start_and_when_something_needs_a_person_and_not_otherwise(
    world: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(Notifier, "look", lambda self: looks.append("look"))
    telling = Telling(world, lambda error: looks.append(str(error)))
    telling.start()
    eventually(lambda: looks == ["look"])
    telling.happened((an_event("cycle.started"), an_event("brain.corrected")))
    telling.happened((an_event("decision.filed"),))
    eventually(lambda: looks == ["look", "look"])
    telling.disk_is_full("full")
    eventually(lambda: looks == ["look"] * 3)
    telling.stop(5)
    assert not telling._thread.is_alive()


def test_a_look_that_fails_is_told_to_the_daemon_and_the_thread_lives_on(
    world: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[Exception] = []
    again = threading.Event()

    def look(self: Notifier) -> None:
        if again.is_set():
            return
        again.set()
        raise RuntimeError("x")

    monkeypatch.setattr(Notifier, "look", look)
    telling = Telling(world, failed.append)
    telling.start()
    eventually(lambda: [str(error) for error in failed] == ["x"])
    assert telling._thread.is_alive()
    telling.stop(5)
    assert not telling._thread.is_alive()


def test_without_a_service_there_is_no_thread(project: Path) -> None:
    telling = Telling(project_at(project, config=PLAIN), lambda error: None)
    telling.start()
    telling.happened((an_event("decision.filed"),))
    telling.disk_is_full("full")
    telling.disk_is_fine()
    telling.stop(0)
    assert not telling._thread.is_alive()
