"""Who counts as a person: the table of ancestries, and real terminals with the ways out of a lane that agents try."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from loop_orchestrator.process.ancestry import Ancestor, LaneMark, Unreadable
from loop_orchestrator.process.launch import launch_argv
from loop_orchestrator.process.person import AgentLane, judge_ancestry
from loop_orchestrator.process.run import run
from tests.process.terminals import REPOSITORY, Pane, Tmux
from tests.support.waiting import eventually

AGENTS = {"web": AgentLane(tty="/dev/pts/7", pane_pid=700)}
LANES = ("coord", "web", "ops")
AGENT_LANES = ("web", "coord")


def process(name: str, *, uid: int = 1000, tty: str = "/dev/pts/3", lane: str = "", session: str = "") -> Ancestor:
    mark = LaneMark(lane=lane, session=session, root="/p") if lane else None
    return Ancestor(pid=0, ppid=0, name=name, uid=uid, user="ann", tty=tty, mark=mark)


def chain(*processes: Ancestor, top: int = 1, parent_of_top: int = 0) -> tuple[Ancestor, ...]:
    """Number them 4000, 4001, … upwards; the last one is the first process of the machine."""
    pids = [*range(4000, 4000 + len(processes) - 1), top]
    parents = [*pids[1:], parent_of_top]
    return tuple(replace(each, pid=pid, ppid=ppid) for each, pid, ppid in zip(processes, pids, parents, strict=True))


LOOP, BASH = process("loop"), process("bash")
INIT = process("systemd", uid=0, tty="")
USER_INIT = process("systemd", tty="")
TMUX = process("tmux: server", tty="")
ROOT_SSHD = process("sshd", uid=0, tty="")
HIDDEN = Unreadable.UNREADABLE


def judge(links: tuple[Ancestor, ...], place: tuple[str, str] = ("s", "/p")) -> tuple[bool, str]:
    check = judge_ancestry(links, agents=AGENTS, people_lanes=frozenset(LANES) - frozenset(AGENT_LANES), place=place)
    return check.ok, check.reason


PERSONS = {
    "over ssh": chain(
        LOOP, BASH, replace(process("sshd", tty=""), mark=HIDDEN), replace(ROOT_SSHD, mark=HIDDEN), ROOT_SSHD, INIT
    ),
    "at the console": chain(LOOP, BASH, process("login", uid=0), INIT),
    "in a terminal window": chain(LOOP, BASH, process("gnome-terminal-server", tty=""), USER_INIT, INIT),
    "in a setgid terminal that hides its environment": chain(
        LOOP, BASH, replace(process("xterm", tty=""), mark=HIDDEN), INIT
    ),
    "in tmux": chain(LOOP, BASH, TMUX, INIT),
    "in screen": chain(LOOP, BASH, process("SCREEN", tty=""), INIT),
    "through sudo": chain(process("loop", uid=0), process("sudo", uid=0), BASH, TMUX, INIT),
    "through su, whose environment is root's": chain(
        LOOP, BASH, replace(process("su", uid=0), mark=HIDDEN), process("bash", uid=0), process("login", uid=0), INIT
    ),
    "in a lane that runs no agent": chain(
        process("loop", lane="ops"), process("bash", lane="ops"), process("python3", lane="ops"), TMUX, INIT
    ),
    "with the machine's first processes hidden": chain(LOOP, BASH, TMUX, parent_of_top=1, top=50),
    "under a first process that hides its environment": chain(LOOP, BASH, TMUX, replace(INIT, uid=1000, mark=HIDDEN)),
    "in a container run with a terminal": chain(LOOP, BASH),
    "as the first process of a container": chain(LOOP),
    "in a container entered with a terminal": chain(LOOP, BASH, top=90),
    "with a script of their own": chain(replace(LOOP, tty="/dev/pts/9"), process("script"), BASH, TMUX, INIT),
}

NOT_PERSONS = {
    "no terminal": (chain(replace(LOOP, tty=""), BASH, TMUX, INIT), "no controlling terminal"),
    "on the agent's terminal": (chain(replace(LOOP, tty="/dev/pts/7"), TMUX, INIT), "loop 4000 is on /dev/pts/7"),
    "a parent on the agent's terminal": (
        chain(LOOP, process("script", tty="/dev/pts/7"), TMUX, INIT),
        "script 4001 is on /dev/pts/7, the terminal of the agent lane web",
    ),
    "below the agent's pane": (
        (*chain(LOOP, BASH, top=4002, parent_of_top=700)[:2], replace(BASH, pid=700, ppid=1)),
        "started in the pane of the agent lane web",
    ),
    "marked with the agent's lane": (
        chain(process("loop", lane="web"), TMUX, INIT),
        "started in web, which is an agent",
    ),
    "a lane that runs an agent though its pane is gone": (
        chain(process("loop", lane="coord"), TMUX, INIT),
        "started in coord, which is an agent",
    ),
    "marked with a lane that is not known": (chain(process("loop", lane="x"), TMUX, INIT), "started in x, which"),
    "a lane's name in another session": (
        chain(process("loop", lane="ops", session="other"), TMUX, INIT),
        "the lane ops of another session or project",
    ),
    "a multiplexer started in an agent lane": (
        chain(LOOP, BASH, process("tmux: server", tty="", lane="web"), INIT),
        "tmux: server 4002 was started in web",
    ),
    "an unreadable environment of one's own": (
        chain(LOOP, replace(BASH, mark=HIDDEN), TMUX, INIT),
        "environment of bash 4001 cannot be read",
    ),
    "after setsid": (chain(LOOP, process("script", tty=""), INIT), "leads to script 4001, which is no login"),
    "after setsid in a desktop session": (
        chain(LOOP, process("script", tty=""), USER_INIT, INIT),
        "leads to systemd 4002",
    ),
    "in an editor's terminal": (chain(LOOP, BASH, process("code", tty=""), INIT), "leads to code 4002"),
    "cut off": (chain(LOOP, BASH, top=50, parent_of_top=49), "cannot be followed beyond bash 50"),
    "an sshd that is not root's": (chain(LOOP, BASH, process("sshd", tty=""), INIT), "leads to sshd 4002"),
    "left behind in a container with a terminal": (
        chain(replace(LOOP, tty="/dev/pts/8"), process("script", tty=""), process("bash", tty="/dev/pts/0")),
        "leads to script 4001",
    ),
    "in a container entered without a terminal": (
        chain(LOOP, process("script", tty=""), top=90),
        "leads to loop 4000",
    ),
}


@pytest.mark.parametrize("who", PERSONS)
def test_a_person(who: str) -> None:
    ok, reason = judge(PERSONS[who])
    assert ok, reason


@pytest.mark.parametrize("who", NOT_PERSONS)
def test_not_a_person(who: str) -> None:
    links, says = NOT_PERSONS[who]
    ok, reason = judge(links)
    assert not ok
    assert says in reason


@pytest.mark.parametrize("who", PERSONS)
def test_any_person_below_an_agents_pane_is_none(who: str) -> None:
    """However good the rest of the ancestry looks, and wherever in it the agent sits."""
    links = PERSONS[who]
    for at in range(len(links)):
        spoilt = (*links[:at], replace(links[at], mark=LaneMark(lane="web", session="s", root="/p")), *links[at + 1 :])
        assert not judge(spoilt)[0], links[at]


def test_an_agent_lane_without_a_terminal_on_record_condemns_nobody_else() -> None:
    check = judge_ancestry(
        PERSONS["in tmux"], agents={"web": AgentLane(tty="", pane_pid=700)}, people_lanes=(), place=("", "")
    )
    assert check.ok


def test_who_is_told_by_user_terminal_and_parent() -> None:
    links = PERSONS["in tmux"]
    check = judge_ancestry(links, agents={}, people_lanes=(), place=("", ""))
    assert (check.who, check.reason) == ("ann on pts/3 (bash 4001)", "its terminal comes from tmux: server 4002")
    alone = judge_ancestry((replace(LOOP, tty=""),), agents={}, people_lanes=(), place=("", ""))
    assert alone.who == "ann without a terminal"


# Real terminals.

PROBE = """
import json, os, sys
sys.path.insert(0, {repository!r})
from pathlib import Path
from loop_orchestrator.process.person import AgentLane, person_check
agents = {{name: AgentLane(**lane) for name, lane in json.loads(Path({agents!r}).read_text()).items()}}
check = person_check(agent_lanes=agents, lanes=["web", "ops"], session="s", root=Path("/p"))
answer = Path(sys.argv[1])
answer.with_suffix(".tmp").write_text(json.dumps([check.ok, check.who, check.reason]))
answer.with_suffix(".tmp").rename(answer)
"""


@dataclass(frozen=True)
class Asked:
    ok: bool
    who: str
    reason: str


class Probe:
    """A program that asks whether it is started by a person, and where its answer can be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._agents = folder / "agents.json"
        self.agents({})
        script = folder / "probe.py"
        script.write_text(PROBE.format(repository=str(REPOSITORY), agents=str(self._agents)))
        self._script = script

    def agents(self, lanes: Mapping[str, Pane]) -> None:
        self.records(
            {
                name: AgentLane(tty=lane.get("pane_tty"), pane_pid=int(lane.get("pane_pid")))
                for name, lane in lanes.items()
            }
        )

    def records(self, lanes: Mapping[str, AgentLane]) -> None:
        self._agents.write_text(json.dumps({name: asdict(lane) for name, lane in lanes.items()}))

    def asked(self, start: Callable[[str], object]) -> Asked:
        """Hand the command line of the probe to ``start``; the answer that it gives."""
        self._count += 1
        answer = self._folder / f"answer-{self._count}"
        start(f"{sys.executable} {self._script} {answer}")
        eventually(answer.exists, what="the probe's answer")
        return Asked(*json.loads(answer.read_text()))


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


def test_a_plain_pane_is_a_persons(tmux: Tmux, probe: Probe) -> None:
    pane = tmux.pane()
    asked = probe.asked(pane.type)
    assert asked.ok, asked.reason
    tty = pane.get("pane_tty").removeprefix("/dev/")
    assert asked.who == f"{pwd.getpwuid(os.getuid()).pw_name} on {tty} (bash {pane.get('pane_pid')})"
    assert asked.reason.startswith("its terminal comes from tmux: server")


def agent_pane(tmux: Tmux, probe: Probe) -> Pane:
    pane = tmux.pane(env={"LOOP_LANE": "web", "LOOP_SESSION": "s", "LOOP_PROJECT_ROOT": "/p"})
    probe.agents({"web": pane})
    pane.runs("bash")
    return pane


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("{}", "the terminal of the agent lane web"),
        ("setsid {}", "no controlling terminal"),
        ("nohup {} >/dev/null 2>&1 </dev/null &", "the terminal of the agent lane web"),
        ("LOOP_LANE= {}", "the terminal of the agent lane web"),
        ("env -i {}", "the terminal of the agent lane web"),
        ("script -qec '{}' /dev/null", "started in web"),
        ("env -i script -qec '{}' /dev/null", "the terminal of the agent lane web"),
        ("setsid -w script -qec '{}' /dev/null", "started in web"),
        ("env -i setsid -w script -qec '{}' /dev/null", "the terminal of the agent lane web"),
        ("setsid script -qec '{}' /dev/null", "started in web"),
        ("(env -i setsid script -qec '{}' /dev/null >/dev/null </dev/null &)", "no login, terminal emulator or"),
        ("env -i {} & wait", "the terminal of the agent lane web"),
        ("tmux -S $PWD/own new-session -d '{}'", "started in web"),
        ("sh -c '{}; true'", "the terminal of the agent lane web"),
    ],
)
def test_no_way_out_of_an_agents_pane(tmux: Tmux, probe: Probe, tmp_path: Path, way: str, says: str) -> None:
    pane = agent_pane(tmux, probe)
    pane.type(f"cd {tmp_path}")
    asked = probe.asked(lambda command: pane.type(way.format(command)))
    assert not asked.ok
    assert says in asked.reason


def test_the_pane_alone_gives_an_agent_away(tmux: Tmux, probe: Probe) -> None:
    """Its terminal swapped for another and its environment cleared, its ancestry still leads to the pane."""
    pane = agent_pane(tmux, probe)
    other = tmux.pane()
    probe.records({"web": AgentLane(tty=other.get("pane_tty"), pane_pid=int(pane.get("pane_pid")))})
    asked = probe.asked(
        lambda command: pane.type(f"exec env -i bash -c 'script -qec \"{command}\" /dev/null; sleep 60'")
    )
    assert not asked.ok
    assert asked.reason == "it was started in the pane of the agent lane web"


def test_the_shell_that_an_ended_agent_leaves_is_no_persons(tmux: Tmux, probe: Probe, tmp_path: Path) -> None:
    file = tmp_path / "launch.json"
    env = {"LOOP_LANE": "web", "LOOP_SESSION": "s", "LOOP_PROJECT_ROOT": "/p"}
    plan = {"lane": "web", "argv": ["true"], "cwd": "/", "env": env, "shell": "", "run_file": str(tmp_path / "r.json")}
    file.write_text(json.dumps(plan))
    pane = tmux.pane(*launch_argv(file))
    pane.shows("this is a shell")
    probe.agents({"web": pane})
    assert not probe.asked(pane.type).ok
    probe.records({"web": AgentLane(tty="", pane_pid=2**22 + 1)})  # only its environment is left to tell
    asked = probe.asked(pane.type)
    assert not asked.ok and "started in web, which is an agent's lane or not known here" in asked.reason


def test_a_shell_lane_is_a_persons_but_not_from_another_project(tmux: Tmux, probe: Probe) -> None:
    agent_pane(tmux, probe)
    here = tmux.pane(env={"LOOP_LANE": "ops", "LOOP_SESSION": "s", "LOOP_PROJECT_ROOT": "/p"})
    assert probe.asked(here.type).ok
    there = tmux.pane(env={"LOOP_LANE": "ops", "LOOP_SESSION": "s", "LOOP_PROJECT_ROOT": "/q"})
    asked = probe.asked(there.type)
    assert not asked.ok and "the lane ops of another session or project" in asked.reason


def test_a_terminal_given_out_again_is_not_its_last_owners(tmux: Tmux, probe: Probe) -> None:
    """A lane whose pane is gone condemns nobody who gets the same terminal afterwards."""
    pane = tmux.pane()
    probe.records({"web": AgentLane(tty=pane.get("pane_tty"), pane_pid=2**22 + 1)})
    assert probe.asked(pane.type).ok


def test_a_program_without_a_terminal_is_no_person(probe: Probe) -> None:
    asked = probe.asked(lambda command: run(command.split(), timeout_s=20))
    assert not asked.ok
    assert "without a terminal" in asked.who and asked.reason == "it has no controlling terminal"


def test_a_job_of_the_multiplexer_is_no_person(tmux: Tmux, probe: Probe) -> None:
    tmux.pane()
    asked = probe.asked(lambda command: tmux.command("run-shell", "-b", command))
    assert not asked.ok and asked.reason == "it has no controlling terminal"
