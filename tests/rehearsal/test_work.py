"""The packaged script against the real `loop mail` and the texts that the engine hands over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loop_orchestrator.prompts import fill, load_prompts
from tests.rehearsal.terminal import REPOSITORY, AgentTerminal

pytestmark = pytest.mark.flow

TASK = {"task": "T0001", "title": "Say hello", "file": "tasks/T0001-say-hello.md", "lane": "web"}


@pytest.fixture
def lane(terminal: AgentTerminal) -> AgentTerminal:
    """An agent in lane web of a project with a mailbox and a git repository."""
    argv = [sys.executable, "-m", "loop_orchestrator", "mail", "--help"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"`python -m loop_orchestrator mail` does not run: {done.stderr.strip()}")
    (terminal.folder / ".loop").mkdir(mode=0o700)
    subprocess.run(["git", "init", "-q", str(terminal.folder)], check=True)
    terminal.start(env={"LOOP_PROJECT_ROOT": str(terminal.folder), "LOOP_SESSION": "s"})
    return terminal


def loop(lane: AgentTerminal, *words: str) -> str:
    argv = [sys.executable, "-m", "loop_orchestrator", *words, "--project-root", str(lane.folder)]
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def mail(lane: AgentTerminal) -> dict[str, str]:
    """Pending messages: file -> text."""
    folder: Path = lane.folder / ".loop" / "messages"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("2*.md"))}


def hand_over(agent: AgentTerminal, prompt: str, **fields: str) -> None:
    agent.paste(fill(load_prompts()[prompt], **fields).strip())
    agent.shows("loop mail")
    agent.keys("Enter")


def test_a_task_is_begun_noted_and_put_up_for_review(lane: AgentTerminal) -> None:
    hand_over(lane, "task_brief", **TASK)
    lane.shows("● T0001 is ready for review: notes/T0001.md.")
    assert ["T0001 in-progress" in text for text in mail(lane).values()] == [True, False]
    assert ["T0001 review" in text for text in mail(lane).values()] == [False, True]
    assert all("-web-to-coord" in file for file in mail(lane))
    assert "lane web of session s" in (lane.folder / "notes" / "T0001.md").read_text(encoding="utf-8")


def test_a_proof_is_looked_at_and_reported(lane: AgentTerminal) -> None:
    hand_over(lane, "prove_brief", **TASK)
    rows = lane.shows("● T0001: looked at")
    assert "● $ git status --short" in rows
    assert ["T0001 proved" in text for text in mail(lane).values()] == [True]


def test_mail_is_answered_and_an_answer_is_not_answered_again(lane: AgentTerminal) -> None:
    question = loop(lane, "mail", "send", "--from", "ops", "--to", "web", "--subject", "a question", "--body", "why?")
    hand_over(lane, "mail_brief", project="", sender="ops", subject="a question", file=question, lane="web")
    lane.shows("● Answered ops.")
    answers = [file for file, text in mail(lane).items() if "-web-to-ops" in file and "Re: a question" in text]
    assert len(answers) == 1
    back = loop(lane, "mail", "reply", question, "--from", "ops", "--body", "I see")
    hand_over(lane, "mail_brief", project="", sender="ops", subject="Re: a question", file=back, lane="web")
    lane.shows("● Read the answer of ops; nothing is left to say.")
    assert [file for file in mail(lane) if "-web-to-ops" in file] == answers
    assert back not in mail(lane) and (lane.folder / ".loop" / "messages" / "processed" / back).exists()


def test_mail_that_cannot_be_sent_is_shown_and_ends_the_turn(lane: AgentTerminal) -> None:
    lane.submit("REHEARSE: [{mail: {to: not a name, subject: s}}, {say: never}]")
    rows = lane.shows("● Not done: loop mail send --to not a name")
    assert rows[-1].endswith("ready") and "● never" not in rows
