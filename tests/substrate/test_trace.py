"""A text is recognised in the composer and in the conversation, however the program wraps and decorates it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from loop_orchestrator.model.lane import Lane
from loop_orchestrator.model.terminal import PaneReading
from loop_orchestrator.substrate.readiness import lane_of
from loop_orchestrator.substrate.screens import parse_ansi
from loop_orchestrator.substrate.trace import Trace
from tests.substrate.test_readiness import EMPTY, FACTS, FOOTER, LATER, LINE, RUN, record
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
REHEARSAL = HARNESSES["rehearsal"]
SHELL = HARNESSES["shell"]


def agent(*conversation: str, composer: str = EMPTY) -> Lane:
    screen = parse_ansi("\n".join((*conversation, "", LINE, composer, LINE, FOOTER)))
    return lane_of(record(), PaneReading(facts=FACTS, screen=screen), RUN, REHEARSAL, LATER)


def shell(*rows: str) -> Lane:
    reading = PaneReading(facts=FACTS, screen=parse_ansi("\n".join(rows)))
    return lane_of(record("shell", argv=()), reading, RUN, SHELL, LATER)


@pytest.mark.parametrize(
    ("text", "composer", "stands"),
    [
        ("hello there", "❯ hello there", True),
        ("hello there", "❯ hello\n  there", True),
        ("one\n\ttwo  three", "❯ one\n      two  three", True),
        ("- **one** (two)", "❯ │ one two", True),
        ("hello there", "❯ something else", False),
        ("hello there", EMPTY, False),
        ("Type a prompt", EMPTY, False),
        ("x" * 2_000, "❯ [pasted text #3 +1 lines]", True),
        ("the beginning is cut off, but the end of it is shown", "❯ cut off, but the end of it is shown", True),
        ("the beginning of it is shown, but the end is cut off", "❯ the beginning of it is shown, bu…", True),
        ("???", "❯ ???", True),
        ("???", "❯ !!!", False),
    ],
)
def test_a_text_in_the_composer(text: str, composer: str, stands: bool) -> None:
    trace = Trace(text, REHEARSAL)
    lane = agent("> hello there", composer=composer)
    assert trace.stands_in_composer(lane) is stands
    assert trace.composer_is_empty(lane) is (composer == EMPTY)


def test_the_conversation_is_what_is_outside_the_composer() -> None:
    trace = Trace("\nhello there\nand more", REHEARSAL)
    assert trace.mentions(agent("● hi")) == 0
    assert trace.mentions(agent("> hello there…", composer="❯ hello there")) == 1
    assert trace.mentions(agent("> hello there…", "● yes", "> hello", "  there…")) == 2


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        (("$ make all",), True),
        (("$ make", " all"), True),
        (("a prompt of no known kind~make all",), True),
        (("$ make all             12:30",), True),
        (("$ make all", "$ "), False),
        (("$ make all", "done", "$"), False),
        (("$ ",), False),
        (("$ make",), False),
    ],
)
def test_a_command_at_a_shells_prompt(rows: tuple[str, ...], stands: bool) -> None:
    lane = shell(*rows)
    trace = Trace("make all", SHELL)
    assert trace.stands_in_composer(lane) is stands
    assert trace.composer_is_empty(lane) is not stands


def test_of_a_long_text_its_end_is_left_in_the_conversation() -> None:
    trace = Trace(
        "the beginning of it is out of sight\n" + "row\n" * 90 + "and this is the last of its rows", REHEARSAL
    )
    before = agent("● hi")
    assert trace.mentions(agent("  row", "  and this is the", "  last of its rows", "● yes")) > trace.mentions(before)


@pytest.mark.parametrize(
    ("composer", "back"),
    [
        ("❯ please do this and that", True),
        ("❯ please do\n  this and that", True),
        ("❯ please do this and that, and more", False),
        ("❯ an older one", False),
        ("❯ queued words", False),
        (EMPTY, False),
    ],
)
def test_a_prompt_that_a_program_puts_back_is_no_draft_of_a_person(composer: str, back: bool) -> None:
    rule = REHEARSAL.composer
    assert rule is not None
    spec = replace(REHEARSAL, composer=replace(rule, puts_back=re.compile("^> ")))
    rows = ("> an older one", "● yes", "> please do this", "  and that", "● I am", "↑ queued words")
    before, after = agent(*rows), agent(*rows, "● Cancelled.", composer=composer)
    assert Trace("text", spec).was_put_back(after, before) is back
    assert not Trace("text", REHEARSAL).was_put_back(after, before)
    typed = agent(*rows, composer="❯ please do this and that")
    assert not Trace("text", spec).was_put_back(after, typed)
