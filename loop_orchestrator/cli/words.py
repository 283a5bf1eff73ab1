"""The table of words: what each one does, and the one module that has to be imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One word, or a word of a group such as ``mail send``."""

    module: str
    """name of its module in loop_orchestrator.cli"""
    summary: str
    """what it does, in one line"""


WORDS: Mapping[str, Word] = {
    "init": Word("init", "make a project of this directory: config, mailbox, wiki, tasks"),
    "up": Word("up", "boot the lanes in tmux, or adopt those that run"),
    "attach": Word("attach", "show the session, or one lane of it, in this terminal"),
    "down": Word("down", "end the session, with a hand-off file for every lane"),
    "jump": Word("attach", "make a lane the one that attached terminals show"),
    "status": Word("status", "the whole picture, what needs a person first"),
    "why": Word("why", "why a lane is believed to be in its state"),
    "send": Word("send", "deliver text to a lane, at most once, with a receipt"),
    "queue list": Word("queue", "the texts that stand in line for lanes, and why they wait"),
    "queue show": Word("queue", "print a text that stands in line"),
    "queue drop": Word("queue", "take a text out of the line"),
    "resolve": Word("resolve", "say what became of a delivery whose outcome is unknown"),
    "mail send": Word("mail", "put a message into the mailbox"),
    "mail list": Word("mail", "list the messages that wait, oldest first"),
    "mail show": Word("mail", "print one message"),
    "mail reply": Word("mail", "answer a message"),
    "mail ack": Word("mail", "mark a message as dealt with"),
    "mail wait": Word("mail", "wait until a message for somebody is there"),
    "mail watch": Word("mail", "print each message as it arrives"),
    "approve": Word("decide", "let waiting actions of a decision run"),
    "reject": Word("decide", "say no to waiting actions of a decision"),
    "deck": Word("deck", "the whole session in one terminal: what needs you, the fleet, and the keys to act"),
    "watch": Word("watch", "run the engine: a cycle whenever something happened"),
    "restart": Word("restart", "end the engine and start it anew, with the code and config that are there now"),
    "demo": Word("demo", "see the whole loop work in a scratch project, without any key"),
    "lane list": Word("lane", "list the lanes and their states"),
    "lane add": Word("lane", "boot one lane more"),
    "lane drop": Word("lane", "end a lane, with a hand-off file"),
    "undo list": Word("undo", "list the snapshots of uncommitted work, newest first"),
    "undo show": Word("undo", "say what is in a snapshot"),
    "undo restore": Word("undo", "bring a snapshot's files back, uncommitted as they were"),
    "undo drop": Word("undo", "remove a snapshot for good"),
    "lane restart": Word("lane_restart", "start the program of a lane again, in its own pane"),
    "lane guard": Word("lane_restart", "restart agents whose program ended, while no engine watches"),
    "lane-status": Word("lane_status", "the state of one lane or of all, for scripts"),
    "lane-signal": Word("lane_signal", "say what the program of a lane does; for hooks and scripts in it"),
    "hooks show": Word("hooks", "which hooks of agent programs are known and installed"),
    "hooks install": Word("hooks", "let an agent program say what it does; shows the change of its settings first"),
    "hooks remove": Word("hooks", "take the hooks out of an agent program's settings again"),
    "task list": Word("task", "list the tasks"),
    "task show": Word("task", "print one task"),
    "task done": Word("task", "say that a task in review is done"),
    "task drop": Word("task", "give a task up"),
    "task reopen": Word("task", "put a task back to open"),
    "task-lint": Word("task_lint", "what is wrong with the files of tasks, with their lines"),
    "adr new": Word("adr", "propose an architecture decision: a file with the next number"),
    "adr list": Word("adr", "list the architecture decision records"),
    "adr show": Word("adr", "print one of them, and what it lacks to be accepted"),
    "adr accept": Word("adr", "say yes to a proposed one; only a person can, and its records must exist"),
    "adr reject": Word("adr", "say no to a proposed one"),
    "adr supersede": Word("adr", "say which accepted one took the place of another"),
    "brief": Word("brief", "who a lane is, who the others are, and how it takes part: for the agent in it"),
    "state show": Word("state", "print the state file, as it stands"),
    "state set": Word("state", "change keys of the state file itself: objective, open_conflicts, your own"),
    "state loop": Word("state", "print or change one loop of the state file"),
    "checkpoint": Word("checkpoint", "where the work stands, as a prompt to print or deliver"),
    "wiki-pending": Word("wiki_pending", "mail that waits for the wiki, and its last log entries"),
    "wiki-lint": Word("wiki_lint", "what is wrong with the wiki, or the prompt of a review"),
    "digest": Word("digest", "state, mail, unpushed work and decisions in one frame"),
    "logs": Word("logs", "the event log in sentences; -f follows it, --trace shows what led to what"),
    "report": Word("report", "what happened since a time, failures first"),
    "metrics": Word("metrics", "figures of a session: autonomy, spend, restarts, what was shipped"),
    "validate": Word("validate", "check the config; with --schema, print its JSON Schema for editors"),
    "trust": Word("trust", "accept the commands of this project's config on this machine"),
    "engine once": Word("engine", "run one cycle"),
    "engine observe": Word("engine", "what the next cycle would see, and what it could not; asks nobody"),
    "engine status": Word("engine_status", "the engine, its waiting decisions and its last events"),
    "engine show": Word("engine_status", "one decision, nothing shortened"),
    "engine asks": Word("asks", "which lanes owe an answer, and what was answered lately"),
    "engine judge": Word("engine", "read a brain's reply and judge it; executes nothing"),
    "engine approve": Word("decide", "let waiting actions of a decision run"),
    "engine reject": Word("decide", "say no to waiting actions of a decision"),
    "engine edit": Word("decide", "change an action that waits, before it is approved"),
    "engine ingest": Word("engine_ingest", "take mail that was dealt with into the wiki, now"),
    "engine pause": Word("engine_control", "start no cycle from now on"),
    "engine resume": Word("engine_control", "let cycles start again"),
    "engine watch": Word("watch", "run the engine: a cycle whenever something happened"),
    "engine restart": Word("restart", "end the engine and start it anew, with the code and config that are there now"),
    "engine stop": Word("restart", "end the engine that watches the session"),
    "engine cycle-now": Word("engine_control", "ask for a cycle, as soon as one may start"),
    "engine prompt": Word("engine", "print the prompt that the next cycle would send"),
    "engine replay": Word("engine", "put the prompt of a decision to another brain, and show the difference"),
    "engine transcript": Word("engine_transcript", "what brains said, of one cycle or as it comes"),
    "engine contract": Word("engine", "print the JSON Schema of a decision block"),
    "engine crash-points": Word("engine_control", "print the names of all recorded steps"),
    "routes list": Word("routes", "which events wake what, and what waits"),
    "routes dead": Word("routes", "events that were given up, however often they were tried"),
    "routes replay": Word("routes", "have such an event tried again"),
    "service install": Word("service", "let systemd start the engine of this session with your login"),
    "service start": Word("service", "start the engine as a service"),
    "service stop": Word("service", "stop that service"),
    "service status": Word("service", "whether it is installed and runs, and which engine watches"),
    "service logs": Word("service", "what the service printed"),
    "service uninstall": Word("service", "stop the service and remove it"),
    "notify list": Word("notify", "the services that tell a person what needs one, and how they stand"),
    "notify test": Word("notify", "send a test over one of them, or all, and say what became of it"),
    "harness list": Word("harness", "list the harnesses: what lanes and brains can run"),
    "harness show": Word("harness", "everything known about one harness, in words"),
    "harness fields": Word("harness", "every value of a harness, a line each"),
    "harness field": Word("harness", "one value of a harness, for scripts"),
    "harness oneshot": Word("harness", "the command line that asks it once; exit 1 if it has none"),
    "harness probe": Word("harness", "its program and version on this machine; exit 1 if it is missing"),
    "harness roster": Word("harness", "all harnesses with their health, cost and strengths"),
    "harness health": Word("harness", "ok, missing, unauthenticated or unhealthy; exit 0 only for ok"),
    "harness test": Word("harness_test", "try its screen rules on recorded screens, and on a live boot"),
    "completion": Word("completion", "print a completion script for a shell"),
    "help": Word("help", "help on a word; `loop help all` lists every word"),
}
"""Word -> what it is, in the order in which help shows them."""

FIRST_STEPS = ("demo", "init", "up", "watch", "deck", "status", "send", "mail", "approve", "down")
"""What `loop --help` shows: enough for a first session."""

GROUPS: Mapping[str, str] = {
    "mail": "send and read messages between lanes and people",
    "queue": "texts that wait in line for a lane: loop send --queue",
    "lane": "list, add, drop and restart lanes",
    "undo": "list and bring back the uncommitted work of lanes that were ended",
    "hooks": "let agent programs say themselves what they do",
    "task": "list tasks and say what became of them",
    "adr": "architecture decision records: proposed by anybody, settled by a person",
    "state": "print and change the state file",
    "engine": "cycles, decisions and the daemon",
    "routes": "what happens, and what it wakes",
    "service": "the engine as a service of this user: systemd starts it, and starts it again",
    "notify": "telling a person what needs one",
    "harness": "the agent programs: what is known about them, and whether it still holds",
}
"""A word that only leads to others -> what they are about."""

ALONE: Mapping[str, str] = {
    "undo": "undo list",
    "queue": "queue list",
    "notify": "notify list",
    "routes": "routes list",
    "service": "service status",
}
"""A group that is also a word of its own: what it does alone."""

ALIASES: Mapping[str, str] = {
    "dispatch": "send",
    "tmux": "up",
    "tmux add-lane": "lane add",
    "tmux drop-lane": "lane drop",
    "tmux list-lanes": "lane list",
    "lanes": "lane list",
    "task lint": "task-lint",
}
"""Other names of a word: those of the programs loop-dispatch and loop-tmux."""


def members(group: str) -> tuple[str, ...]:
    """The words of a group, in full."""
    return tuple(name for name in WORDS if name.startswith(f"{group} "))


def summary_of(name: str) -> str:
    """What a word or a group is about."""
    return GROUPS[name] if name in GROUPS else WORDS[name].summary


def nearest_word(given: str, *, group: str = "") -> str:
    """The known word, in full, that is spelt most like the given one; empty if none is near."""
    known = list(members(group)) if group else [*{name.split()[0]: None for name in WORDS}, *ALIASES]
    full = f"{group} {given}" if group else given
    from difflib import get_close_matches

    found = get_close_matches(full, known, n=1, cutoff=0.6)
    return found[0] if found else ""
