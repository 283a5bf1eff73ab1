"""The harness data of the rehearsal agent reads its real screens, wide and narrow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loop_orchestrator.model.lane import Detail
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screens import parse_ansi
from tests.rehearsal.terminal import AgentTerminal
from tests.support.packaged import packaged_harnesses
from tests.support.waiting import eventually

pytestmark = pytest.mark.flow


def detail(terminal: AgentTerminal) -> Detail:
    capture = terminal.tmux("capture-pane", "-e", "-p", "-t", "=agent:")
    return classify(parse_ansi(capture), packaged_harnesses()["rehearsal"], datetime.now(UTC)).detail


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12)])
@pytest.mark.parametrize(
    ("steps", "shown", "expected"),
    [
        ("{work_s: 60}", "Working…", Detail.BUSY),
        ("{think_s: 60}", "Thinking…", Detail.THINKING),
        ("{run: [sleep, '60']}", "Running:", (Detail.BUSY, Detail.TOOL)),
        ("{ask: rm x}", "? Allow", Detail.APPROVAL),
        ("{error: overloaded}", "✗ API Error", Detail.API_ERROR),
        ("{rate_limit: '12:30'}", "✗ Rate limited", Detail.RATE_LIMITED),
        ("{say: '✗ API Error: as text'}", "● ✗ API", Detail.READY),
        ("{say: '✶ Working… (0s · esc to interrupt)'}", "● ✶ Working", Detail.READY),
        ("{say: '❯ as text'}", "● ❯ as text", Detail.READY),
    ],
)
def test_every_state_is_read(
    terminal: AgentTerminal, width: int, height: int, steps: str, shown: str, expected: Detail | tuple[Detail, ...]
) -> None:
    terminal.start("--boot-s", "0", width=width, height=height)
    assert detail(terminal) is Detail.READY
    terminal.submit(f"REHEARSE: [{steps}]")
    terminal.shows(shown)
    eventually(lambda: detail(terminal) in (expected if isinstance(expected, tuple) else (expected,)))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12)])
def test_drafts_and_pastes_are_read(terminal: AgentTerminal, width: int, height: int) -> None:
    terminal.start("--boot-s", "0", width=width, height=height)
    for text, shown in (
        ("a draft", "a draft"),
        ("two\nlines", "lines"),
        ("x\n" * 120, "+120 lines"),
        ("a " * 400, "a a"),
    ):
        terminal.paste(text)
        terminal.shows(shown)
        assert detail(terminal) is Detail.DRAFT
        terminal.keys("C-u")
        eventually(lambda: detail(terminal) is Detail.READY)


def test_an_interrupted_turn_is_no_failure(terminal: AgentTerminal) -> None:
    terminal.start("--boot-s", "0")
    terminal.submit("REHEARSE: [{work_s: 60}]")
    terminal.shows("Working…")
    terminal.keys("Escape")
    terminal.shows("✗ Interrupted")
    assert detail(terminal) is Detail.READY


def test_the_starting_screen_is_read(terminal: AgentTerminal) -> None:
    terminal.start("--boot-s", "60", wait=False)
    terminal.shows("· starting")
    assert detail(terminal) is Detail.BOOTING
