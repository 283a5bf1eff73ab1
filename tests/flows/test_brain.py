"""A program as the brain: its reply is read strictly, corrected once, and every call is counted."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.flows.conftest import Boot
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

GOOD = (
    "Thinking.\n\n```decision\nversion: 1\ncritique: fine\nactions:\n"
    "- {kind: dispatch, lane: web, payload: hello from the brain, rationale: r}\n```\n"
)

BRAIN = """
import pathlib, sys
prompt = sys.stdin.read()
here = pathlib.Path(__file__).parent
count = len(list(here.glob("prompt-*"))) + 1
(here / f"prompt-{count}").write_text(prompt)
replies = sorted(here.glob("reply-*"))
sys.stdout.write(replies[min(count, len(replies)) - 1].read_text())
"""


def brain_of(folder: Path, *replies: str) -> str:
    """Config of a command brain that gives these replies in turn, the last one for ever."""
    folder.mkdir()
    (folder / "brain.py").write_text(BRAIN)
    for number, reply in enumerate(replies):
        (folder / f"reply-{number}").write_text(reply)
    return f"{{use: command, command: [{sys.executable}, {folder / 'brain.py'}], max_calls_per_hour: 3}}"


def boot_with(boot: Boot, folder: Path, *replies: str) -> Scratch:
    return boot(lanes="{web: {harness: actor}}", engine=f"approval: auto, brain: {brain_of(folder, *replies)}")


def test_a_reply_is_read_judged_and_executed(boot: Boot, tmp_path: Path) -> None:
    scratch = boot_with(boot, tmp_path / "b", GOOD)
    scratch.ok("engine", "once")
    eventually(lambda: "hello from the brain" in scratch.tmux("capture-pane", "-p", "-t", "=scratch:web"))
    prompt = (tmp_path / "b" / "prompt-1").read_text()
    assert "web (role implementation, actor, standing): idle/ready" in prompt
    (replied,) = scratch.events("brain.replied")
    assert replied.payload["usage"] == {
        **dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "cost_usd")),
        "cost_source": "unavailable",
    }


def test_a_broken_reply_is_quoted_back_once(boot: Boot, tmp_path: Path) -> None:
    scratch = boot_with(boot, tmp_path / "b", GOOD.replace("lane: web", "lan: web"), GOOD)
    scratch.ok("engine", "once")
    correction = (tmp_path / "b" / "prompt-2").read_text()
    assert "action 0: unknown field 'lan'; did you mean 'lane'?" in correction
    assert len(scratch.events("brain.called")) == 2
    assert len(scratch.events("decision.filed")) == 1


def test_a_reply_that_stays_broken_is_a_failure_that_blocks_nothing(boot: Boot, tmp_path: Path) -> None:
    scratch = boot_with(boot, tmp_path / "b", "no block at all")
    failed = scratch.run("engine", "once")
    assert failed.returncode == 1
    assert "broke the contract twice" in failed.stderr
    assert not scratch.events("decision.filed")
    assert "broke the contract twice" in str(scratch.events("brain.failed")[0].payload["reason"])


def test_a_brain_that_failed_is_left_out_for_a_while_and_asked_at_once_if_a_person_wants_it(
    boot: Boot, tmp_path: Path
) -> None:
    scratch = boot_with(boot, tmp_path / "b", "no block at all", "no block again", GOOD)
    assert scratch.run("engine", "once").returncode == 1
    left_out = scratch.run("engine", "once")
    assert left_out.returncode == 1
    assert "command is left out after a failure (unparseable)" in left_out.stderr
    assert "at once: loop engine once --retry" in left_out.stderr
    assert "brain: command is not asked before " in scratch.ok("engine", "status")
    scratch.ok("engine", "once", "--retry")
    assert "brain: " not in scratch.ok("engine", "status")
    assert len(list((tmp_path / "b").glob("prompt-*"))) == 3


def test_calls_are_counted_on_disk_and_the_budget_holds(boot: Boot, tmp_path: Path) -> None:
    scratch = boot_with(boot, tmp_path / "b", "no block at all")
    for _ in range(2):
        assert scratch.run("engine", "once", "--retry").returncode == 1
    refused = scratch.run("engine", "once", "--retry")
    assert "the budget of 3 calls per hour is used up" in refused.stderr
    assert len(list((tmp_path / "b").glob("prompt-*"))) == 3
    transcripts = list((scratch.session_dir / "engine" / "brain").iterdir())
    assert transcripts and all(path.stat().st_mode & 0o777 == 0o600 for path in transcripts)
