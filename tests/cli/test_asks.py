"""`loop engine asks`, and the asks in `loop status`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from loop_orchestrator.wiring import Project
from tests.cli.conftest import Loop
from tests.support.builders import a_message, an_ask
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at


def asked(shop: Path) -> Project:
    """One ask of each kind, and one that ended long ago."""
    project = project_at(shop)
    now = project.clock.now()
    for idx, minutes in enumerate((200, 50, 10, 5)):
        lane = "web" if idx % 2 else "infra"
        project.asks.record(an_ask(f"d-{idx}-0", lane, asked_at=now - timedelta(minutes=minutes), timeout_s=1800))
    long_ago = SteppedClock(now - timedelta(minutes=100))
    earlier = project_at(shop, clock=long_ago)
    earlier.asks.time_out(project.asks.all()[0])
    project.asks.time_out(project.asks.all()[1])
    project.asks.reply(project.asks.all()[2], a_message("infra", "coord", "re:d-2-0", "on 8080"))
    return project


def test_it_shows_what_is_outstanding_and_what_ended_lately(loop: Loop, shop: Path) -> None:
    assert "no lane owes an answer" in loop("engine", "asks").out
    asked(shop)
    lines = loop("engine", "asks").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["d-1-0", "web"], ["d-2-0", "infra"], ["d-3-0", "web"]]
    assert "no answer within 30m" in lines[1]
    assert "answered: 20260301-115900-infra-to-coord.md" in " ".join(lines[2:])
    assert "outstanding, 24m left" in lines[3] or "outstanding, 25m left" in lines[3]
    assert loop("engine", "asks", "--all").out.splitlines()[1].startswith("d-0-0")


def test_the_document_has_every_field(loop: Loop, shop: Path) -> None:
    asked(shop)
    found = loop("engine", "asks", "--json").document
    assert found["session"] == "shop"
    assert isinstance(found["asks"], list)
    replied = found["asks"][1]
    assert isinstance(replied, dict)
    assert set(replied) == {
        *(
            "id",
            "lane",
            "status",
            "question",
            "asked_at",
            "timeout_s",
            "deadline",
            "ended_at",
            "file",
            "answer",
            "late",
        ),
        "others",
    }
    assert (replied["status"], replied["answer"], replied["late"]) == ("replied", "on 8080", False)


def test_the_status_counts_what_has_no_answer(loop: Loop, shop: Path) -> None:
    assert "\nasks:" not in loop("status").out
    project = asked(shop)
    assert "asks: 1 without an answer, the first for 5m (web); loop engine asks" in loop("status").out
    waiting = loop("status", "--json").document["asks"]
    assert isinstance(waiting, list)
    assert [one["id"] for one in waiting if isinstance(one, dict)] == ["d-3-0"]
    project.layout.asks.write_text("{")
    assert "asks: not known: " in loop("status").out
    assert loop("engine", "asks").code == 1
