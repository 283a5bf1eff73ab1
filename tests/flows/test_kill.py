"""SIGKILL between any two recorded steps of a cycle: afterwards nothing was done twice and nothing is lost."""

from __future__ import annotations

import signal

import pytest

from loop_orchestrator.crash import CRASH_POINTS
from tests.flows.conftest import Boot
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}}"

IN_THE_PANE = ("delivery.pasting", "delivery.pasted", "delivery.submitting", "delivery.submitted")
"""Killed here, nobody can know whether the text was submitted: a person must look."""

ENDING = ("worktree.made", "snapshot.made", "handoff.written", "handoff.noted", "lane.ended")
"""Points of beginning and ending a lane; tests/flows/test_worktrees.py kills there."""

RESTARTING = ("restart.recorded", "restart.started", "restart.kept")
"""Points of a restart; tests/flows/test_restart.py kills there."""

TYPING = ("delivery.resetting", "delivery.reset-typed", "delivery.reset", "resolve.recorded", "resolve.pressed")
"""Points of a fresh context, which the lanes here have no need of, and of a person's word on what stands in a composer;
tests/substrate/test_kill.py and tests/flows/test_delivery.py kill there."""

IN_LINE = tuple(point for point in CRASH_POINTS if point.startswith("line."))
"""Points of texts in line; tests/flows/test_queue.py kills there."""

ANSWERING = tuple(point for point in CRASH_POINTS if point.startswith(("approval.", "rejection.", "expiry.")))
"""Points of a person's answer, and of none; tests/flows/test_kill_answers.py kills there."""

ASKING = ("ask.recorded", "ask.ending")
"""Points of a text that wants an answer; tests/flows/test_asks.py kills there."""

IN_THE_LOG = tuple(point for point in CRASH_POINTS if point.startswith("log."))
"""Points of closing the event log; tests/flows/test_logs.py kills there."""

MEMORY = tuple(point for point in CRASH_POINTS if point.startswith(("ingest.", "filing.", "lint.")))
"""Points of the wiki, which the project here has none of; tests/flows/test_ingest.py kills there."""

ROUTING = ("source.emitted", "route.claimed", "actor.acted", "route.buried")
"""Points of the daemon's; tests/flows/test_routes.py kills there, and at the last one tests/routing/test_pump.py."""

ELSEWHERE = (
    *("decision.edited", "resolve.closed", "lane.started", "mail.linked", "notice.sent"),
    *(*ANSWERING, *ENDING, *RESTARTING, *TYPING, *IN_LINE, *ASKING, *IN_THE_LOG, *MEMORY, *ROUTING),
)
"""Points outside a cycle; they have tests of their own."""


def handed_over(scratch: Scratch) -> int:
    """How often the lane was given the task: it reports each time."""
    return scratch.mail("web", "T0001 in-progress")


def settled(scratch: Scratch) -> bool:
    scratch.ok("engine", "once", codes=(0, 3))
    return scratch.task_status("T0001") == "review"


@pytest.mark.parametrize("point", [point for point in CRASH_POINTS if point not in (*IN_THE_PANE, *ELSEWHERE)])
def test_a_cycle_killed_here_is_carried_on_once(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES)
    write_task(scratch.root, "T0001")
    killed = scratch.run("engine", "once", env={"LOOP_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    eventually(lambda: settled(scratch), what=f"T0001 after a kill at {point}")
    assert handed_over(scratch) == 1
    assert not list((scratch.session_dir / "engine" / "decisions").glob("*.json"))


@pytest.mark.parametrize("point", IN_THE_PANE)
def test_a_cycle_killed_while_it_types_is_shown_to_a_person_and_never_repeated(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES)
    write_task(scratch.root, "T0001")
    killed = scratch.run("engine", "once", env={"LOOP_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for _ in range(2):
        scratch.ok("engine", "once", codes=(0, 3))
    (unknown,) = scratch.events("delivery.closed")
    assert unknown.payload["status"] == "unknown"
    op = str(unknown.payload["op"])
    assert op in scratch.ok("status")
    arrived = handed_over(scratch)
    assert arrived <= 1

    code, said = scratch.person("resolve", op, "happened" if arrived else "did-not")
    assert code == 0, said
    if point in ("delivery.pasted", "delivery.submitting"):
        scratch.tmux("send-keys", "-t", f"={'scratch'}:", "C-u")
    eventually(lambda: settled(scratch), what=f"T0001 after a kill at {point}")
    assert handed_over(scratch) == 1


def test_an_approval_killed_after_it_was_recorded_is_carried_out_once(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(3,))
    (filed,) = scratch.events("decision.filed")
    decision = str(filed.payload["decision"])
    code, _ = scratch.person("approve", decision, env={"LOOP_CRASH_AT": "approval.recorded"})
    assert code != 0
    assert handed_over(scratch) == 0
    scratch.ok("engine", "once", codes=(0, 3))
    eventually(lambda: handed_over(scratch) == 1)
    scratch.ok("engine", "once", codes=(0, 3))
    assert handed_over(scratch) == 1


def test_mail_whose_sender_was_killed_is_in_the_mailbox_all_the_same(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    words = ("mail", "send", "--from", "human", "--to", "coord", "--subject", "hello", "--body", "x")
    assert scratch.run(*words, env={"LOOP_CRASH_AT": "mail.linked"}).returncode == -signal.SIGKILL
    assert "hello" in scratch.ok("mail", "list", "--to", "coord")


def test_a_crash_point_is_refused_outside_a_test(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    refused = scratch.run("engine", "once", env={"LOOP_CRASH_AT": "cycle.started", "LOOP_TEST": "0"})
    assert (refused.returncode, "this is no test" in refused.stderr) == (2, True)
    unknown = scratch.run("engine", "once", env={"LOOP_CRASH_AT": "cycle.startd"})
    assert (unknown.returncode, "names no crash point" in unknown.stderr) == (2, True)
