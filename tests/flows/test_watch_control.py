"""The daemon on a held connection: what lanes do is pushed; with the connection cut, or switched off, it is found."""

from __future__ import annotations

import os
import signal

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_watch import ENGINE, LANES, watching
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

UNSWEPT = "approval: manual, sweep_interval_s: 3600, min_cycle_interval_s: 0.1"
"""No look of the daemon's own in the time of a test."""


def triggers(scratch: Scratch) -> list[str]:
    return [str(event.payload["detail"]) for event in scratch.events("source.emitted")]


def connected(scratch: Scratch, times: int = 1) -> bool:
    return len(scratch.events("control.connected")) == times


def missing(scratch: Scratch) -> set[object]:
    return {event.payload["lane"] for event in scratch.events("lane.changed") if event.payload["now"] == "missing"}


def test_a_lane_that_works_and_comes_to_rest_is_heard_and_not_swept_for(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine=UNSWEPT)
    with watching(scratch):
        eventually(lambda: connected(scratch))
        eventually(lambda: triggers(scratch).count("web is ready") == 1)
        scratch.ok("send", "web", "REHEARSE: [{work_s: 1.5}]")
        eventually(lambda: [e.payload["now"] for e in scratch.events("lane.changed")][-2:] == ["busy", "ready"])
        eventually(lambda: triggers(scratch).count("web is ready") == 2)
    assert not scratch.events("control.lost", "sweep.found", "crash")


def test_a_program_that_ends_and_a_server_that_is_killed_call_for_a_cycle_at_once(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}, infra: {harness: actor}}", engine=UNSWEPT)
    with watching(scratch):
        eventually(lambda: connected(scratch))
        scratch.ok("send", "web", "REHEARSE: [{work_s: 0.5}, {exit: 7}]", codes=(0, 1))
        eventually(lambda: "web is exited" in triggers(scratch))
        (exited,) = scratch.events("lane.exited")
        assert exited.payload == {"lane": "web", "exit_status": 7}
        scratch.tmux("kill-server")
        eventually(lambda: missing(scratch) == {"web", "infra"})
        eventually(lambda: scratch.events("control.lost"))
    assert len(scratch.events("control.lost")) == 1


def test_a_connection_that_is_cut_is_made_again_and_both_are_said_once(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine=UNSWEPT)
    with watching(scratch):
        eventually(lambda: connected(scratch))
        for client in scratch.tmux("list-clients", "-F", "#{client_pid}").split():
            os.kill(int(client), signal.SIGKILL)
        eventually(lambda: connected(scratch, 2))
        scratch.ok("send", "web", "REHEARSE: [{ask: Apply the edit?}]")
        eventually(lambda: "web is approval" in triggers(scratch))
    assert len(scratch.events("control.lost")) == 1
    eventually(lambda: not scratch.tmux("list-clients"))


@pytest.mark.parametrize("how", ["off", "refused"])
def test_everything_works_without_the_connection(boot: Boot, how: str) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    if how == "off":
        scratch.env["LOOP_CONTROL"] = "off"
    else:
        scratch.tmux("set-hook", "-g", "client-attached", "detach-client -a ; detach-client")
    with watching(scratch):
        write_task(scratch.root, "T0001")
        eventually(lambda: scratch.events("task.proved"), limit_s=60)
    assert scratch.task_status("T0001") == "review"
    assert not scratch.events("crash")
    assert len(scratch.events("control.lost")) == (how == "refused")
