"""The daemon: what it notices, that there is one of it, and that it ends and begins again cleanly."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.flows.conftest import Boot
from tests.support.daemons import Daemon
from tests.support.scratch import FAST_SCRIPT, Scratch, write_task
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, validate-left: {harness: actor}}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"


@contextmanager
def watching(scratch: Scratch, *, program: bool = False, env: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """A daemon in the foreground, which may have ended already. program: see ``Scratch.watch``."""
    seen = len(scratch.events("watch.started"))
    one = Daemon(scratch, "--foreground", program=program, env=env)
    try:
        eventually(lambda: len(scratch.events("watch.started")) > seen or one.ended() is not None)
        yield one
    finally:
        one.close()


def removed(folder: Path) -> bool:
    """False while somebody still writes into it."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_new_task_is_worked_on_proved_and_reported_without_anyone_looking(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    with watching(scratch) as daemon:
        write_task(scratch.root, "T0001")
        write_task(scratch.root, "T0002", depends_on=["T0001"])
        eventually(lambda: len(scratch.events("task.proved")) == 2, limit_s=60)
        code = daemon.end(signal.SIGTERM)
        assert code == 0
        assert "task.proved" in daemon.said
    assert scratch.mail("web", "T0001 in-progress") == scratch.mail("web", "T0002 in-progress") == 1
    assert scratch.task_status("T0001") == scratch.task_status("T0002") == "review"


def test_the_first_task_of_a_project_is_noticed_at_once(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=f"{ENGINE}, sweep_interval_s: 3600")
    assert not (scratch.root / "tasks").exists()
    scratch.ok("engine", "pause")
    with watching(scratch):
        eventually(lambda: noted(scratch) == {"web is ready", "validate-left is ready"})
        write_task(scratch.root, "T0001")
        eventually(lambda: "T0001 is ready" in noted(scratch))


def noted(scratch: Scratch) -> set[str]:
    return {str(event.payload["detail"]) for event in scratch.events("source.emitted")}


def test_mail_that_arrived_while_nobody_watched_is_handed_over(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", "a wish", "--body", "please")
    with watching(scratch):
        eventually(lambda: scratch.mail("web", "Re: a wish") == 1)


def test_a_pause_holds_cycles_back_and_loses_no_reason_for_one(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    scratch.ok("engine", "pause")
    with watching(scratch):
        write_task(scratch.root, "T0001")
        eventually(lambda: any("T0001" in str(e.payload) for e in scratch.events("source.emitted")))
        assert not scratch.events("cycle.started")
        scratch.ok("engine", "resume")
        eventually(lambda: scratch.task_status("T0001") == "review")


def test_a_failing_brain_waits_and_its_reasons_are_kept(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: full, brain: {use: command, command: ['false']}")
    with watching(scratch):
        write_task(scratch.root, "T0001")
        eventually(lambda: scratch.events("brain.failed"))
    assert len(scratch.events("brain.called")) == 1
    assert scratch.task_status("T0001") == "open"
    status = scratch.json("engine", "status")
    assert status["budget"]


def test_a_daemon_whose_project_is_removed_ends(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=f"{ENGINE}, sweep_interval_s: 1")
    with watching(scratch) as daemon:
        scratch.end()
        eventually(lambda: removed(scratch.root / ".loop"))
        assert daemon.process.wait(60) == 1
        assert "nothing is left to watch" in daemon.said


def test_a_program_that_ended_is_an_event_with_its_status_once(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine="approval: full")
    scratch.ok("send", "web", "REHEARSE: [{work_s: 0.5}, {exit: 7}]")
    eventually(lambda: scratch.lane_state("web") == "errored")
    for _ in range(2):
        scratch.ok("engine", "once", codes=(0, 3))
    (exited,) = scratch.events("lane.exited")
    assert exited.payload == {"lane": "web", "exit_status": 7}


SILENT = FAST_SCRIPT.replace('- mail: {to: coord, subject: "{task} review", body: finished}', "- say: forgot to report")


def test_a_lane_that_finishes_without_a_word_is_put_before_a_person(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine=ENGINE, script=SILENT)
    with watching(scratch):
        write_task(scratch.root, "T0001")
        eventually(lambda: scratch.events("escalated"))
    (escalated,) = scratch.events("escalated")
    assert "has not reported" in str(escalated.payload["summary"])
