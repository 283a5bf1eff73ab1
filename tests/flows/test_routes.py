"""What happens wakes the engine: also while it thinks, over a kill at every step, and when a person asks for it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_watch import ENGINE, LANES, watching
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

ROUTING = ("source.emitted", "route.claimed", "actor.acted")
"""Points on the way from a look to a cycle."""


def said(scratch: Scratch) -> list[str]:
    """What the sources had to say."""
    return [str(event.payload["detail"]) for event in scratch.events("source.emitted")]


def served(scratch: Scratch) -> list[int]:
    """Numbers of the events that a cycle dealt with, in that order."""
    done = [event for event in scratch.events("actor.stopped") if event.payload["outcome"] == "done"]
    return [number for event in done for number in event.payload["events"]]  # type: ignore[union-attr, misc]


@pytest.mark.parametrize("point", ROUTING)
def test_a_daemon_killed_here_serves_every_event_once_when_it_begins_again(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    write_task(scratch.root, "T0001")
    killed = scratch.run("engine", "watch", "--foreground", env={"LOOP_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with watching(scratch):
        eventually(lambda: scratch.task_status("T0001") == "review", limit_s=60)
        eventually(lambda: sorted(served(scratch)) == [event.seq for event in scratch.events("source.emitted")])
    assert said(scratch).count("T0001 is ready") == 1
    assert scratch.mail("web", "T0001 in-progress") == 1


def thinking(tmp_path: Path) -> str:
    """A brain that thinks until the file ``go`` is there, as the engine's config names it."""
    brain = tmp_path / "brain.py"
    brain.write_text(
        "import pathlib, time\n"
        "pathlib.Path('thinking').touch()\n"
        "while not pathlib.Path('go').exists():\n"
        "    time.sleep(0.02)\n"
        "print('```decision\\nversion: 1\\ncritique: fine\\nactions:\\n- {kind: stop, rationale: enough}\\n```')\n"
    )
    command = f"[{sys.executable}, {brain}]"
    return f"approval: full, min_cycle_interval_s: 0.1, brain: {{use: command, command: {command}}}"


def test_while_the_brain_thinks_mail_is_noted_lanes_are_seen_and_one_that_ended_is_started_again(
    boot: Boot, tmp_path: Path
) -> None:
    scratch = boot(lanes="{web: {harness: actor}, docs: {harness: actor}}", engine=thinking(tmp_path))
    with watching(scratch):
        eventually((scratch.root / "thinking").exists)
        scratch.ok("mail", "send", "--from", "docs", "--to", "coord", "--subject", "news", "--body", "x")
        (sent,) = scratch.events("mail.sent")
        eventually(lambda: sent.payload["file"] in said(scratch))
        (run,) = scratch.session_dir.rglob("web*.run.json")
        os.kill(int(json.loads(run.read_text())["pid"]), signal.SIGKILL)
        eventually(lambda: "web is exited" in said(scratch))
        eventually(lambda: scratch.events("lane.restarted"))
        assert not scratch.events("cycle.ended")
        (scratch.root / "go").touch()
        eventually(lambda: scratch.events("cycle.ended"))
        eventually(lambda: sent.seq < max(served(scratch), default=0))
        eventually(lambda: sorted(served(scratch)) == [event.seq for event in scratch.events("source.emitted")])
    assert not scratch.events("crash")


def test_a_cycle_that_somebody_asks_for_comes_and_one_asked_for_in_vain_waits(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual, min_cycle_interval_s: 0.1")
    assert "no engine watches" in scratch.ok("engine", "cycle-now")
    with watching(scratch):
        eventually(lambda: "asked for a cycle" in str([one.payload for one in scratch.events("cycle.started")]))
        eventually(lambda: not json.loads(scratch.ok("routes", "--json"))["routes"][0]["waiting"])
        cycles = len(scratch.events("cycle.ended"))
        assert json.loads(scratch.ok("engine", "cycle-now", "--json"))["watched"]
        eventually(lambda: len(scratch.events("cycle.ended")) == cycles + 1)
        scratch.ok("engine", "pause")
        assert "is paused by" in scratch.ok("engine", "cycle-now")
        waiting = eventually(lambda: json.loads(scratch.ok("routes", "--json"))["routes"][0]["waiting"])
        assert [entry["attempts"] for entry in waiting] == [0]
        assert "asked for a cycle" in scratch.ok("routes")


def test_what_led_to_a_cycle_is_one_trace(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    scratch.ok("engine", "cycle-now")
    with watching(scratch):
        eventually(lambda: scratch.events("actor.stopped"))
    (asked,) = [event for event in scratch.events("source.emitted") if event.source == "person"]
    told = scratch.ok("logs", "--trace", asked.id)
    for step in ("source.emitted", "route.claimed", "cycle.started", "cycle.ended", "actor.stopped"):
        assert step in told, told


def test_dead_letters_are_listed_and_only_one_that_is_there_is_tried_again(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    assert "nothing was given up" in scratch.ok("routes", "dead")
    refused = scratch.run("routes", "replay", "7-engine")
    assert (refused.returncode, "there is no dead letter 7-engine" in refused.stderr) == (2, True)
