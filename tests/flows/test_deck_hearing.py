"""The deck in a real terminal hears of lanes as they change, on a connection of its own, and leaves no trace of it."""

from __future__ import annotations

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_deck_lanes import Person
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

HEARD_S = 20.0
"""Less than a sweep of the deck: what it shows within it was announced to it."""


@pytest.fixture
def scratch(boot: Boot) -> Scratch:
    return boot(lanes="{web: {harness: actor}, infra: {harness: actor}}", engine=None)


def panes(scratch: Scratch) -> dict[str, str]:
    """Lane -> its pane."""
    lines = scratch.tmux("list-panes", "-a", "-F", "#{@loop_lane} #{pane_id}").splitlines()
    return dict(line.split() for line in lines)


def clients(scratch: Scratch) -> list[str]:
    return scratch.tmux("list-clients", "-F", "#{client_pid} #{client_control_mode}").splitlines()


def row(screen: str, lane: str) -> str:
    return next((line for line in screen.splitlines() if line.startswith(f"{lane} ")), "")


def test_what_lanes_do_reaches_the_screen_without_a_sweep(scratch: Scratch) -> None:
    person = Person(scratch)
    person.sees("web", "infra", "○ ready")
    eventually(lambda: len(clients(scratch)) == 2, limit_s=HEARD_S)
    eventually(lambda: person.screen().count("○ ready") == 2, limit_s=HEARD_S)
    pane = panes(scratch)["web"]
    scratch.tmux("send-keys", "-t", pane, "-l", "REHEARSE: [{work_s: 2}, {ask: Apply the edit?}]")
    scratch.tmux("send-keys", "-t", pane, "Enter")
    eventually(lambda: "▶ busy" in row(person.screen(), "web"), limit_s=HEARD_S)
    eventually(lambda: "? approval" in row(person.screen(), "web"), limit_s=HEARD_S)
    assert "○ ready" in row(person.screen(), "infra")
    assert "web asks for permission" in " ".join(person.screen().split())
    assert not scratch.events("control.connected", "control.lost", "sweep.found", "lane.changed")
    person.press("q")
    eventually(lambda: clients(scratch) == [], limit_s=HEARD_S)
