"""Agents whose program ended: started again by the engine, by the guard, by a person; once, and not for ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.stores.restarts import RestartLog
from tests.flows.conftest import Boot
from tests.flows.test_engine_restart import with_service
from tests.flows.test_watch import removed, watching
from tests.support.listeners import listener
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

WEB = "{web: {harness: actor}}"
SOON = "restart: {waits_s: [0, 0, 0], settle_s: 0}"
LATER = "restart: {waits_s: [0, 0, 0], settle_s: 600}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"


def notes(scratch: Scratch) -> tuple[RestartNote, ...]:
    return RestartLog(scratch.session_dir / "lane-restarts.jsonl").of_lane("web")


def events(scratch: Scratch) -> list[str]:
    return [note.event.value for note in notes(scratch)]


def configure(scratch: Scratch, text: str) -> None:
    with (scratch.root / "lane-config.yaml").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def run_of(scratch: Scratch) -> dict[str, object]:
    with suppress(FileNotFoundError):
        value = json.loads((scratch.session_dir / "lanes" / "web.run.json").read_bytes())
        assert isinstance(value, dict)
        return value
    return {}


def program(scratch: Scratch) -> int:
    """The pid of the lane's program, which runs; 0 where it does not."""
    run = run_of(scratch)
    return int(str(run["pid"])) if run.get("ended_at", "") is None else 0


def killed(scratch: Scratch) -> int:
    """The pid of the program that was killed, once its end is on record."""
    pid = eventually(lambda: program(scratch))
    os.killpg(pid, signal.SIGKILL)
    eventually(lambda: program(scratch) != pid)
    return pid


def at_rest(scratch: Scratch) -> bool:
    """No cycle is under way."""
    return len(scratch.events("cycle.started")) == len(scratch.events("cycle.ended"))


def agents(scratch: Scratch) -> int:
    """How many agents of the project run, wherever they were started from."""
    script = str(scratch.root / "script.yaml").encode()
    found = 0
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            found += script in words and b"loop_orchestrator.rehearsal" in words
    return found


@contextmanager
def guarding(scratch: Scratch) -> Iterator[subprocess.Popen[str]]:
    guard = subprocess.Popen(
        [sys.executable, "-m", "loop_orchestrator", "lane", "guard"],
        cwd=scratch.root,
        env=scratch.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    holder = scratch.session_dir / "lane-guard.lock.holder"
    try:
        eventually(lambda: holder.exists() or guard.poll() is not None)
        yield guard
    finally:
        if guard.poll() is None:
            guard.kill()
        guard.communicate()


def test_the_engine_starts_an_agent_again_whose_program_died(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    configure(scratch, SOON)
    pane = scratch.ok("lane-status", "--print-target", "scratch", "web")
    with watching(scratch):
        killed(scratch)
        eventually(lambda: scratch.events("lane.recovered"))
    assert events(scratch) == ["failed", "restarting", "restarted", "ready"]
    assert notes(scratch)[0].exit_status == -9
    assert scratch.ok("lane-status", "--print-target", "scratch", "web") == pane
    assert (scratch.lane_state("web"), agents(scratch)) == ("idle", 1)
    assert [event.payload["attempt"] for event in scratch.events("lane.restarted", "lane.recovered")] == [1, 1]
    assert not scratch.events("escalated")


def test_an_agent_that_dies_again_and_again_is_given_up_and_put_before_a_person_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    configure(scratch, LATER)
    with watching(scratch):
        for attempt in (1, 2, 3):
            killed(scratch)
            eventually(lambda: sum(one == "restarted" for one in events(scratch)) == attempt)  # noqa: B023
        killed(scratch)
        eventually(lambda: scratch.events("lane.gave-up"))
        eventually(lambda: scratch.events("escalated") and at_rest(scratch))
    assert events(scratch)[-2:] == ["restarted", "giving-up"]
    scratch.ok("engine", "once", codes=(0, 3))
    (escalated,) = scratch.events("escalated")
    assert "errored (exited)" in str(escalated.payload["summary"])
    status = scratch.json("status")
    needs = [(need["what"], need["next_step"]) for need in status["needs"]]  # type: ignore[attr-defined]
    said = "lane web was given up: 3 restarts in a row did not help: its program was ended by SIGKILL"
    assert (said, "loop lane restart web, or look first: loop attach web") in needs
    assert status["lanes"][0]["restarts"]["attempt"] == 3  # type: ignore[index]

    assert scratch.person("lane", "restart", "web", "--wait-ready")[0] == 0
    assert (notes(scratch)[-1].event, notes(scratch)[-1].attempt) == (RestartEvent.RESTARTED, 0)


def test_a_program_that_was_told_to_end_is_left_ended(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}, docs: {harness: actor}}", engine=ENGINE)
    configure(scratch, SOON)
    with watching(scratch):
        scratch.ok("send", "web", "REHEARSE: [{exit: 0}]", codes=(0, 1))
        eventually(lambda: scratch.events("lane.exited"))
        scratch.ok("send", "docs", "REHEARSE: [{exit: 7}]", codes=(0, 1))
        eventually(lambda: [e.payload["lane"] for e in scratch.events("lane.restarted")] == ["docs"])
    assert events(scratch) == []
    assert "loop lane restart web" in scratch.ok("status")


def test_a_program_that_is_gone_from_the_disk_is_given_up_at_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=None)
    configure(scratch, SOON)
    launch = scratch.session_dir / "lanes" / "web.launch.json"
    value = json.loads(launch.read_text())
    launch.write_text(json.dumps({**value, "argv": ["no-such-program"]}))
    with guarding(scratch):
        killed(scratch)
        eventually(lambda: events(scratch)[-1:] == ["giving-up"])
    assert events(scratch) == ["failed", "restarting", "restarted", "giving-up"]
    assert notes(scratch)[-1].exit_status == 127
    assert "it cannot be started: its program ended with status 127" in scratch.ok("status")


@pytest.mark.parametrize("point", ["restart.recorded", "restart.started", "restart.kept"])
def test_a_restart_killed_here_is_finished_and_starts_one_program(boot: Boot, point: str) -> None:
    scratch = boot(lanes=WEB, engine=None)
    configure(scratch, SOON)
    killed(scratch)
    died = scratch.run("lane", "guard", env={"LOOP_CRASH_AT": point})
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert events(scratch)[-1] == "restarting"
    with guarding(scratch):
        eventually(lambda: events(scratch)[-1] == "ready")
    assert (scratch.lane_state("web"), agents(scratch)) == ("idle", 1)
    assert len(scratch.events("lane.restarted")) == 1
    assert notes(scratch)[-1].attempt == 1


def test_the_guard_of_up_restarts_lanes_is_one_and_ends_with_the_session(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=None)
    configure(scratch, LATER)
    for _ in range(2):
        code, said = scratch.person("up", "--accept", "--no-attach", "--auto-restart")
        assert (code, "(pid " in said) == (0, True), said
    holder = scratch.session_dir / "lane-guard.lock.holder"
    pid = eventually(lambda: holder.exists() and json.loads(holder.read_text() or "{}").get("pid"))
    try:
        assert f"(pid {pid})" in scratch.ok("status")
        assert scratch.json("status")["guard"]["pid"] == pid  # type: ignore[index]
        second = scratch.run("lane", "guard")
        assert (second.returncode, f"pid {pid}" in second.stderr) == (4, True)
        killed(scratch)
        eventually(lambda: events(scratch)[-1:] == ["restarted"])
        eventually(lambda: scratch.lane_state("web") == "idle")
        assert scratch.person("down", "--force")[0] == 0
        eventually(lambda: not holder.exists())
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    log = (scratch.session_dir / "lane-guard.log").read_text()
    assert "lane web: started again, 1 in a row; its program was ended by SIGKILL" in log
    assert "the session is gone" in log


def test_a_guard_beside_an_engine_leaves_the_lanes_to_it(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    configure(scratch, LATER)
    with guarding(scratch) as guard, watching(scratch):
        killed(scratch)
        eventually(lambda: events(scratch)[-1:] == ["restarted"])
        eventually(lambda: scratch.lane_state("web") == "idle")
        assert guard.poll() is None
        assert agents(scratch) == 1
    assert events(scratch) == ["failed", "restarting", "restarted"]


def test_a_guard_takes_over_from_an_engine_that_ended(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    configure(scratch, LATER)
    with guarding(scratch):
        with watching(scratch) as engine:
            engine.end(signal.SIGTERM)
        killed(scratch)
        eventually(lambda: events(scratch)[-1:] == ["restarted"])
        eventually(lambda: agents(scratch) == 1)


def test_a_guard_whose_project_is_removed_ends(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=None)
    with guarding(scratch) as guard:
        scratch.end()
        eventually(lambda: removed(scratch.root / ".loop"))
        assert guard.wait(60) == 0


def test_an_agent_may_neither_restart_a_lane_nor_guard_them(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=None)
    loop = [sys.executable, "-m", "loop_orchestrator"]
    for number, words in enumerate((["lane", "restart", "web", "--force"], ["lane", "guard"])):
        out = scratch.root / f".agent{number}"
        line = f"{' '.join([*loop, *words])} >{out}.part 2>&1; mv {out}.part {out}"
        scratch.ok("send", "web", f"REHEARSE: [{{run: [sh, -c, {json.dumps(line)}]}}]")
        said = eventually(lambda: out.exists() and out.read_text())  # noqa: B023
        assert "an agent may not" in str(said)
        eventually(lambda: scratch.lane_state("web") == "idle")
    assert notes(scratch) == ()


def test_a_guard_tells_a_person_while_no_engine_does_and_each_thing_is_told_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual, min_cycle_interval_s: 0.1")

    def write(subject: str) -> None:
        scratch.ok("mail", "send", "--from", "web", "--to", "person", "--subject", subject, "--body", "x")

    def told(subject: str) -> int:
        """How often; a service is told again if a process ended before it had noted that it was."""
        things = str([event.payload["things"] for event in scratch.events("notice.sent")])
        (sent,) = [event for event in scratch.events("mail.sent") if event.payload["subject"] == subject]
        return things.count(str(sent.payload["file"])) and sum(one["message"].count(subject) for one in service.got)

    with listener() as service:
        with_service(scratch, service.url)
        with guarding(scratch) as guard:
            write("while-alone")
            eventually(lambda: told("while-alone") == 1)
            with watching(scratch) as daemon:
                eventually(lambda: scratch.events("watch.started"))
                write("while-watched")
                eventually(lambda: told("while-watched") == 1)
                assert daemon.end(signal.SIGTERM) == 0
            write("alone-again")
            eventually(lambda: told("alone-again") == 1)
            guard.send_signal(signal.SIGTERM)
            assert guard.wait(60) == 0
    assert [told(one) for one in ("while-alone", "while-watched", "alone-again")] == [1, 1, 1]
