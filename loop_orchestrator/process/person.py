"""Whether the caller is a person at a terminal: an allow-list over its terminal and its ancestry (level 1).

A caller passes when it has a controlling terminal that belongs to no agent lane; its ancestry is unbroken up to a
login, sshd, a known terminal emulator, a terminal multiplexer, or the terminal a container was started or entered with;
and neither it nor any ancestor is a pane of an agent lane, sits on the terminal of one, or carries ``LOOP_LANE`` of an
agent lane or of a lane that is not known here. What cannot be read counts against the caller.

This stops accidents, and careless and naive agents: approving from a lane, from a script, from a job in the background,
after ``setsid``, ``script``, ``nohup`` or ``env -i``, or from the shell that is left when an agent ended. It does not
stop a program that sets out to deceive and runs with the user's rights. Such a program can type into a person's pane
(``tmux send-keys``), open a pane of its own beside the lanes (``tmux new-window``) or start a multiplexer with a clean
environment, take the name of a terminal emulator, or write the decision files itself. Signed approvals are for that.
Terminals inside editors are left out of the list on purpose: agents of those editors run their commands there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.process.ancestry import Ancestor, Unreadable, read_ancestry
from loop_orchestrator.process.identity import from_pid

MULTIPLEXERS = frozenset({"tmux", "tmux: server", "screen", "zellij", "mosh-server", "abduco", "dtach", "tmate"})
"""Names under which the server behind a pane runs."""

TERMINAL_EMULATORS = frozenset(
    """
    Terminal Warp WarpTerminal alacritty black-box blackbox contour cool-retro-term deepin-terminal foot ghostty
    gnome-terminal gnome-terminal-server guake havoc iTerm2 iTermServer kgx kitty konsole lxterminal mate-terminal
    mlterm ptyxis ptyxis-agent qterminal rio roxterm rxvt sakura st stterm tabby terminator terminology termit tilda
    tilix urxvt urxvtd wezterm wezterm-gui wezterm-mux-server xfce4-terminal xterm yakuake zutty
    """.split()  # noqa: SIM905 - one name a line hides the list
)
"""Names of programs that show a terminal to a person."""

LOGINS = frozenset({"login", "sshd", "sshd-session", "dropbear", "agetty"})
"""Programs that let a person in; they count only when they run as root."""


@dataclass(frozen=True, kw_only=True)
class AgentLane:
    """Where an agent sits."""

    tty: str
    """terminal device of its pane, ``/dev/pts/3``"""
    pane_pid: int
    """first process of its pane"""


@dataclass(frozen=True, kw_only=True)
class PersonCheck:
    """Whether the caller may act as a person."""

    ok: bool
    who: str
    """``ann on pts/3 (bash 4321)``: user, terminal, and the program that started the caller"""
    reason: str
    """one sentence; why not, or what vouches for it"""


def person_check(
    *,
    agent_lanes: Mapping[str, AgentLane],
    lanes: Collection[str],
    session: str = "",
    root: Path | None = None,
) -> PersonCheck:
    """Judge the calling process; writes nothing, and takes a few milliseconds.

    agent_lanes: the booted lanes in which an agent runs or ran. One whose pane is gone is no longer known by its
        terminal, which the system gives out again, only by its name.
    lanes: the names of all booted lanes; one that is only configured is not among them.
    session, root: where these lanes belong. A process that was started in a lane of another session or project comes
        from a lane that is not known, whatever its name.
    """
    return judge_ancestry(
        read_ancestry(os.getpid()),
        agents={name: lane for name, lane in agent_lanes.items() if from_pid(lane.pane_pid) is not None},
        people_lanes=frozenset(lanes) - frozenset(agent_lanes),
        place=(session, "" if root is None else str(root)),
    )


def judge_ancestry(
    chain: tuple[Ancestor, ...],
    *,
    agents: Mapping[str, AgentLane],
    people_lanes: Collection[str],
    place: tuple[str, str],
) -> PersonCheck:
    """Judge the first of the chain.

    chain: the caller first, each followed by its parent; it is complete when the last one's parent is 0.
    people_lanes: known lanes that run no agent.
    place: session and project of the lanes; an empty one is not compared.
    """
    refusal = _refusal(chain, agents, people_lanes, place)
    if refusal:
        return PersonCheck(ok=False, who=_who(chain), reason=refusal)
    for process, below in zip(chain, (None, *chain), strict=False):
        if _lets_a_person_in(process, below):
            return PersonCheck(ok=True, who=_who(chain), reason=f"its terminal comes from {_named(process)}")
    return PersonCheck(ok=False, who=_who(chain), reason=_no_origin(chain))


def _who(chain: tuple[Ancestor, ...]) -> str:
    terminal = f"on {chain[0].tty.removeprefix('/dev/')}" if chain[0].tty else "without a terminal"
    started_by = f" ({_named(chain[1])})" if len(chain) > 1 else ""
    return f"{chain[0].user} {terminal}{started_by}"


def _refusal(
    chain: tuple[Ancestor, ...],
    agents: Mapping[str, AgentLane],
    people_lanes: Collection[str],
    place: tuple[str, str],
) -> str:
    """The first thing that speaks against the caller; empty if nothing does."""
    if not chain[0].tty:
        return "it has no controlling terminal"
    for process in chain:
        refusal = _sits_with_agent(process, agents) or _bad_mark(process, chain[0].uid, people_lanes, place)
        if refusal:
            return refusal
    return ""


def _sits_with_agent(process: Ancestor, agents: Mapping[str, AgentLane]) -> str:
    for name, lane in agents.items():
        if lane.tty and process.tty == lane.tty:
            return f"{_named(process)} is on {lane.tty}, the terminal of the agent lane {name}"
        if process.pid == lane.pane_pid:
            return f"it was started in the pane of the agent lane {name}"
    return ""


def _bad_mark(
    process: Ancestor,
    caller_uid: int,
    people_lanes: Collection[str],
    place: tuple[str, str],
) -> str:
    mark = process.mark
    if isinstance(mark, Unreadable):
        # sshd, setgid terminal emulators and screen hide their environment from their own user. The first process
        # was started by no lane, and may hide it from everybody.
        expected = process.uid != caller_uid or _is_known(process) or process.ppid == 0
        return "" if expected else f"the environment of {_named(process)} cannot be read"
    if mark is None:
        return ""
    came_from = (mark.session, mark.root)
    if any(own and theirs and own != theirs for own, theirs in zip(place, came_from, strict=True)):
        return f"{_named(process)} was started in the lane {mark.lane} of another session or project"
    if mark.lane in people_lanes:
        return ""
    return f"{_named(process)} was started in {mark.lane}, which is an agent's lane or not known here (LOOP_LANE)"


def _is_known(process: Ancestor) -> bool:
    return process.name.lower() in MULTIPLEXERS or process.name in TERMINAL_EMULATORS or process.name in LOGINS


def _lets_a_person_in(process: Ancestor, below: Ancestor | None) -> bool:
    """Whether this process gives terminals to persons; ``below`` is its child in the chain."""
    if process.name in LOGINS:
        return process.uid == 0
    if _is_known(process):
        return True
    if process.ppid != 0 or not process.tty:
        return False
    # The first process of a container that was started with a terminal is also the parent of what agents leave behind,
    # but those sit on other terminals. A process that entered the container is nobody's stepparent.
    return process.pid != 1 or below is None or below.tty == process.tty


def _no_origin(chain: tuple[Ancestor, ...]) -> str:
    top = chain[-1]
    if top.ppid != 0:
        return f"its ancestry cannot be followed beyond {_named(top)}"
    below = chain[-2] if len(chain) > 1 else top
    return f"its ancestry leads to {_named(below)}, which is no login, terminal emulator or multiplexer known here"


def _named(process: Ancestor) -> str:
    return f"{process.name} {process.pid}"
