"""The bundle of collaborators that a use case may get. Types only; wiring fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.config.schema import Config
    from loop_orchestrator.model.brain import BrainReply
    from loop_orchestrator.model.delivery import DeliveryRequest, Receipt
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneSpec
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.deliveries import DeliveryStore
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox
    from loop_orchestrator.stores.notes import KeyedNotes
    from loop_orchestrator.stores.statefile import StateStore
    from loop_orchestrator.stores.tasks import TaskStore
    from loop_orchestrator.stores.transcripts import TranscriptStore
    from loop_orchestrator.substrate.port import Substrate


class Brain(Protocol):
    """Who is asked for a decision."""

    @property
    def name(self) -> str:
        """``rules``, the name of a harness, or ``command``."""

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Path, cancel: Cancel) -> BrainReply:
        """The reply to one prompt; blocks until it came. Raises BrainError with a kind.

        transcript: receives the reply as it arrives. The built-in brain reads the snapshot, the others the prompt.
        """


class LaneStarter(Protocol):
    """Boots one lane more; what add_lane needs from the layer above it."""

    def __call__(self, spec: LaneSpec) -> LaneRecord: ...


@dataclass(frozen=True, kw_only=True)
class World:
    """Every collaborator of one project and one session."""

    root: Path
    """the project, absolute"""
    session: str
    config: Config
    layout: Layout
    clock: Clock
    events: EventLog
    mailbox: Mailbox
    state: StateStore
    tasks: TaskStore
    lanes: LaneStore
    deliveries: DeliveryStore
    decisions: DecisionStore
    budget: Budget
    control: Control
    handed_mail: KeyedNotes
    """file of a message whose text was handed to its lane -> delivery that did it"""
    escalations: KeyedNotes
    """key of what was put before a person and still holds -> decision that did it"""
    proofs: KeyedNotes
    """task -> ``proved <file>`` or ``not-proved <file>``: what a validation lane answered"""
    lanes_seen: KeyedNotes
    """lane -> ``<detail> <time>``: its last seen state and since when"""
    transcripts: TranscriptStore
    substrate: Substrate
    harnesses: Mapping[str, HarnessSpec]
    brain: Brain
    deliver: Callable[[DeliveryRequest], Receipt]
    """the one way text gets into a lane; substrate.deliver bound to this world"""
    observe_lanes: Callable[[], tuple[Lane, ...]]
    """every booted lane with its state, in one round trip; raises SubstrateError or StoreError"""
    start_lane: LaneStarter
    end_lane: Callable[[str], Path]
    """ends a lane by name after writing its hand-off, whose file it returns"""
    prompts: Mapping[str, str]
    """packaged texts by name"""
    cancel: Cancel
    """set when this process is told to stop"""
