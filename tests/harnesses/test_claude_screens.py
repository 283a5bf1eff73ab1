"""The packaged rules of Claude Code on the recorded screens of the version they were verified on."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from loop_orchestrator.harnesses.recorded import RECORDED
from loop_orchestrator.harnesses.registry import load_harnesses
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneState, LaneWord
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screens import parse_ansi
from tests.support.builders import NOW

SCREENS = RECORDED / "claude"
CLAUDE = load_harnesses(None)["claude"]
WORKING = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.WORKING)
GONE = frozenset({Detail.EXITED, Detail.SUSPENDED, Detail.MISSING})

EXPECTED: tuple[tuple[str, frozenset[Detail]], ...] = (
    ("idle-|inline-idle-|interrupted-by-|ctrl-c-once-idle", frozenset({Detail.READY})),
    ("typed|pasted-|slash-popup|bash-mode-typed", frozenset({Detail.DRAFT})),
    ("error-.*-retrying", frozenset({Detail.RETRYING})),
    ("working-|inline-working-", WORKING),
    ("approval-", frozenset({Detail.APPROVAL})),
    ("dialog-|menu-", frozenset({Detail.DIALOG})),
    ("error-40[13]", frozenset({Detail.AUTH})),
    ("error-", frozenset({Detail.API_ERROR})),
    ("exited|suspended|shell|offline-preflight-exit", GONE),
    ("overlay-", frozenset({Detail.DRIFTED})),
)
"""Beginning of a capture's state name -> the details it may be read as; the first that fits."""


@dataclass(frozen=True)
class Capture:
    name: str
    state: str
    text: str
    command: str
    title: str

    def read(self, text: str | None = None) -> LaneState:
        return classify(parse_ansi(text or self.text), CLAUDE, NOW, title=self.title, command=self.command)

    @property
    def expected(self) -> frozenset[Detail]:
        return next(details for pattern, details in EXPECTED if re.match(pattern, self.state))


def captures() -> list[Capture]:
    meta = dict(line.split("\t") for line in (SCREENS / "META.tsv").read_text(encoding="utf-8").splitlines())
    found = []
    for file in sorted(SCREENS.glob("*.ansi")):
        command, title, *_ = meta[file.stem].split("|")
        state = file.stem.split("__")[1]
        found.append(Capture(file.stem, state, file.read_text(encoding="utf-8"), command, title))
    return found


CAPTURES = captures()
every_capture = pytest.mark.parametrize("capture", CAPTURES, ids=[capture.name for capture in CAPTURES])


def test_the_verified_versions_are_those_recorded() -> None:
    assert {capture.name.split("__")[0] for capture in CAPTURES} == set(CLAUDE.verified)
    assert len(CAPTURES) == 45


@every_capture
def test_a_recorded_screen_is_read_as_what_it_was(capture: Capture) -> None:
    state = capture.read()
    assert state.detail in capture.expected, state


@every_capture
def test_what_is_not_idle_never_reads_as_ready_whatever_process_is_seen(capture: Capture) -> None:
    if Detail.READY in capture.expected:
        return
    for command in ("", "claude", "node"):
        seen = Capture(capture.name, capture.state, capture.text, command, "").read()
        assert seen.detail is not Detail.READY, (command, seen)


@every_capture
def test_a_screen_quoted_in_the_conversation_changes_nothing(capture: Capture) -> None:
    """Claude indents what it quotes; the screen it is quoted on is idle, or asks, and must be read as that."""
    quoted = "\n".join(f"  {row}" for row in parse_ansi(capture.text).rows[-12:])
    for name in ("idle-fresh__80x24", "approval-shell__80x24"):
        screen = next(other for other in CAPTURES if other.name.endswith(name))
        assert screen.read(f"{quoted}\n\x1b[0m{screen.text}").detail in screen.expected


def test_a_prompt_in_the_conversation_is_no_composer() -> None:
    shown = parse_ansi("❯ do it\n● done\n" + "─" * 40 + "\n  Showing detailed transcript")
    assert classify(shown, CLAUDE, NOW, command="claude").detail is Detail.DRIFTED


@every_capture
def test_a_plain_capture_is_read_the_same(capture: Capture) -> None:
    plain = "\n".join(parse_ansi(capture.text).rows)
    assert capture.read(plain).detail is capture.read().detail
