"""What a cycle saw, and what the gate is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from loop_orchestrator.model.ask import Ask
from loop_orchestrator.model.budget import Spent
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import Lane
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.policy import Policy
from loop_orchestrator.model.restart import RestartNote
from loop_orchestrator.model.state import LoopState
from loop_orchestrator.model.task import Assignment, Task
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX

RESTARTS_S = 86_400.0
"""Seconds for which a restart of a lane is told of: a night's trouble is seen in the morning."""


@dataclass(frozen=True)
class Unknown:
    """In place of a fact that could not be read. It makes every verdict that needs the fact stricter."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The numbers and patterns of the config that the gate applies."""

    max_dispatches: int
    """dispatch and steer actions per decision; more upgrade the whole burst"""
    max_lanes: int
    """lanes of the session, those of this decision included"""
    payload_patterns: tuple[str, ...]
    """regular expressions; a payload that one of them finds is destructive"""


@dataclass(frozen=True, kw_only=True)
class WikiPages:
    """The pages of the wiki that a brain is shown, as they are written, and what the prompt calls them."""

    checkpoint: str | Unknown = ""
    """empty: there is none"""
    index: str | Unknown = ""
    """empty: there is none"""
    checkpoint_file: str = f"ops-wiki/{CHECKPOINT}"
    index_file: str = f"ops-wiki/{INDEX}"
    ledger_file: str = ".loop/orchestrator-state.json"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A harness that a lane could run, and whether it can be had. Nothing was started to find that out."""

    spec: HarnessSpec
    missing: str
    """why it cannot be started on this machine; empty: it can, as far as its traces tell"""
    trouble: tuple[str, ...] = ()
    """what is on record against it, a sentence each"""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything one cycle knew. What could not be seen is Unknown, with the reason."""

    at: datetime
    root: Path
    """the project, absolute"""
    session: str
    cycle: str
    why: tuple[str, ...]
    """the triggers, in words"""
    mode: ApprovalMode
    limits: Limits
    lanes: tuple[Lane, ...] | Unknown
    mail: tuple[Message, ...] | Unknown
    """pending messages, oldest first"""
    tasks: tuple[Task, ...] | Unknown
    assignments: tuple[Assignment, ...] | Unknown
    """what was handed to lanes and is not answered yet"""
    proofs: Mapping[str, str]
    """task -> ``proved <file>`` or ``not-proved <file>``"""
    since: Mapping[str, datetime]
    """lane -> when its present state was first seen"""
    state: LoopState | Unknown
    claims: Mapping[str, str]
    """lane -> id of the unfinished decision that acts on it"""
    escalated: frozenset[str]
    """keys of what was already put before a person and still holds"""
    handed_mail: frozenset[str]
    """files of messages whose text was already handed to their lane"""
    spent: Spent
    """what the brains may use, and what of it is used"""
    asks: tuple[Ask, ...] | Unknown = ()
    """texts to lanes that want an answer, those that ended lately included; oldest first"""
    restarting: frozenset[str] = frozenset()
    """lanes whose program ended and is about to be started again"""
    proposed: Mapping[str, str] = field(default_factory=dict)
    """what an unfinished decision hands over, ``work:T0001``, ``prove:T0001`` or ``mail:<file>`` -> its id"""
    in_line: Mapping[str, int] | Unknown = field(default_factory=dict)
    """lane -> how many texts wait in line for it"""
    policy: Policy = field(default_factory=Policy)
    idle_cycles: Mapping[str, int] = field(default_factory=dict)
    """worker -> cycles in a row, this one included, that found it idle and unclaimed"""
    pages: WikiPages = field(default_factory=WikiPages)
    restarts: tuple[RestartNote, ...] | Unknown = ()
    """what became of lanes whose program ended, of the last RESTARTS_S, oldest first"""
    branches: Mapping[str, str] = field(default_factory=dict)
    """lane -> branch that its own worktree has checked out; lanes without a worktree or a branch are left out"""
    roster: tuple[Candidate, ...] = ()
    """the harnesses that a lane could run"""
    trust: frozenset[str] = frozenset()
    """sources, such as ``lane:web``, whose text is trusted although it comes from outside"""

    def shows_text_of(self, lane: Lane) -> bool:
        """What the lane's terminal shows may stand in the prompt: it is not from outside, or trusted by name."""
        return not lane.record.spec.outside or f"lane:{lane.name}" in self.trust

    @cached_property
    def retiring(self) -> tuple[str, ...]:
        """Workers that the policy wants dropped: idle for as many cycles as their role's rule says."""
        lanes = () if isinstance(self.lanes, Unknown) else self.lanes
        return tuple(lane.name for lane in lanes if self.is_retiring(lane))

    def is_retiring(self, lane: Lane) -> bool:
        """The policy wants this one dropped."""
        after = self.policy.rule_of(lane.record.spec.role).retire_after_idle_cycles
        return 0 < after <= self.idle_cycles.get(lane.name, 0)

    @property
    def looked_at(self) -> Mapping[str, object]:
        """Everything that could have been Unknown, by the name under which a person is told of it."""
        return {
            "lanes": self.lanes,
            "mail": self.mail,
            "tasks": self.tasks,
            "assignments": self.assignments,
            "state": self.state,
            "lines": self.in_line,
            "asks": self.asks,
            "checkpoint": self.pages.checkpoint,
            "index": self.pages.index,
            "restarts": self.restarts,
        }

    @property
    def unseen(self) -> tuple[tuple[str, str], ...]:
        """What could not be seen, with the reason."""
        return tuple((name, part.reason) for name, part in self.looked_at.items() if isinstance(part, Unknown))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the gate may use. Nothing is optional: an unreadable fact is Unknown and cannot yield safe."""

    lanes: Mapping[str, Lane] | Unknown
    harnesses: Mapping[str, HarnessSpec]
    limits: Limits
    claims: Mapping[str, str]
    """lane -> id of another unfinished decision that acts on it"""
    in_line: Mapping[str, int] | Unknown
    """lane -> how many texts wait in line for it"""
    untrusted: tuple[str, ...]
    """sources of text in the prompt that the config does not trust"""
    policy: Policy
    missing_programs: Mapping[str, str]
    """harness -> why it cannot be started here; empty: it can"""
    backlog: frozenset[str] | Unknown
    """roles for which a ready task waits that no lane has"""
