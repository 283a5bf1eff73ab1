"""What a night can bring: a full disk, a tmux server that is gone, mail that means harm, two hands on one decision."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_watch import ENGINE, LANES, watching
from tests.support.scratch import FAST_SCRIPT, Scratch, scratch_project, write_task
from tests.support.waiting import eventually

WEB = "{web: {harness: actor}}"


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 4 MB at this place."""
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes every byte that is left."""
    filler = disk / "filler"
    with filler.open("ab") as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    os.write(file.fileno(), b"x" * size)
            except OSError:
                continue
    return filler


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_disk_stops_the_work_and_not_the_daemon(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "project" / ".loop") as disk,
        scratch_project(tmp_path / "project", tmp_path / "t", lanes=WEB, engine=ENGINE) as scratch,
        watching(scratch) as daemon,
    ):
        scratch.ok("mail", "send", "--from", "human", "--to", "coord", "--subject", "kept", "--body", "x")
        # One that has not begun to watch may end on a full disk.
        eventually(lambda: scratch.events("control.connected") and scratch.events("cycle.ended"))
        filler = fill(disk)
        for words in (
            ["mail", "send", "--from", "a", "--to", "coord", "--subject", "lost", "--body", "x" * 9000],
            ["engine", "once"],
        ):
            fill(disk)  # the daemon may have given a block back
            refused = scratch.run(*words)
            assert (refused.returncode, "No space left" in refused.stderr) == (1, True), refused.stderr
            assert "Traceback" not in refused.stderr
        write_task(scratch.root, "T0001")
        before = cpu_s(daemon.pid)
        time.sleep(3)  # the daemon meets the full disk meanwhile
        assert daemon.ended() is None, daemon.said
        assert cpu_s(daemon.pid) - before < 1.5
        filler.unlink()
        eventually(lambda: scratch.task_status("T0001") == "review", limit_s=60)
        assert scratch.mail("web", "T0001 in-progress") == 1
        listed = scratch.ok("mail", "list", "--to", "coord")
        assert ("kept" in listed, "lost" in listed) == (True, False)
        filler = fill(disk)
        assert daemon.end(signal.SIGTERM) == 0


def test_lanes_whose_server_was_killed_are_told_and_their_work_goes_on_when_they_are_up_again(boot: Boot) -> None:
    slow = FAST_SCRIPT.replace(
        '      - mail: {to: coord, subject: "{task} review"',
        '      - work_s: 60\n      - mail: {to: coord, subject: "{task} review"',
        1,
    )
    scratch = boot(lanes=WEB, engine=f"{ENGINE}, sweep_interval_s: 1", script=slow)
    with watching(scratch) as daemon:
        write_task(scratch.root, "T0001")
        eventually(lambda: scratch.mail("web", "T0001 in-progress") == 1)
        scratch.tmux("kill-server")
        eventually(lambda: "lane web is gone" in scratch.ok("status"))
        eventually(lambda: any("missing" in str(e.payload) for e in scratch.events("escalated")))
        (scratch.root / "script.yaml").write_text(FAST_SCRIPT, encoding="utf-8")
        code, said = scratch.person("up", "--accept", "--no-attach", "--boot-check", "30")
        assert code == 0, said
        eventually(lambda: any("has not reported" in str(e.payload) for e in scratch.events("escalated")))
        assert scratch.mail("web", "T0001 in-progress") == 1
        assert scratch.person("task", "reopen", "T0001")[0] == 0
        eventually(lambda: scratch.task_status("T0001") == "review")
        assert daemon.ended() is None


def test_what_a_person_says_of_an_unknown_delivery_lets_the_work_go_on(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    write_task(scratch.root, "T0001")
    assert scratch.run("engine", "once", env={"LOOP_CRASH_AT": "delivery.submitted"}).returncode == -signal.SIGKILL
    with watching(scratch):
        eventually(lambda: scratch.events("delivery.closed"))
        op = str(scratch.events("delivery.closed")[0].payload["op"])
        write_task(scratch.root, "T0002")
        assert scratch.person("resolve", op, "happened")[0] == 0
        eventually(lambda: scratch.task_status("T0002") == "review")
    assert scratch.mail("web", "T0001 in-progress") == scratch.mail("web", "T0002 in-progress") == 1


def test_mail_that_means_harm_stops_nobody(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    box = scratch.root / ".loop" / "messages"
    box.mkdir(exist_ok=True)
    head = "---\nsubject: {}\n---\n"
    for number, (subject, body) in enumerate(
        [
            ('"a\\e[201~\\rb"', "\x1b[31mred\x1b[201~\r\x00"),
            (f'"{"long " * 9000}"', "x"),
            ("T0001 review", "not from the lane that has it"),
            ("big", "x" * 5_000_000),
        ]
    ):
        (box / f"20260101-00000{number}-infra-to-coord.md").write_text(head.format(subject) + body)
    (box / "20260101-000010-infra-to-web.md").write_bytes(b"\xff\xfe\x00binary")
    (box / "20260101-000011-infra-to-web.md").symlink_to("/etc/passwd")
    (box / "20260101-000012-infra-to-web.md").mkdir()
    os.mkfifo(box / "20260101-000013-infra-to-web.md")
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{'*' + chr(97 + n)}]\n" for n in range(9)
    )
    (box / "20260101-000014-infra-to-web.md").write_text(f"---\nsubject: x\n{bomb}---\n")
    for path in box.iterdir():
        os.utime(path, (0, 0), follow_symlinks=False)  # nobody is still writing it
    write_task(scratch.root, "T0001")
    with watching(scratch) as daemon:
        eventually(lambda: scratch.task_status("T0001") == "review", limit_s=60)
        eventually(lambda: len(scratch.events("escalated")) == 3)
        assert daemon.end(signal.SIGTERM) == 0
    assert not scratch.events("brain.failed", "crash")
    assert (box / "failed" / "20260101-000003-infra-to-coord.md").stat().st_size > 5_000_000
    assert scratch.mail("web", "T0001 in-progress") == 1
    assert scratch.run("status").returncode == 0


def test_a_decision_that_two_terminals_approve_at_once_is_carried_out_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual, min_cycle_interval_s: 0.1")
    write_task(scratch.root, "T0001")
    with watching(scratch):
        eventually(lambda: scratch.events("decision.filed"))
        decision = str(scratch.events("decision.filed")[0].payload["decision"])
        words = f"{sys.executable} -m loop_orchestrator approve {decision}"
        for number in range(3):
            out = scratch.root / f".approved{number}"
            line = f"{words} >{out} 2>&1; echo $? >{out}.code"
            scratch.tmux("new-session", "-d", "-c", str(scratch.root), line, socket="person")
        codes = eventually(lambda: codes_of(scratch, 3), limit_s=60)
        eventually(lambda: scratch.task_status("T0001") == "review")
    assert "0" in codes
    assert scratch.mail("web", "T0001 in-progress") == 1
    assert sum(event.payload["kind"] == "dispatch" for event in scratch.events("item.started")) == 1


def test_a_task_that_waits_for_a_person_is_proposed_once(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}, api: {harness: actor}}", engine="approval: manual")
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(3,))
    scratch.ok("engine", "once", codes=(0, 3))
    assert sum(bool(event.payload["waiting"]) for event in scratch.events("decision.filed")) == 1
    decision = str(scratch.events("decision.filed")[0].payload["decision"])
    dry = scratch.ok("engine", "once", "--dry-run")
    assert f"- work:T0001: {decision}" in dry


def codes_of(scratch: Scratch, count: int) -> list[str]:
    found = [path.read_text().strip() for path in scratch.root.glob(".approved*.code")]
    return found if len(found) == count and all(found) else []


def test_of_many_daemons_started_at_once_one_watches(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    words = [sys.executable, "-m", "loop_orchestrator", "engine", "watch"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemons = [subprocess.Popen(words, cwd=scratch.root, env=scratch.environ, **quiet) for _ in range(12)]  # type: ignore[call-overload]
    try:
        eventually(lambda: sum(one.poll() is None for one in daemons) == 1, limit_s=60)
        assert sorted(one.poll() for one in daemons if one.poll() is not None) == [4] * 11
        eventually(lambda: len(scratch.events("watch.started")) == 1)
    finally:
        for one in daemons:
            one.terminate()
            one.wait(60)


def test_of_many_cycles_started_at_once_each_task_is_handed_over_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    write_task(scratch.root, "T0001")
    with ThreadPoolExecutor(8) as pool:
        codes = [one.returncode for one in pool.map(lambda _: scratch.run("engine", "once"), range(8))]
    assert set(codes) <= {0, 3, 4}
    eventually(lambda: scratch.mail("web", "T0001 review") == 1)
    assert scratch.mail("web", "T0001 in-progress") == 1


@pytest.mark.parametrize("gone", ["dropped", "exited", "server"])
def test_an_approval_of_something_for_a_lane_that_is_gone_fails_and_is_asked_anew(boot: Boot, gone: str) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual")
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(3,))
    decision = str(scratch.events("decision.filed")[0].payload["decision"])
    if gone == "dropped":
        assert scratch.person("lane", "drop", "web", "--force")[0] == 0
    elif gone == "exited":
        scratch.tmux("send-keys", "-t", "=scratch:", "C-c", "C-c")
        eventually(lambda: scratch.lane_state("web") == "errored")
    else:
        scratch.tmux("kill-server")
    code, said = scratch.person("approve", decision)
    assert (code, "failed" in said) == (1, True), said
    if gone == "exited":
        assert scratch.person("lane", "drop", "web", "--force")[0] == 0
    assert scratch.person("up", "--accept", "--no-attach", "--boot-check", "30")[0] == 0
    scratch.ok("engine", "once", codes=(3,))
    again = str(scratch.events("decision.filed")[-1].payload["decision"])
    assert again != decision
    assert scratch.person("approve", again)[0] == 0
    eventually(lambda: scratch.mail("web", "T0001 in-progress") == 1)
