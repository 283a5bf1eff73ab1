"""A lane that the engine ends leaves its state, and the next one of its name goes on from there, in real tmux."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Boot
from tests.support.repositories import a_repository
from tests.support.scratch import FAST_SCRIPT, SESSION, Scratch, write_task
from tests.support.waiting import eventually

GOING_ON = FAST_SCRIPT.replace(
    "answers:\n",
    r"""answers:
  - when: '(?s)subject "re:handoff:(?P<lane>\w+)".*```task\n(?P<body>.*?)\n```'
    steps:
      - mail: {to: coord, subject: "re:handoff:{lane}", body: "I go on with {body}"}
""",
    1,
)

BRAIN = """\
import pathlib, sys
sys.stdin.read()
action = pathlib.Path("next")
said = action.read_text() if action.exists() else "kind: stop, rationale: r"
action.unlink(missing_ok=True)
print("```decision\\nversion: 1\\ncritique: c\\nactions: [{" + said + "}]\\n```")
"""

DROP = "kind: drop_lane, window: search, rationale: r"


@pytest.fixture
def scratch(boot: Boot, tmp_path: Path) -> Scratch:
    """A session with a worker ``search`` that works in a worktree, and a brain that says what stands in ``next``."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".gitignore").write_text("/.loop/\n/.person-*\n/script.yaml\n/lane-config.yaml\n/brain.py\n/next\n")
    a_repository(root)
    (root / "ops-wiki" / "lanes").mkdir(parents=True)
    engine = f"approval: full, brain: {{use: command, command: [{sys.executable}, brain.py]}}"
    scratch = boot(lanes="{web: {harness: actor}}", engine=engine, script=GOING_ON)
    (root / "brain.py").write_text(BRAIN)
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said
    scratch.ok("lane", "add", "search", "--harness", "actor", "--worktree", "--wait-ready")
    return scratch


def decided(scratch: Scratch, action: str) -> tuple[str, str]:
    """Status and note of the one action that a cycle carried out."""
    (scratch.root / "next").write_text(action)
    scratch.ok("engine", "once")
    closed = scratch.events("item.closed")[-1].payload
    return str(closed["status"]), str(closed["note"])


def test_the_next_lane_goes_on_where_the_last_one_was_ended(scratch: Scratch) -> None:
    worktree = scratch.root / ".loop" / "worktrees" / SESSION / "search"
    (worktree / "half-done.txt").write_text("half done\n")
    scratch.ok("send", "search", 'REHEARSE: [{say: "the index is half done"}]')
    eventually(lambda: scratch.lane_state("search") == "idle")

    status, note = decided(scratch, DROP)
    assert (status, "its hand-off is " in note) == ("done", True)
    page = (scratch.root / "ops-wiki" / "lanes" / "search.md").read_text()
    assert "## Handoff state" in page and "the index is half done" in page
    assert f"- branch: loop/{SESSION}/search" in page

    write_task(scratch.root, "T0001")
    brief = "brief: Read tasks/T0001-thing.md and do what it says."
    status, note = decided(scratch, f"kind: add_lane, window: search, harness: actor, {brief}, rationale: r")
    assert status == "done", note
    eventually(lambda: scratch.mail("search", "re:handoff:search") == 1)
    scratch.ok("engine", "once")
    (taken,) = scratch.events("handoff.taken-up")
    text = (scratch.root / ".loop" / "messages" / "processed" / str(taken.payload["file"])).read_text()
    assert "I go on with # Task T0001\n\nDo it." in text
    lanes = scratch.json("lane", "list")["lanes"]
    assert isinstance(lanes, list)
    (search,) = [lane for lane in lanes if lane["lane"] == "search"]
    assert Path(search["cwd"]).samefile(worktree)
    assert (worktree / "half-done.txt").read_text() == "half done\n"


def test_a_lane_at_work_is_ended_only_by_a_persons_word(scratch: Scratch) -> None:
    scratch.ok("send", "search", "REHEARSE: [{work_s: 600}]")
    eventually(lambda: scratch.lane_state("search") == "working")
    status, note = decided(scratch, DROP)
    assert (status, "it is at work" in note) == ("failed", True)
    assert scratch.lane_state("search") == "working"

    (scratch.root / "next").write_text(DROP)
    scratch.ok("engine", "once", "--approval", "manual", codes=(3,))
    decision = str(scratch.events("decision.filed")[-1].payload["decision"])
    code, said = scratch.person("approve", decision)
    assert code == 0, said
    assert "search" not in scratch.ok("lane", "list")
