"""The steps of a turn, with programs and the person played by the test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.run import Finished
from loop_orchestrator.rehearsal.play import Hands, play
from loop_orchestrator.rehearsal.steps import Ack, Exit, Fail, Mail, Reply, Run, Say, Step, Work, Write
from loop_orchestrator.rehearsal.surroundings import Surroundings
from loop_orchestrator.rehearsal.turn import Conversation

LOOP_MAIL = (sys.executable, "-P", "-m", "loop_orchestrator", "mail")


class Stage:
    """Plays steps; programs end with ``code``, and what was run is kept."""

    def __init__(self, cwd: Path, *, lane: str = "web", root: str = "/p", session: str = "s", code: int = 0) -> None:
        self.conversation = Conversation()
        self.ran: list[tuple[str, ...]] = []
        self._code = code
        self._around = Surroundings(lane, session, root, "", auto_approve=False, cwd=cwd)

    async def _program(self, argv: Sequence[str]) -> Finished:
        self.ran.append(tuple(argv))
        if argv[0] == "missing":
            raise ProcessError("missing cannot be started: no such program")
        return Finished(
            argv=tuple(argv),
            code=self._code,
            timed_out=self._code < 0,
            cancelled=False,
            duration_s=0.0,
            stdout=b"out\n",
            stderr=b"first\nwhy it failed\n" if self._code else b"",
            truncated=False,
        )

    async def _allowed(self, what: str) -> bool:
        raise AssertionError(what)

    def play(self, *steps: Step) -> int | None:
        self.conversation.begin("prompt", 0.0)
        hands = Hands(program=self._program, allowed=self._allowed, changed=lambda: None)
        return asyncio.run(play(steps, self.conversation, self._around, hands))

    @property
    def said(self) -> list[str]:
        return [entry.text for entry in self.conversation.entries][1:]


def test_mail_goes_through_the_loop_command_of_the_project(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.play(Mail("coord", "-s", "- b"), Reply("f.md", "yes"), Ack("f.md"))
    project = ("--project-root", "/p", "--session", "s")
    assert stage.ran == [
        (*LOOP_MAIL, "send", "--from", "web", "--to", "coord", "--subject=-s", "--body=- b", *project),
        (*LOOP_MAIL, "reply", "f.md", "--from", "web", "--body=yes", *project),
        (*LOOP_MAIL, "ack", "f.md", *project),
    ]
    assert stage.said == ["Mail to coord: -s", "Answered f.md", "Put away f.md"]


def test_outside_a_project_the_command_finds_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, root="", session="")
    stage.play(Ack("f.md"))
    assert stage.ran == [(*LOOP_MAIL, "ack", "f.md")]


def test_outside_a_lane_no_mail_is_sent_and_the_turn_ends(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lane="")
    stage.play(Mail("coord", "s"), Say("never"))
    assert stage.ran == []
    assert stage.said == ["Not done: loop mail send --to coord: this is no lane (LOOP_LANE is not set)."]


def test_mail_that_fails_ends_the_turn_with_its_reason(tmp_path: Path) -> None:
    stage = Stage(tmp_path, code=2)
    stage.play(Mail("coord", "s"), Say("never"))
    assert stage.said == ["Not done: loop mail send --to coord\nwhy it failed\nexit status 2"]


@pytest.mark.parametrize(("code", "how"), [(2, "exit status 2"), (-15, "ended after 120 s without a result")])
def test_a_command_that_fails_is_shown_and_the_turn_goes_on(tmp_path: Path, code: int, how: str) -> None:
    stage = Stage(tmp_path, code=code)
    stage.play(Run(("git", "status")), Run(("missing",)), Say("went on"))
    assert stage.said == [
        f"$ git status\nout\nfirst\nwhy it failed\n{how}",
        "$ missing\nmissing cannot be started: no such program",
        "went on",
    ]


def test_a_file_is_written_below_the_working_directory(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.play(Write("notes/deep/a.md", "čaj\n"), Say("went on"))
    assert (tmp_path / "notes" / "deep" / "a.md").read_text(encoding="utf-8") == "čaj\n"
    assert stage.said == ["Wrote notes/deep/a.md", "went on"]


@pytest.mark.parametrize("path", ["../a.md", "/tmp/a.md", ".", "notes/../../a.md", "link/a.md"])
def test_a_file_elsewhere_is_refused_and_the_turn_ends(tmp_path: Path, path: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "link").symlink_to(tmp_path)
    stage = Stage(here)
    stage.play(Write(path, "x"), Say("never"))
    assert stage.said == [f"Not written: {path} is not below {here}."]
    assert sorted(tmp_path.rglob("*")) == [here, here / "link"]


def test_a_file_that_cannot_be_written_ends_the_turn(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file", encoding="utf-8")
    stage = Stage(tmp_path)
    stage.play(Write("notes/a.md", "x"), Say("never"))
    assert len(stage.said) == 1 and stage.said[0].startswith("Not written: notes/a.md: ")


def test_steps_after_a_failure_or_an_exit_are_not_taken(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.play(Fail("overloaded"), Say("never")) is None
    assert (stage.said, stage.conversation.failure) == ([], "API Error: overloaded")
    assert Stage(tmp_path).play(Work(0.0), Exit(7), Say("never")) == 7
