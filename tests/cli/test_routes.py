"""`loop routes`, and what a person asks of the engine: a look, and a cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.route import DeadLetter
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.routing import RoutingStore
from tests.cli.conftest import Loop, Ran

CONFIG = "lanes:\n  coord: {cmd: loop digest}\n  web: {harness: shell}\nengine: {approval: manual}\n"


@pytest.fixture
def shop(shop: Path) -> Path:
    """A project whose config has nothing to accept."""
    (shop / "lane-config.yaml").write_text(CONFIG)
    return shop


def told(ran: Ran) -> Any:
    """The document that was printed."""
    return ran.document


def bury(shop: Path, reason: str = "it broke") -> str:
    """Give the newest event up; the id of its letter."""
    layout = Layout(shop, "shop")
    (event,) = EventLog(layout.events, SystemClock()).tail(1)
    letter = DeadLetter(event=event, route="engine", attempts=8, reason=reason, at=event.at)
    RoutingStore(layout).bury(letter)
    return letter.id


def test_routes_tell_what_wakes_what_and_what_waits(loop: Loop, shop: Path) -> None:
    assert "no engine watches" in loop("engine", "cycle-now").out
    ran = loop("routes")
    assert "route engine: mailbox, asks, tasks, lanes" in ran.out
    assert "person asked for a cycle" in ran.out
    (route,) = told(loop("routes", "--json"))["routes"]
    assert (route["actor"], route["retry"]["attempts"]) == ("cycle", 8)
    assert [one["attempts"] for one in route["waiting"]] == [0]
    assert loop("routes", "list").out == loop("routes").out


def test_a_dead_letter_is_shown_and_tried_again_and_stays_until_that_went_well(loop: Loop, shop: Path) -> None:
    loop("engine", "cycle-now")
    letter = bury(shop, "it broke\x1b[31m\nhere")
    assert f"loop routes replay {letter}" in loop("status").out
    ran = loop("routes", "dead")
    assert letter in ran.out
    assert "\x1b" not in ran.out
    again = loop("routes", "replay", letter)
    assert (again.code, "no engine watches" in again.out) == (0, True)
    assert letter not in loop("status").out
    (shown,) = told(loop("routes", "dead", "--json"))["dead_letters"]
    assert (shown["id"], shown["tried_again"], shown["attempts"]) == (letter, True, 8)


def test_a_letter_that_is_not_there_is_named_with_those_that_are(loop: Loop, shop: Path) -> None:
    loop("engine", "cycle-now")
    letter = bury(shop)
    for given in ("9-engine", "../../lane-config", ""):
        refused = loop("routes", "replay", given)
        assert refused.code == 2
        assert letter in refused.err


def test_a_cycle_is_asked_for_only_where_there_is_an_engine(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes: {web: {harness: shell}}\n")
    refused = loop("engine", "cycle-now")
    assert "no engine" in refused.err
    assert loop("engine", "observe").code == refused.code != 0
    assert not Layout(shop, "shop").events.exists()


def test_a_look_tells_what_a_cycle_would_see_and_writes_nothing(loop: Loop, shop: Path) -> None:
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    loop("engine", "status")

    def everything() -> dict[Path, bytes]:
        files = [path for path in shop.rglob("*") if path.is_file() and "cache" not in path.parts]
        return {path: path.read_bytes() for path in files}

    before = everything()
    ran = loop("engine", "observe", "--json")
    assert ran.code == 0
    (mail,) = told(ran)["mail"]
    assert mail["subject"] == "Which colour?"
    assert (told(ran)["lanes"], told(ran)["unseen"]) == ({}, [])
    assert "mail: 1 pending" in loop("engine", "observe").out
    assert everything() == before


def test_what_cannot_be_seen_is_said_with_its_reason(loop: Loop, shop: Path) -> None:
    (shop / ".loop").mkdir(exist_ok=True)
    (shop / ".loop/orchestrator-state.json").write_text("{")
    ran = loop("engine", "observe", "--json")
    assert [one["what"] for one in told(ran)["unseen"]] == ["state"]
    assert "state cannot be seen: " in loop("engine", "observe").err
