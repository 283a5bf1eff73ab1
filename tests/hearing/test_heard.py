"""What the programs' own words say about the states of their lanes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from loop_orchestrator.hearing.heard import STATUS_RULE, Heard, status_detail
from loop_orchestrator.model.lane import Detail, SignalSource
from loop_orchestrator.model.terminal import TerminalSignal, TerminalSignalKind
from tests.support.builders import NOW, a_lane

WEB = a_lane().record


def said(text: str, kind: TerminalSignalKind = TerminalSignalKind.STATUS, pane: str = WEB.pane) -> TerminalSignal:
    return TerminalSignal(pane=pane, kind=kind, text=text, at=NOW)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("state=idle:app=codex", Detail.READY),
        ("state=done", Detail.READY),
        ("state=working:app=codex", Detail.BUSY),
        ("state=blocked:kind=permission:app=codex", Detail.APPROVAL),
        ("state=blocked:app=claude-code:kind=question:msg=aGk=", Detail.QUESTION),
        ("state=error", Detail.API_ERROR),
        ("state=clear:app=codex", None),
        ("state=blocked", None),
        ("state=blocked:kind=moon", None),
        ("state=idled", None),
        ("", None),
    ],
)
def test_a_status_speaks_for_a_detail_or_for_nothing(text: str, detail: Detail | None) -> None:
    assert status_detail(text) is detail


def test_the_newest_status_of_a_lane_counts() -> None:
    heard = Heard()
    heard.note([said("state=idle"), said("state=working:app=x"), said("state=idle", pane="%9")])
    heard.note([said("Approval requested", TerminalSignalKind.NOTIFICATION), said("", TerminalSignalKind.BELL)])
    ((lane, (signal,)),) = heard.signals([WEB]).items()
    assert lane == "web"
    assert (signal.source, signal.detail, signal.rule) == (SignalSource.TERMINAL, Detail.BUSY, STATUS_RULE)
    assert (signal.seen, signal.at) == ("state=working:app=x", NOW)


@pytest.mark.parametrize("how", ["program", "connection"])
def test_a_status_ends_with_the_program_and_with_the_connection(how: str) -> None:
    heard = Heard()
    heard.note([said("state=working")])
    heard.forget(WEB.pane) if how == "program" else heard.clear()
    assert heard.signals([WEB]) == {}


def test_a_status_that_was_taken_back_says_nothing() -> None:
    heard = Heard()
    heard.note([said("state=working"), said("state=clear")])
    assert not any(heard.signals([WEB]).values())


def test_a_lane_drew_nothing_since_it_is_listened_to_unless_it_is_heard_to() -> None:
    heard, later = Heard(), NOW + timedelta(seconds=5)
    infra = replace(a_lane("infra").record, pane="%9")
    assert heard.drawn([WEB, infra]) == {}
    heard.begin(NOW)
    heard.note([], ["%9"], later)
    assert heard.drawn([WEB, infra]) == {"web": NOW, "infra": later}
    heard.clear()
    assert heard.drawn([WEB, infra]) == {}
