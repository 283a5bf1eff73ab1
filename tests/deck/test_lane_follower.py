"""What follows the terminal of a lane: it looks when something was printed, and tells of what differs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from loop_orchestrator.deck import live
from loop_orchestrator.deck.live import Follower, LiveScreen
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.terminal import Screen
from tests.deck.lanepictures import Nowhere
from tests.support.builders import NOW
from tests.support.waiting import eventually

LIMIT_S = 10.0


class Terminal:
    """Two panes, of the lanes web and api."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, ...]] = {"%web": ("one",), "%api": ("other",)}
        self.failures = 0
        self.looks = 0
        self.printed = threading.Event()
        self.lost = ""
        self.connections = 0

    @contextmanager
    def connection(self, _world: object) -> Iterator[Terminal]:
        self.connections, self.lost = self.connections + 1, ""
        yield self

    def rang_within(self, _pane: str, _seconds: float) -> bool:
        """What Bells has of the same name."""
        rang = self.printed.wait(0.001)
        self.printed.clear()
        return rang

    def show(self, lane: str, *rows: str) -> None:
        self.rows[f"%{lane}"] = rows
        self.printed.set()

    def read(self, _world: object, panes: tuple[str, ...]) -> Mapping[str, SimpleNamespace]:
        self.looks += 1
        if self.failures:
            self.failures -= 1
            raise LoopError("tmux is gone")
        return {pane: SimpleNamespace(screen=Screen(rows=self.rows[pane], bright=())) for pane in panes}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    monkeypatch.setattr(live, "held_bells", made.connection)
    monkeypatch.setattr(live, "read_panes", made.read)
    monkeypatch.setattr(live, "record_of", lambda _world, lane: SimpleNamespace(pane=f"%{lane}"))
    monkeypatch.setattr(live, "LEAST_S", 0.001)
    monkeypatch.setattr(live, "AGAIN_S", 0.001)
    return made


@pytest.fixture
def following(terminal: Terminal) -> Iterator[tuple[Follower, queue.Queue[LiveScreen]]]:
    told: queue.Queue[LiveScreen] = queue.Queue()
    clock = SimpleNamespace(monotonic=lambda: 0.0, now=lambda: NOW)
    desk = SimpleNamespace(world=SimpleNamespace(clock=clock))
    follower = Follower(lambda: desk, told.put)
    thread = threading.Thread(target=follower.run, daemon=True)
    thread.start()
    yield follower, told
    follower.end()
    thread.join(LIMIT_S)
    assert not thread.is_alive()


Following = tuple[Follower, "queue.Queue[LiveScreen]"]


def test_it_tells_of_the_chosen_lane_and_then_of_what_differs(following: Following, terminal: Terminal) -> None:
    follower, told = following
    follower.turn_to("web")
    assert told.get(timeout=LIMIT_S) == LiveScreen("web", ("one",), NOW)
    terminal.show("web", "two")
    assert told.get(timeout=LIMIT_S).rows == ("two",)
    follower.turn_to("api")
    assert told.get(timeout=LIMIT_S) == LiveScreen("api", ("other",), NOW)
    assert told.empty()


def test_it_goes_on_after_a_terminal_that_could_not_be_seen(following: Following, terminal: Terminal) -> None:
    follower, told = following
    terminal.failures = 3
    follower.turn_to("web")
    assert told.get(timeout=LIMIT_S).rows == ("one",)
    assert terminal.looks > 3


def test_a_lane_that_prints_nothing_is_not_looked_at_again(following: Following, terminal: Terminal) -> None:
    follower, told = following
    waits = []
    wait = terminal.rang_within

    def counted(pane: str, seconds: float) -> bool:
        waits.append(pane)
        return wait(pane, seconds)

    terminal.rang_within = counted  # type: ignore[method-assign, assignment]
    follower.turn_to("web")
    told.get(timeout=LIMIT_S)
    eventually(lambda: len(waits) > 20)
    assert (terminal.looks, terminal.connections) == (1, 1)


def test_a_connection_that_is_lost_is_made_again(following: Following, terminal: Terminal) -> None:
    follower, told = following
    follower.turn_to("web")
    told.get(timeout=LIMIT_S)
    terminal.lost = "tmux ended it"
    eventually(lambda: terminal.connections == 2)
    assert told.get(timeout=LIMIT_S).rows == ("one",)


def test_it_ends_while_it_follows_nothing() -> None:
    follower = Follower(Nowhere, lambda _screen: None)
    thread = threading.Thread(target=follower.run, daemon=True)
    thread.start()
    follower.end()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
