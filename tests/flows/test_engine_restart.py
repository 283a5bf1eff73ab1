"""One engine after another: never two, never none for long, and what was under way goes on right."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import loop_orchestrator
from tests.flows.conftest import Boot
from tests.flows.test_watch import ENGINE, watching
from tests.support.listeners import listener
from tests.support.scratch import FAST_SCRIPT, Scratch, write_task
from tests.support.waiting import eventually

SHELL = "{web: {harness: shell}}"


def engine_of(scratch: Scratch) -> dict[str, object]:
    found = scratch.json("engine", "status")["engine"]
    assert isinstance(found, dict)
    return found


def pid_of(scratch: Scratch) -> int:
    pid = engine_of(scratch)["pid"]
    assert isinstance(pid, int)
    return pid


def lives(pid: int) -> bool:
    """A zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_restart_ends_the_old_engine_before_the_new_one_begins(boot: Boot) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    said = scratch.json("restart", "--detach")
    first = pid_of(scratch)
    assert (said["pid"], said["was"], said["how"], said["code"]) == (first, None, "detached", "current")
    said = scratch.json("engine", "restart")  # the one that ran was in the background, so the next one is
    second = pid_of(scratch)
    assert (said["pid"], said["was"]) == (second, first)
    assert second != first and not lives(first) and lives(second)
    assert [event.kind for event in scratch.events("watch.started", "watch.stopped")] == [
        *("watch.started", "watch.stopped", "watch.started")
    ]
    assert scratch.events("watch.started")[-1].payload["took_over"] == ""
    scratch.ok("engine", "stop")
    assert not lives(second)
    assert engine_of(scratch)["state"] == "stopped"


def test_an_engine_in_another_terminal_gives_way_to_one_in_this(boot: Boot) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    with watching(scratch, program=True) as old:
        argv = [sys.executable, "-m", "loop_orchestrator", "restart", "--foreground", "--session", "scratch"]
        new = subprocess.Popen(
            argv, cwd=scratch.root, env=scratch.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert old.process.wait(60) == 0
            eventually(lambda: engine_of(scratch)["pid"] == new.pid)
            new.send_signal(signal.SIGTERM)
            assert new.wait(60) == 0
        finally:
            new.kill()
            said, _ = new.communicate()
    assert f"the engine (pid {old.pid}) has ended" in said
    assert re.search(r"^\d\d:\d\d:\d\d watch.started   pid", said, re.MULTILINE)


def test_many_restarts_at_once_leave_one_engine(boot: Boot) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    try:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: scratch.run("restart", "--detach", timeout_s=120), range(4)))
        assert {one.returncode for one in done} <= {0, 4}, [one.stderr for one in done]
        assert any(one.returncode == 0 for one in done)
        begun = [event.payload["pid"] for event in scratch.events("watch.started")]
        alive = [pid for pid in begun if lives(int(str(pid)))]
        assert alive == [pid_of(scratch)]
    finally:
        scratch.run("engine", "stop")


SYSTEMCTL = """\
#!/bin/sh
case "$*" in
  *is-active*) echo active ;;
  *" restart "*) echo "$*" >> systemctl.log
    watch='engine watch --run-as service'
    setsid sh -c "touch begun; exec {python} -m loop_orchestrator $watch" >/dev/null 2>&1 </dev/null &
    while [ ! -e begun ]; do sleep 0.05; done ;;
esac
"""


def test_an_engine_that_systemd_runs_is_restarted_by_systemd(boot: Boot, tmp_path: Path) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.replace("{python}", sys.executable))
    program.chmod(0o755)
    scratch.env["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    scratch.env["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    scratch.ok("service", "install")
    try:
        done = scratch.run("restart", "--detach", "--json")
        assert done.returncode == 0, done.stderr
        assert "systemd restarts it" in done.stderr
        assert engine_of(scratch)["code"] == "current"
        said = json.loads(done.stdout)
        assert (said["how"], said["was"], said["pid"]) == ("service", None, pid_of(scratch))
        (unit,) = (tmp_path / "config" / "systemd" / "user").glob("*.service")
        assert (scratch.root / "systemctl.log").read_text() == f"--user restart {unit.name}\n"
        assert scratch.json("service", "status")["engine"] == {
            "pid": pid_of(scratch),
            "how": "service",
            "code": "current",
        }
    finally:
        scratch.run("engine", "stop")


def test_an_engine_that_hears_nothing_is_killed_and_the_next_takes_over(boot: Boot) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    try:
        scratch.ok("restart", "--detach")
        first = pid_of(scratch)
        os.kill(first, signal.SIGSTOP)
        done = scratch.run("restart", "--detach", "--timeout", "20")
        assert done.returncode == 0, done.stderr
        assert f"(pid {first}) had to be killed" in done.stderr
        assert not lives(first)
        assert f"pid {first}" in str(scratch.events("watch.started")[-1].payload["took_over"])
    finally:
        scratch.run("engine", "stop")


@pytest.mark.parametrize(
    ("config", "said"), [("engin: {}\n", "did you mean engine?"), ("lanes: {}\n", "no engine"), ("", "not accepted")]
)
def test_what_could_not_start_does_not_end_the_engine_that_runs(boot: Boot, config: str, said: str) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    with watching(scratch, program=True) as daemon:
        path = scratch.root / "lane-config.yaml"
        if config:
            path.write_text(config)
            if "no engine" in said:
                scratch.person("trust", "--accept")
        else:
            path.write_text(path.read_text().replace("SHELL", "").replace("full", "auto"))
        done = scratch.run("restart", "--detach")
        assert done.returncode in (1, 2) and said in done.stderr, done.stderr
        assert daemon.ended() is None


def test_an_agent_restarts_and_stops_no_engine(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine=ENGINE)
    with watching(scratch, program=True) as daemon:
        for words in (("restart", "--detach"), ("engine", "stop")):
            refused = scratch.run(*words, env={"LOOP_LANE": "web"})
            assert refused.returncode == 1 and "an agent may not" in refused.stderr
        assert daemon.ended() is None


def test_other_code_is_stale_and_the_same_code_again_is_not(boot: Boot, tmp_path: Path) -> None:
    scratch = boot(lanes=SHELL, engine=f"{ENGINE}, sweep_interval_s: 1")
    package = tmp_path / "installed" / "loop_orchestrator"
    source = Path(loop_orchestrator.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, package, ignore=ignored)
    scratch.env["PYTHONPATH"] = str(package.parent)
    with watching(scratch, program=True):
        eventually(lambda: engine_of(scratch)["code"] == "current")
        shutil.copytree(source, package, ignore=ignored, dirs_exist_ok=True)
        for path in package.rglob("*.py"):
            path.touch()
        assert engine_of(scratch)["code"] == "current"
        (package / "cli" / "new.py").write_text("x = 1\n")
        assert engine_of(scratch)["code"] == "stale"
        assert "code: stale" in scratch.ok("status")
        eventually(lambda: scratch.events("watch.stale"))
        (package / "cli" / "new.py").unlink()
        assert engine_of(scratch)["code"] == "current"
    assert len(scratch.events("watch.stale")) == 1


GOT = FAST_SCRIPT.replace(
    "answers:", "answers:\n  - when: 'the-one-text'\n    steps:\n      - mail: {to: coord, subject: got, body: x}"
)

BRAIN = """\
import pathlib, sys
sys.stdin.read()
asked = pathlib.Path("asked")
asked.write_text((asked.read_text() if asked.exists() else "") + "x")
print("```decision")
print("version: 1\\ncritique: c\\nactions:")
if len(asked.read_text()) <= 2:
    print("  - {kind: dispatch, lane: web, payload: the-one-text, wait_ready: true, rationale: r}")
print("```")
"""


def test_told_to_stop_while_an_action_runs_it_ends_and_goes_on_right(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "brain.py").write_text(BRAIN)
    command = f"{{use: command, command: [{sys.executable}, {tmp_path / 'brain.py'}]}}"
    scratch = boot(lanes="{web: {harness: actor}}", engine=f"{ENGINE}, brain: {command}", script=GOT)
    scratch.ok("send", "web", "REHEARSE: [{work_s: 300}]")
    with watching(scratch, program=True) as daemon:
        write_task(scratch.root, "T0001")
        eventually(lambda: scratch.events("item.started"))
        assert daemon.end(signal.SIGTERM) == 0
        assert not scratch.mail("web", "got")
    scratch.tmux("send-keys", "-t", "=scratch:web", "Escape")
    with watching(scratch, program=True):
        eventually(lambda: scratch.mail("web", "got") == 1, limit_s=60)
        eventually(lambda: not list((scratch.session_dir / "engine" / "decisions").glob("*.json")))
    closed = [event.payload["status"] for event in scratch.events("item.closed") if event.payload["kind"] == "dispatch"]
    assert closed.count("done") == 1 and "unknown" not in closed
    assert scratch.mail("web", "got") == 1


def with_service(scratch: Scratch, url: str, *, timeout_s: int = 20) -> None:
    config = scratch.root / "lane-config.yaml"
    notify = f"notify: {{every_s: 0, services: {{hook: {{url_env: HOOK_URL, timeout_s: {timeout_s}}}}}}}\n"
    config.write_text(config.read_text() + notify)
    scratch.env["HOOK_URL"] = url
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said


def test_a_waiting_decision_is_told_once_and_again_if_the_engine_died_before_it_noted_so(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine="approval: manual, min_cycle_interval_s: 0.1")
    with listener() as service:
        with_service(scratch, service.url)
        scratch.env["LOOP_CRASH_AT"] = "notice.sent"
        with watching(scratch, program=True) as daemon:
            write_task(scratch.root, "T0001")
            assert daemon.process.wait(60) == -signal.SIGKILL
        assert len(service.got) == 1
        del scratch.env["LOOP_CRASH_AT"]
        with watching(scratch, program=True):
            eventually(lambda: len(scratch.events("notice.sent")) >= 1)
            decision = str(scratch.events("decision.filed")[0].payload["decision"])
            assert f"loop approve {decision}" in service.got[0]["message"]
            told = [one["message"].count(f"loop approve {decision}") for one in service.got]
            assert sum(told) == 2
        told_of = " ".join(str(event.payload["things"]) for event in scratch.events("notice.sent"))
        assert (told_of.count("decision:"), told_of.count("takeover:")) == (1, 1)


def test_a_service_that_never_answers_holds_nothing_up_and_sigterm_least(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine="approval: manual, min_cycle_interval_s: 0.1")
    with listener() as service:
        service.hangs.set()
        with_service(scratch, service.url, timeout_s=120)
        with watching(scratch, program=True) as daemon:
            write_task(scratch.root, "T0001")
            eventually(lambda: scratch.events("decision.filed"))
            eventually(lambda: "apprised" in children(daemon.pid))
            scratch.ok("mail", "send", "--from", "web", "--to", "coord", "--subject", "more", "--body", "x")
            eventually(lambda: len(scratch.events("cycle.ended")) >= 2)
            assert daemon.end(signal.SIGTERM) == 0
    assert not scratch.events("notice.sent", "notice.failed", "crash")


def children(pid: int) -> str:
    """Command lines of the processes that this one started."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        pids += (task / "children").read_text().split()
    return "\n".join(Path(f"/proc/{one}/cmdline").read_text() for one in pids if Path(f"/proc/{one}/cmdline").exists())
