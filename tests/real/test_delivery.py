"""Real agent programs take deliveries: what a receipt says is what happened, and what was typed by others stays."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loop_orchestrator.harnesses.registry import load_harnesses
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import composer_text
from tests.real.programs import Missing, Program
from tests.real.site import Sent, Site, site
from tests.support.model_server import ANSWER
from tests.support.waiting import eventually

HARNESSES = load_harnesses(None)


def unique(text: str) -> str:
    """The text with words at its beginning and end that stand nowhere else."""
    return f"Note {uuid.uuid4().hex[:8]}: {text} (end of {uuid.uuid4().hex[:8]})"


TEXTS = {
    "short": lambda: unique("say hello, please"),
    "lines": lambda: unique("\n".join(f"line {number}: äöü — “quoted” and\ta tab" for number in range(6))),
    "wide": lambda: unique("many words in one line " * 65),
    "10kB": lambda: unique(
        "\n".join(f"row {number:03d} with some words on it, and more of them" for number in range(200))
    ),
    "150kB": lambda: unique(
        "\n".join(f"row {number:04d}: the quick brown fox jumps over it" for number in range(3200))
    ),
}


def delivered(made: Site, program: Program, text: str, sent: Sent) -> None:
    """The receipt says that the turn started, and exactly this text began exactly one turn."""
    assert (sent.code, sent.status) == (0, "started"), sent
    assert sent.sha256 == hashlib.sha256(text.encode()).hexdigest()
    made.begins(program, text)
    made.until(program.name, "ready")
    assert len(made.turns(program, text)) == 1
    assert made.times(program, text) == 1


def refused(made: Site, program: Program, text: str, sent: Sent, *words: str, code: int = 4) -> None:
    """Nothing of the text reached the program, and the receipt says why."""
    assert (sent.code, sent.status) == (code, "not-delivered"), sent
    assert any(word in sent.evidence for word in words), sent
    assert text[:13] not in made.screen(program.name)
    assert not made.heard_of(text[:13])


def in_composer(made: Site, program: Program) -> str | None:
    rows = tuple(made.screen(program.name).splitlines())
    return composer_text(Screen(rows, rows), HARNESSES[program.name])


@contextmanager
def turn(made: Site, program: Program, wish: str) -> Iterator[str]:
    """A turn under way that says words and then holds (hold), or says nothing (mute); released at the end."""
    prompt = unique(f"MODEL-{wish}")
    sent = made.send(program.name, prompt)
    assert (sent.code, sent.status) == (0, "started"), sent
    try:
        made.begins(program, prompt)
        made.until(program.name, "busy", "thinking", "tool")
        yield prompt
    finally:
        made.model.release()


@contextmanager
def waiting(made: Site, program: Program, text: str) -> Iterator[list[Sent]]:
    """A delivery that waits for the lane; what was said of it is in the list after the end."""
    op = f"waits-{uuid.uuid4().hex[:8]}"
    sent: list[Sent] = []

    def send() -> None:
        sent.append(made.send(program.name, text, "--op", op, "--ready-timeout", "90"))

    waiter = threading.Thread(target=send)
    waiter.start()
    try:
        eventually(lambda: made.has_begun(op), what="the delivery is on record and waits")
        yield sent
    finally:
        waiter.join(120)
    assert sent


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_arrives_whole_and_once(booted: Site, program: Program, kind: str) -> None:
    text = TEXTS[kind]()
    delivered(booted, program, text, booted.send(program.name, text))


@pytest.mark.parametrize("wish", ["hold", "mute"])
def test_a_lane_at_work_takes_nothing(booted: Site, program: Program, wish: str) -> None:
    text = unique("not now")
    with turn(booted, program, wish):
        refused(booted, program, text, booted.send(program.name, text), "working")
    booted.until(program.name, "ready")
    assert not booted.heard_of(text[:13])


def test_a_text_waits_for_the_end_of_a_turn(booted: Site, program: Program) -> None:
    text = unique("when you are done")
    with turn(booted, program, "hold"), waiting(booted, program, text) as sent:
        assert not sent
        assert text[:13] not in booted.screen(program.name)
        booted.model.release()
    delivered(booted, program, text, sent[0])


@pytest.mark.parametrize("wish", ["hold", "mute"])
def test_a_turn_is_interrupted_for_a_text(booted: Site, program: Program, wish: str) -> None:
    text = unique("stop that and do this")
    with turn(booted, program, wish) as before:
        sent = booted.send(program.name, text, "--interrupt")
        assert (sent.code, sent.status) == (0, "started"), sent
        booted.begins(program, text)
    booted.until(program.name, "ready")
    assert len(booted.turns(program, text)) == 1
    assert booted.times(program, text) == 1
    assert len(booted.turns(program, before)) == 1


def test_a_question_about_an_action_takes_nothing(booted: Site, program: Program) -> None:
    if not program.approves:
        pytest.skip(f"{program.name} asks for no permissions")
    ask = unique("MODEL-tool")
    sent = booted.send(program.name, ask)
    assert (sent.code, sent.status) == (0, "started"), sent
    booted.until(program.name, "approval", "dialog")
    text = unique("1")
    for options in ((), ("--interrupt",), ("--ready-timeout", "1")):
        refused(booted, program, text, booted.send(program.name, text, *options), "awaiting-approval")
    assert booted.state(program.name) in ("approval", "dialog")
    assert not (booted.root / "model-was-here").exists()
    booted.keys(program.name, "Escape")
    booted.until(program.name, "ready")
    assert not (booted.root / "model-was-here").exists()


@pytest.mark.parametrize("kind", ["short", "lines", "10kB"])
def test_a_draft_is_left_as_it_is(booted: Site, program: Program, kind: str) -> None:
    draft = TEXTS[kind]()
    if kind == "short":
        booted.keys(program.name, "-l", draft)
    else:
        booted.paste(program.name, draft)
    booted.until(program.name, "draft")
    stood = in_composer(booted, program)
    assert stood
    text = unique("on top of it")
    for options in ((), ("--interrupt",), ("--ready-timeout", "1")):
        refused(booted, program, text, booted.send(program.name, text, *options), "draft")
    assert in_composer(booted, program) == stood
    assert not booted.heard_of(draft[:13])
    booted.keys(program.name, "Enter")
    booted.begins(program, draft)
    assert not booted.heard_of(text[:13])
    booted.until(program.name, "ready")


@pytest.mark.parametrize("kind", ["short", "lines", "10kB"])
def test_a_text_without_enter_stands_as_a_draft(booted: Site, program: Program, kind: str) -> None:
    text = TEXTS[kind]()
    sent = booted.send(program.name, text, "--no-enter")
    assert (sent.code, sent.status) == (0, "submitted"), sent
    booted.until(program.name, "draft")
    other = unique("another one")
    refused(booted, program, other, booted.send(program.name, other), "draft")
    assert not booted.heard_of(text[:13])
    booted.keys(program.name, "Enter")
    booted.begins(program, text)
    assert booted.times(program, text) == 1
    booted.until(program.name, "ready")


def test_the_keys_that_clear_a_composer_empty_it(booted: Site, program: Program) -> None:
    composer = HARNESSES[program.name].composer
    assert composer is not None
    if not composer.clear:
        pytest.skip(f"no keys are known that clear the composer of {program.name}")
    draft = TEXTS["short"]()
    booted.keys(program.name, "-l", draft)
    booted.until(program.name, "draft")
    booted.keys(program.name, *composer.clear)
    booted.until(program.name, "ready")
    text = unique("after clearing")
    delivered(booted, program, text, booted.send(program.name, text))
    assert not booted.heard_of(draft[:13])


def test_copy_mode_is_left(booted: Site, program: Program) -> None:
    booted.tmux("copy-mode", "-t", booted.pane(program.name))
    text = unique("out of copy mode")
    delivered(booted, program, text, booted.send(program.name, text))


def test_its_own_command_gives_a_fresh_context(booted: Site, program: Program) -> None:
    composer = HARNESSES[program.name].composer
    assert composer is not None and composer.reset
    first, second = unique("remember this"), unique("what was it?")
    delivered(booted, program, first, booted.send(program.name, first))
    sent = booted.send(program.name, composer.reset)
    assert (sent.code, sent.status) in {(0, "submitted"), (0, "started")}, sent
    booted.until(program.name, "ready")
    delivered(booted, program, second, booted.send(program.name, second))
    (asked,) = booted.turns(program, second)
    assert not any(first[:13] in prompt for prompt in asked.prompts)
    assert not booted.heard_of(composer.reset + "\n")


def test_a_starting_program_takes_nothing_and_what_waits_is_delivered(booted: Site, program: Program) -> None:
    early, late = unique("too early"), unique("when you are there")
    booted.ok("lane", "restart", program.name)
    sent = booted.send(program.name, early)
    if sent.status == "not-delivered":
        refused(booted, program, early, sent, "booting", "conflicting", "drifted")
    else:
        delivered(booted, program, early, sent)
    booted.ok("lane", "restart", program.name, "--force")
    delivered(booted, program, late, booted.send(program.name, late, "--ready-timeout", "60"))
    assert booted.screen(program.name).count(ANSWER) >= 1


def test_a_shell_in_the_place_of_the_program_takes_nothing(booted: Site, program: Program) -> None:
    pid = int(booted.tmux("display-message", "-p", "-t", booted.pane(program.name), "#{pane_pid}"))
    booted.end_program(pid)
    booted.until(program.name, "exited")
    text = f"touch {booted.root}/typed-into-a-shell"
    sent = booted.send(program.name, text)
    assert (sent.code, sent.status) == (5, "not-delivered"), sent
    assert "exited" in sent.evidence
    sent = booted.send(program.name, text, "--ready-timeout", "5")
    assert (sent.code, sent.status) == (5, "not-delivered"), sent
    assert "typed-into" not in "".join(booted.screen(program.name).split())
    assert not (booted.root / "typed-into-a-shell").exists()
    booted.ok("lane", "restart", program.name, "--wait-ready", "--ready-timeout", "60")


def test_a_question_at_the_start_takes_nothing_and_what_waits_is_delivered(
    program: Program, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not program.trusts:
        pytest.skip(f"{program.name} asks nothing when it starts")
    early, late = unique("1"), unique("when you may work here")
    try:
        started = site(tmp_path, tmp_path_factory.mktemp("t"), program, ready=False, trusted=False)
        with started as made:
            made.until(program.name, "dialog", "question", "approval")
            for options in ((), ("--interrupt",), ("--ready-timeout", "1")):
                refused(made, program, early, made.send(program.name, early, *options), "awaiting-approval")
            made.until(program.name, "dialog", "question", "approval")
            with waiting(made, program, late) as sent:
                assert not sent
                for key in program.trusts:
                    made.keys(program.name, key)
            delivered(made, program, late, sent[0])
    except Missing as missing:
        pytest.skip(str(missing))
