"""The agent in real tmux: what it shows, what keys and pastes do to it, how it ends."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.rehearsal.terminal import IDLE, AgentTerminal, alive
from tests.support.waiting import eventually

pytestmark = pytest.mark.flow

ECHO = r"""
answers:
  - when: '(?s)\A(.*)\Z'
    steps: [{write: {path: got.txt, text: "{1}"}}]
"""
"""Writes every prompt, whole, to got.txt."""


def got(terminal: AgentTerminal) -> str:
    terminal.shows("● Wrote got.txt")
    return (terminal.folder / "got.txt").read_text(encoding="utf-8")


def test_an_idle_screen_is_rule_composer_rule_footer(terminal: AgentTerminal) -> None:
    terminal.start()
    assert terminal.rows()[-5:] == ["", "─" * 80, IDLE, "─" * 80, "rehearsal 1 · web · ready"]


def test_only_the_placeholder_is_dim(terminal: AgentTerminal) -> None:
    terminal.start()
    placeholder = next(row for row in terminal.rows("-e") if "Type a prompt" in row)
    assert re.search(r"\x1b\[[0-9;]*\b2m(\x1b\[\d+m)*Type a prompt", placeholder)
    terminal.keys("typed")
    terminal.shows("❯ typed")
    assert not any(re.search(r"\x1b\[(\d+;)*2(;\d+)*m", row) for row in terminal.rows("-e"))


def test_keys_before_the_composer_are_lost(terminal: AgentTerminal) -> None:
    terminal.start("--boot-s", "1.5", wait=False)
    terminal.shows("rehearsal starting…", "rehearsal 1 · web · starting")
    terminal.submit("too early")
    terminal.paste("also too early")
    terminal.shows(IDLE)
    terminal.keys("x")
    terminal.shows("❯ x")
    assert not any("early" in row for row in terminal.rows())


def test_a_paste_of_several_lines_is_a_draft_until_enter(terminal: AgentTerminal) -> None:
    terminal.start(script=ECHO)
    terminal.paste("first\nsecond\nthird")
    rows = terminal.shows("❯ first", "third")
    at = rows.index("❯ first")
    assert rows[at : at + 4] == ["❯ first", "  second", "  third", "─" * 80]
    terminal.keys("Enter")
    assert got(terminal) == "first\nsecond\nthird"
    terminal.shows(IDLE, "rehearsal 1 · web · ready", "> first…")


def test_a_large_paste_shows_as_a_mark_and_arrives_byte_for_byte(terminal: AgentTerminal) -> None:
    terminal.start(script=ECHO)
    text = "\n".join(f"{number}: čaj 茶 🍵" for number in range(6000))
    terminal.keys("before ")
    terminal.paste(text)
    terminal.shows("❯ before [pasted text #1 +6000 lines]")
    terminal.keys(" after", "Enter")
    assert got(terminal) == f"before {text} after"


def test_backspace_takes_a_large_paste_out_whole(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.paste("\n" * 120)
    terminal.shows("[pasted text #1 +120 lines]")
    terminal.keys("BSpace")
    terminal.shows(IDLE)


def test_of_a_long_draft_eight_rows_are_shown_the_first_one_marked(terminal: AgentTerminal) -> None:
    terminal.start(width=40, height=12)
    terminal.paste("\n".join(f"line {number}" for number in range(10)))
    rows = terminal.shows("❯ line 2", "line 9")
    at = rows.index("❯ line 2")
    assert rows[at - 1] == "─" * 40
    assert rows[at + 1 : at + 9] == [*(f"  line {number}" for number in range(3, 10)), "─" * 40]


@pytest.mark.parametrize("key", ["C-j", "M-Enter"])
def test_a_new_line_can_be_typed(terminal: AgentTerminal, key: str) -> None:
    terminal.start(script=ECHO)
    terminal.keys("one", key, "two")
    terminal.shows("  two")
    terminal.keys("Enter")
    assert got(terminal) == "one\ntwo"


def test_control_u_clears_a_draft_of_several_lines(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.paste("one\ntwo")
    terminal.shows("  two")
    terminal.keys("C-u")
    terminal.shows(IDLE)


def test_enter_soon_after_a_paste_is_a_new_line_where_the_script_says_so(terminal: AgentTerminal) -> None:
    terminal.start(script=f"enter_refused_ms: 60000\n{ECHO}")
    terminal.paste("pasted")
    terminal.keys("Enter", "below")
    terminal.shows("❯ pasted", "  below")
    assert not (terminal.folder / "got.txt").exists()


def test_the_status_row_turns_while_a_turn_works(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit("REHEARSE: [{work_s: 60}]")
    rows = terminal.shows("✶ Working… (0s · esc to interrupt)")
    assert rows[-5:] == [
        "✶ Working… (0s · esc to interrupt)",
        "─" * 80,
        IDLE,
        "─" * 80,
        "rehearsal 1 · web · working",
    ]
    terminal.shows("✷ Working… (")
    eventually(lambda: re.search(r"✶ Working… \([1-9]\d*s · esc to interrupt\)", "\n".join(terminal.rows())))


def test_thinking_and_running_are_told_apart(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{think_s: 1.5}, {run: [sleep, "1.5"]}]')
    terminal.shows("Thinking… (")
    terminal.shows("Running: sleep 1.5… (")
    assert terminal.hides("esc to interrupt")[-5] == ""


def test_a_command_shows_its_output_and_how_it_failed(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{run: [sh, -c, "seq 30; exit 4"]}, {run: [no-such-program]}, {say: went on}]')
    terminal.shows(
        *("  … 18 more lines", "  exit status 4", "  no-such-program cannot be started: no such program"),
        "● went on",
    )


def test_enter_during_a_turn_queues(terminal: AgentTerminal) -> None:
    terminal.start(script=ECHO)
    terminal.submit("REHEARSE: [{work_s: 60}]")
    terminal.shows("Working…")
    terminal.submit("the next one")
    rows = terminal.shows("↑ 1 queued", "esc to interrupt", IDLE)
    at = rows.index("↑ 1 queued")
    assert "esc to interrupt" in rows[at - 1] and rows[at + 1] == "─" * 80
    assert not (terminal.folder / "got.txt").exists()
    terminal.keys("Escape")
    assert got(terminal) == "the next one"
    terminal.hides("queued")


def test_two_prompts_in_one_burst_are_two_turns_one_after_the_other(terminal: AgentTerminal) -> None:
    terminal.start(script=ECHO)
    terminal.tmux("send-keys", "-t", "=agent:", "REHEARSE: [{work_s: 2}]", "Enter", "second", "Enter")
    terminal.shows("↑ 1 queued")
    assert got(terminal) == "second"


def test_escape_interrupts_a_turn_and_ends_its_command(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{run: [sh, -c, "echo $$ > pid; exec sleep 60"]}, {say: never}]')
    pid_file = terminal.folder / "pid"
    eventually(lambda: pid_file.exists() and pid_file.read_text().strip())
    terminal.keys("Escape")
    rows = terminal.shows("✗ Interrupted", "web · ready")
    assert "● never" not in rows
    assert not alive(int(pid_file.read_text()))


def test_an_approval_stands_in_the_composers_place(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{work_s: 2}, {ask: "write to notes/"}, {say: done}]')
    terminal.keys("draft")
    terminal.shows("❯ draft")
    rows = terminal.shows("? Allow: write to notes/", "Enter to choose")
    assert rows[-8:] == [
        "",
        "─" * 80,
        "? Allow: write to notes/",
        "  ❯ 1. Yes",
        "    2. No",
        "  Enter to choose · Esc to refuse",
        "─" * 80,
        "rehearsal 1 · web · working",
    ]
    terminal.paste("1\n")
    terminal.keys("x", "Down")
    terminal.shows("  ❯ 2. No")
    terminal.keys("Up", "Enter")
    terminal.shows("● Allowed: write to notes/", "● done", "❯ draft")


@pytest.mark.parametrize("keys", [("2",), ("Escape",), ("Down", "Enter")])
def test_a_refused_approval_ends_the_turn(terminal: AgentTerminal, keys: tuple[str, ...]) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{ask: "rm x"}, {say: never}]')
    terminal.shows("? Allow: rm x")
    terminal.keys(*keys)
    rows = terminal.shows("● Not allowed.", IDLE, "web · ready")
    assert "● never" not in rows


def test_auto_approve_asks_nobody(terminal: AgentTerminal) -> None:
    terminal.start("--auto-approve")
    terminal.submit('REHEARSE: [{ask: "rm x"}, {say: done}]')
    terminal.shows("● Not asked (--auto-approve): rm x", "● done")


@pytest.mark.parametrize(
    ("step", "row"),
    [('{error: "overloaded"}', "✗ API Error: overloaded"), ('{rate_limit: "12:30"}', "✗ Rate limited until 12:30")],
)
def test_a_failed_turn_stays_in_the_status_row_until_the_next(terminal: AgentTerminal, step: str, row: str) -> None:
    terminal.start()
    terminal.submit(f"REHEARSE: [{step}, {{say: never}}]")
    rows = terminal.shows(row, "web · ready")
    assert rows[-5] == row and "● never" not in rows
    terminal.submit("REHEARSE: [{say: better}]")
    rows = terminal.shows("● better", "web · ready")
    assert not any(shown.startswith("✗") for shown in rows)


def test_steps_that_cannot_be_read_are_named_and_the_program_stays(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit("REHEARSE: [{wrk_s: 2}]")
    terminal.shows("● REHEARSE:1: steps[0].wrk_s: no such key; did you mean work_s?", "web · ready")


def test_the_screen_follows_the_size_of_its_pane(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.keys("a draft that is longer than a narrow pane is wide")
    terminal.resize(40, 12)
    narrow = [
        "─" * 40,
        "❯ a draft that is longer than a narrow p",
        "  ane is wide",
        "─" * 40,
        "rehearsal 1 · web · ready",
    ]
    eventually(lambda: terminal.rows()[-5:] == narrow)
    terminal.resize(100, 30)
    wide = ["─" * 100, "rehearsal 1 · web · ready"]
    eventually(lambda: len(rows := terminal.rows()) == 30 and rows[-2:] == wide)


def test_clear_empties_the_conversation(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{error: "overloaded"}]')
    terminal.shows("✗ API Error")
    terminal.submit("/clear")
    eventually(lambda: (rows := terminal.rows())[:-4] == [""] * 20 and rows[-3] == IDLE)


@pytest.mark.parametrize("end", [("/exit", "Enter"), ("C-c", "C-c"), ("draft", "C-c", "C-c")])
def test_exit_and_two_control_c_end_with_0(terminal: AgentTerminal, end: tuple[str, ...]) -> None:
    terminal.start()
    terminal.keys(*end)
    assert terminal.exit_status() == 0


def test_a_script_can_end_the_program(terminal: AgentTerminal) -> None:
    terminal.start()
    terminal.submit("REHEARSE: [{exit: 3}]")
    assert terminal.exit_status() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_ends_the_command_it_runs(terminal: AgentTerminal, number: signal.Signals) -> None:
    terminal.start()
    terminal.submit('REHEARSE: [{run: [sh, -c, "echo $$ > pid; exec sleep 60"]}]')
    pid_file = terminal.folder / "pid"
    eventually(lambda: pid_file.exists() and pid_file.read_text().strip())
    os.kill(terminal.pid(), number)
    assert terminal.exit_status() == 128 + number
    assert not alive(int(pid_file.read_text()))


def test_a_wrong_script_ends_it_with_every_mistake(terminal: AgentTerminal) -> None:
    terminal.start(script="boot_s: fast\nanswrs: []\n", wait=False)
    assert terminal.exit_status() == 2
    terminal.shows("did you mean answers?")
    shown = "".join(terminal.rows())
    assert "script.yaml:1: boot_s: expected a number of seconds" in shown and "script.yaml:2: answrs" in shown
