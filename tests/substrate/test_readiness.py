"""What a lane is doing is read from evidence, and never guessed to be idle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, LaneRecord, LaneRun, LaneSpec, LaneState, Signal, SignalSource
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, Screen
from loop_orchestrator.substrate.composer import composer_text
from loop_orchestrator.substrate.evidence import signals_of, unchecked
from loop_orchestrator.substrate.readiness import classify, fuse, lane_of
from loop_orchestrator.substrate.screens import parse_ansi
from tests.support.builders import NOW
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
REHEARSAL = HARNESSES["rehearsal"]
SHELL = HARNESSES["shell"]
LINE = "─" * 40
EMPTY = "❯ \x1b[2mType a prompt\x1b[0m"
FOOTER = "rehearsal 1 · web · ready"
BOX = ("? Allow: rm -r build", "  ❯ 1. Yes", "    2. No", "  Enter to choose · Esc to refuse")
LATER = NOW + timedelta(minutes=5)


def screen(*rows: str, composer: str = EMPTY, status: str = "", footer: str = FOOTER) -> Screen:
    return parse_ansi("\n".join((*rows, status, LINE, composer, LINE, footer)))


def read(shown: Screen, spec: HarnessSpec = REHEARSAL, *, title: str = "", command: str = "") -> LaneState:
    return classify(shown, spec, NOW, title=title, command=command)


@pytest.mark.parametrize(
    ("shown", "detail"),
    [
        (screen("> hello", "", "● hi"), Detail.READY),
        (screen(composer="❯ a draft"), Detail.DRAFT),
        (screen(composer="❯ first\n  second"), Detail.DRAFT),
        (screen(composer="❯\n  second"), Detail.DRAFT),
        (screen(composer="❯ [pasted text #1 +120 lines]"), Detail.DRAFT),
        (screen(composer="❯ Type a prompt", status="\x1b[2mdim\x1b[0m"), Detail.DRAFT),
        (screen(status="✶ Working… (3s · esc to interrupt)"), Detail.BUSY),
        (screen(status="✷ Thinking… (3s · esc to interrupt)"), Detail.THINKING),
        (screen(status="✷ Writing notes/T0001.md… (12s · esc to interrupt)"), Detail.BUSY),
        (screen(status="✷ Working… (3s · esc to interrupt)\n↑ 2 queued"), Detail.BUSY),
        (screen(status="✷ Working… (3s · esc to interrupt)", composer="❯ typed meanwhile"), Detail.BUSY),
        (screen(status="✗ API Error: 500 internal"), Detail.API_ERROR),
        (screen(status="✗ Rate limited until 12:30"), Detail.RATE_LIMITED),
        (parse_ansi("\n".join(("> do it", "", LINE, *BOX, LINE, FOOTER))), Detail.APPROVAL),
        (parse_ansi("rehearsal starting…\nrehearsal 1 · web · starting"), Detail.BOOTING),
        (parse_ansi("$ rehearsal\nsomething else"), Detail.DRIFTED),
        (parse_ansi(""), Detail.DRIFTED),
    ],
)
def test_the_screens_of_the_rehearsal_agent(shown: Screen, detail: Detail) -> None:
    assert read(shown).detail is detail


@pytest.mark.parametrize(
    "shown",
    [
        screen("● In web it says:", "  ✶ Working… (3s · esc to interrupt)"),
        screen("✶ Working… (3s · esc to interrupt)", "● done"),
        screen("● In web it says:", *BOX),
        screen("✗ API Error: 500", "> again", "● fine"),
        screen("rehearsal starting…"),
    ],
)
def test_another_lanes_screen_quoted_in_the_conversation_misleads_nobody(shown: Screen) -> None:
    assert read(shown).detail is Detail.READY


def test_a_composer_quoted_above_an_open_dialog_is_no_composer() -> None:
    quoted = (LINE, "❯ ", LINE, FOOTER)
    state = read(parse_ansi("\n".join((*quoted, "", LINE, *BOX, LINE, FOOTER))))
    assert state.detail is Detail.APPROVAL


def test_a_composer_far_above_the_end_of_the_screen_is_not_idle() -> None:
    state = read(parse_ansi("\n".join((LINE, EMPTY, LINE, FOOTER, *(f"row {n}" for n in range(5))))))
    assert state.detail is Detail.DRIFTED


def test_a_placeholder_that_somebody_typed_is_a_draft() -> None:
    typed = screen("\x1b[2mdim\x1b[0m", composer="❯ Type a prompt")
    assert composer_text(typed, REHEARSAL) == "Type a prompt"
    assert composer_text(screen(), REHEARSAL) == ""


def test_a_capture_without_escape_codes_knows_the_placeholder_by_its_text() -> None:
    assert composer_text(screen(composer="❯ Type a prompt"), REHEARSAL) == ""


def test_a_harness_without_rules_is_never_idle() -> None:
    bare = HarnessSpec(name="bare", title="Bare", kind=HarnessKind.AGENT, launch=("bare",))
    assert read(screen(), bare).detail is Detail.DRIFTED
    assert composer_text(screen(), bare) is None


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("$", ""),
        ("$ ls -l", "ls -l"),
        ("ann@box:~/shop# make", "make"),
        ("user@host ~/a %", ""),
        ("❯ git status", "git status"),
        ("❯                                 12:30:05", ""),
        ("❯ make                            12:30:05", "make"),
        ("$ echo $HOME > x", "echo $HOME > x"),
        ("compiling 3 of 7", None),
        ("(venv) ~/x $", ""),
    ],
)
def test_what_was_typed_at_a_shells_prompt(row: str, text: str | None) -> None:
    assert composer_text(parse_ansi(f"earlier $ output\n{row}\n\n"), SHELL) == text


# From here on: a lane with its process.

FACTS = PaneFacts(
    pane="%1",
    session="short",
    window="web",
    lane="web",
    pid=100,
    tty="/dev/pts/9",
    command="python3",
    title="",
    dead=False,
    in_mode=False,
    input_off=False,
    cursor_visible=True,
    alternate=True,
    width=120,
    height=30,
    foreground=200,
)
RUN = LaneRun(pid=200, started_at=NOW, ended_at=None, exit_status=None, suspended=False)


def record(
    harness: str = "rehearsal", *, cmd: str = "", argv: tuple[str, ...] = ("/usr/bin/python3", "-m", "x")
) -> LaneRecord:
    spec = LaneSpec(name="web", window="web", role="implementation", harness=harness, cmd=cmd, cwd=Path("/project"))
    return LaneRecord(spec=spec, pane="%1", pane_pid=100, pane_tty="/dev/pts/9", agent=True, argv=argv, booted_at=NOW)


def state(
    facts: PaneFacts | None = FACTS,
    run: LaneRun | None = RUN,
    *,
    shown: Screen | None = None,
    spec: HarnessSpec | None = REHEARSAL,
    of: LaneRecord | None = None,
    now: datetime = LATER,
) -> LaneState:
    reading = PaneReading(facts=facts, screen=shown or screen()) if facts else None
    return lane_of(of or record(), reading, run, spec, now).state


ENDED = replace(RUN, ended_at=NOW, exit_status=3)


@pytest.mark.parametrize(
    ("facts", "run", "detail"),
    [
        (FACTS, RUN, Detail.READY),
        (None, RUN, Detail.MISSING),
        (replace(FACTS, pid=101), RUN, Detail.CONFLICTING),
        (replace(FACTS, lane="web2"), RUN, Detail.CONFLICTING),
        (replace(FACTS, lane=""), RUN, Detail.CONFLICTING),
        (replace(FACTS, dead=True), RUN, Detail.EXITED),
        (FACTS, ENDED, Detail.EXITED),
        (replace(FACTS, command="bash", foreground=100), ENDED, Detail.EXITED),
        (FACTS, replace(RUN, suspended=True), Detail.SUSPENDED),
        (FACTS, None, Detail.CONFLICTING),
        (replace(FACTS, command="bash"), RUN, Detail.CONFLICTING),
        (replace(FACTS, command="vim", foreground=300), RUN, Detail.CONFLICTING),
        (replace(FACTS, foreground=300), RUN, Detail.CONFLICTING),
        (replace(FACTS, command="node"), RUN, Detail.READY),
        (replace(FACTS, command="node", foreground=0), RUN, Detail.CONFLICTING),
        (replace(FACTS, foreground=0), RUN, Detail.READY),
    ],
)
def test_the_process_counts_for_more_than_an_idle_screen(
    facts: PaneFacts | None, run: LaneRun | None, detail: Detail
) -> None:
    assert state(facts, run).detail is detail


def test_an_exit_status_is_said() -> None:
    assert "status 3" in state(FACTS, ENDED).evidence[0].seen


@pytest.mark.parametrize("run", [None, RUN])
def test_right_after_its_start_a_program_that_is_not_there_yet_is_booting(run: LaneRun | None) -> None:
    facts = replace(FACTS, command="bash")
    assert state(facts, run, shown=parse_ansi(""), now=NOW + timedelta(seconds=5)).detail is Detail.BOOTING
    assert state(facts, run, shown=parse_ansi(""), now=NOW + timedelta(seconds=40)).detail is Detail.CONFLICTING


def test_a_blank_screen_is_booting_at_first_and_drifted_later() -> None:
    assert state(shown=parse_ansi(""), now=NOW + timedelta(seconds=5)).detail is Detail.BOOTING
    assert state(shown=parse_ansi(""), now=NOW + timedelta(seconds=40)).detail is Detail.DRIFTED


@pytest.mark.parametrize(
    ("foreground", "command", "rows", "detail"),
    [
        (200, "bash", "$ ", Detail.READY),
        (200, "bash", "$ half a comm", Detail.DRAFT),
        (200, "bash", "a prompt of no known kind~", Detail.READY),
        (300, "make", "$ make", Detail.TOOL),
        (300, "bash", "$ bash script.sh\n$ ", Detail.TOOL),
        (0, "zsh", "% ", Detail.READY),
        (0, "make", "$ make", Detail.TOOL),
    ],
)
def test_a_shell_is_ready_when_it_has_the_terminal_itself(
    foreground: int, command: str, rows: str, detail: Detail
) -> None:
    facts = replace(FACTS, foreground=foreground, command=command)
    assert state(facts, shown=parse_ansi(rows), spec=SHELL, of=record("shell", argv=())).detail is detail


def test_a_command_lane_works_while_its_command_runs() -> None:
    of = record("", cmd="htop", argv=("sh", "-c", "htop"))
    assert state(spec=None, of=of).detail is Detail.BUSY
    assert state(FACTS, ENDED, spec=None, of=of).detail is Detail.EXITED
    assert state(None, spec=None, of=of).detail is Detail.MISSING


def test_a_screen_read_long_ago_is_stale() -> None:
    reading = PaneReading(facts=FACTS, screen=screen())
    signals = (*signals_of(record(), reading, RUN, REHEARSAL, NOW), unchecked(NOW))
    assert fuse(signals, REHEARSAL, NOW + timedelta(seconds=5)).detail is Detail.READY
    assert fuse(signals, REHEARSAL, NOW + timedelta(seconds=11)).detail is Detail.STALE


def test_no_evidence_is_unknown() -> None:
    assert fuse((), REHEARSAL, NOW).detail is Detail.DRIFTED


def signal(detail: Detail, source: SignalSource = SignalSource.SCREEN) -> Signal:
    return Signal(source=source, detail=detail, rule=f"test:{detail}", seen="x", at=NOW)


def test_the_order_of_evidence() -> None:
    strongest_first = [
        signal(Detail.EXITED, SignalSource.PROCESS),
        signal(Detail.APPROVAL),
        signal(Detail.BUSY),
        signal(Detail.API_ERROR),
        signal(Detail.BOOTING),
        signal(Detail.DRAFT),
        signal(Detail.READY),
        unchecked(NOW),
    ]
    for at, expected in enumerate(strongest_first[:-1]):
        found = fuse(tuple(reversed(strongest_first[at:])), REHEARSAL, NOW)
        assert found.detail is expected.detail
        assert found.evidence == tuple(strongest_first[at:])


def test_confidence_is_lower_for_weaker_evidence() -> None:
    unverified = replace(REHEARSAL, verified=())
    assert state(None).confidence == 1.0
    assert state().confidence == 0.9
    assert state(spec=unverified).confidence == 0.6
    assert state(shown=parse_ansi("")).confidence == 0.5


def test_what_a_screen_says_is_quoted_as_one_printable_line() -> None:
    long = replace(REHEARSAL, composer=replace(REHEARSAL.composer, below=0)) if REHEARSAL.composer else REHEARSAL
    shown = screen(composer="❯ " + "x" * 400 + "\u202e")
    seen = read(shown, long).evidence[0].seen
    assert len(seen) == 200 and seen.isprintable()
