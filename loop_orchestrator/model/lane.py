"""Lanes: what was asked for, what was booted, and what is known about it now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

LANE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A lane's name, whole: it becomes part of file names, mail addresses and tmux options."""


class LaneWord(StrEnum):
    """The state of a lane in one word. Frozen: scripts rely on these five."""

    WORKING = "working"
    """a turn is under way"""
    AWAITING_APPROVAL = "awaiting-approval"
    """the program asks a person something"""
    IDLE = "idle"
    """the composer is there and no turn is under way"""
    ERRORED = "errored"
    """the last turn failed, or the program is not there"""
    UNKNOWN = "unknown"
    """what could be seen does not settle it"""


class Detail(StrEnum):
    """The state in detail; each belongs to one word (WORD_OF)."""

    READY = "ready"
    """the composer is empty"""
    DRAFT = "draft"
    """text stands in the composer: a person's, or a paste never submitted"""
    BUSY = "busy"
    """a turn is under way"""
    THINKING = "thinking"
    """the model is reasoning"""
    TOOL = "tool"
    """a tool is running"""
    COMPACTING = "compacting"
    """the context is being shortened"""
    RETRYING = "retrying"
    """an API error is being retried by the program"""
    APPROVAL = "approval"
    """permission for one action is asked for"""
    QUESTION = "question"
    """the agent asks its person a question"""
    DIALOG = "dialog"
    """a dialog of the program stands open: trust, login, theme, update, menu"""
    API_ERROR = "api-error"
    """the last turn ended with an error of the model's service"""
    RATE_LIMITED = "rate-limited"
    """the service refuses until some time"""
    AUTH = "auth"
    """the program is not logged in"""
    EXITED = "exited"
    """the program ended; its exit status is recorded"""
    SUSPENDED = "suspended"
    """the program was stopped from the keyboard"""
    MISSING = "missing"
    """there is no pane, or no program was started in it"""
    BOOTING = "booting"
    """the program was started and has drawn nothing known yet"""
    DRIFTED = "drifted"
    """no rule of the harness knows this screen"""
    STALE = "stale"
    """the evidence is too old"""
    CONFLICTING = "conflicting"
    """two pieces of evidence contradict each other"""


WORD_OF: Mapping[Detail, LaneWord] = {
    Detail.READY: LaneWord.IDLE,
    Detail.DRAFT: LaneWord.IDLE,
    Detail.BUSY: LaneWord.WORKING,
    Detail.THINKING: LaneWord.WORKING,
    Detail.TOOL: LaneWord.WORKING,
    Detail.COMPACTING: LaneWord.WORKING,
    Detail.RETRYING: LaneWord.WORKING,
    Detail.APPROVAL: LaneWord.AWAITING_APPROVAL,
    Detail.QUESTION: LaneWord.AWAITING_APPROVAL,
    Detail.DIALOG: LaneWord.AWAITING_APPROVAL,
    Detail.API_ERROR: LaneWord.ERRORED,
    Detail.RATE_LIMITED: LaneWord.ERRORED,
    Detail.AUTH: LaneWord.ERRORED,
    Detail.EXITED: LaneWord.ERRORED,
    Detail.SUSPENDED: LaneWord.ERRORED,
    Detail.MISSING: LaneWord.ERRORED,
    Detail.BOOTING: LaneWord.UNKNOWN,
    Detail.DRIFTED: LaneWord.UNKNOWN,
    Detail.STALE: LaneWord.UNKNOWN,
    Detail.CONFLICTING: LaneWord.UNKNOWN,
}


class LaneKind(StrEnum):
    """How long a lane is meant to live."""

    STANDING = "standing"
    """declared in the config; the engine may not drop it"""
    WORKER = "worker"
    """added while running; may be dropped"""


class Split(StrEnum):
    """Where a lane's pane goes in its window."""

    FIRST = "first"
    """the pane the window is made with"""
    RIGHT = "right"
    """right of the pane before it"""
    BELOW = "below"
    """below the pane before it"""


@dataclass(frozen=True, kw_only=True)
class LaneSpec:
    """A lane as asked for. Exactly one of ``harness`` and ``cmd`` is non-empty."""

    name: str
    """fits LANE_NAME"""
    window: str
    """the tmux window that holds its pane"""
    split: Split = Split.FIRST
    role: str
    """what the lane is for: coordinator, implementation, validation, ops, docs, or the user's own word"""
    harness: str = ""
    """name of a harness; empty for a command lane"""
    cmd: str = ""
    """a shell command line run in place of a harness; empty for a harness lane"""
    model: str = ""
    """model id handed to the harness; empty: the program's own default"""
    kind: LaneKind = LaneKind.STANDING
    cwd: Path
    """absolute directory the program starts in"""
    worktree_of: Path | None = None
    """absolute directory of the repository of which the lane has a worktree of its own; None: it works in ``cwd``"""
    env: tuple[tuple[str, str], ...] = ()
    """extra environment of this lane alone"""
    auto_approve: bool = False
    """start the program with its own permission prompts switched off"""
    outside: bool = False
    """what this lane writes counts as coming from outside, so it is not trusted"""
    answer_dialogs: tuple[str, ...] = ()
    """start-up dialogs of the harness, by name, that are answered with yes without a person"""

    def __post_init__(self) -> None:
        if not LANE_NAME.fullmatch(self.name):
            raise ValueError(f"not a lane name: {self.name!r}")
        if bool(self.harness) == bool(self.cmd):
            raise ValueError(f"lane {self.name}: exactly one of harness and cmd is needed")


@dataclass(frozen=True, kw_only=True)
class LaneRecord:
    """A lane as booted: one entry of lanes.json, the truth about which pane is whose."""

    spec: LaneSpec
    pane: str
    """tmux pane id, ``%5``"""
    pane_pid: int
    """pid of the first process of the pane: the launcher"""
    pane_tty: str
    """terminal device of the pane"""
    agent: bool
    """a coding agent runs here; an agent is never taken for a person"""
    argv: tuple[str, ...]
    """the program as started; empty for a bare login shell"""
    booted_at: datetime


class SignalSource(StrEnum):
    """Where a piece of evidence comes from, strongest first."""

    HARNESS = "harness"
    """the program said it itself: hook, notify program, protocol"""
    PROCESS = "process"
    """the pane, the launcher's record, the foreground program"""
    TERMINAL = "terminal"
    """title, cursor, OSC sequences"""
    SCREEN = "screen"
    """rules of the harness over the visible screen"""
    MOVEMENT = "movement"
    """whether the screen changes"""


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One piece of evidence about a lane."""

    source: SignalSource
    detail: Detail
    """what it speaks for"""
    rule: str
    """the rule that read it, ``harness:rule`` or a name of this program's own"""
    seen: str
    """what was seen, in one line, as text"""
    at: datetime

    @property
    def word(self) -> LaneWord:
        return WORD_OF[self.detail]


@dataclass(frozen=True, kw_only=True)
class LaneState:
    """What a lane is doing, and why that is believed."""

    detail: Detail
    confidence: float
    """0 to 1: 1 for a process fact, 0.95 for what the program said itself, 0.9 for a rule verified on this program,
    less for weaker evidence"""
    rule: str
    """the rule of the signal that decided"""
    evidence: tuple[Signal, ...]
    """everything that was looked at, the deciding signal first"""
    why: tuple[str, ...] = ()
    """for each piece of evidence whether it decided, agrees, was overruled or does not count, and why; empty where that
    was not written down"""

    @property
    def word(self) -> LaneWord:
        return WORD_OF[self.detail]

    @property
    def ready(self) -> bool:
        """Text may be typed into the lane now."""
        return self.detail is Detail.READY

    def weighed(self) -> tuple[tuple[Signal, str], ...]:
        """Each piece of evidence with what became of it."""
        return tuple(zip(self.evidence, self.why or ("",) * len(self.evidence), strict=True))


@dataclass(frozen=True, kw_only=True)
class LaneRun:
    """What the launcher of a lane recorded about the program it started."""

    pid: int
    started_at: datetime
    ended_at: datetime | None
    """None while the program runs"""
    exit_status: int | None
    """0–255, or minus the signal number; None while the program runs"""
    suspended: bool
    """stopped from the keyboard and not continued"""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A booted lane and its state at one moment."""

    record: LaneRecord
    state: LaneState
    title: str
    """the pane's title, as text"""
    screen: tuple[str, ...]
    """the visible screen as text, one entry a row"""
    run: LaneRun | None
    """None where no launcher record can be read"""
    cursor: tuple[int, int] | None = None
    """column and row of the screen, from 0, in which the terminal's cursor stands; None where that is not known"""
    bright: tuple[str, ...] = ()
    """the screen with its dim characters replaced by blanks; empty where it is not known what is dim"""

    @property
    def name(self) -> str:
        return self.record.spec.name
