"""The bundle of collaborators that a use case may get. Types only: wiring has the real one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.config.schema import Config
    from loop_orchestrator.model.brain import BrainReply
    from loop_orchestrator.model.delivery import DeliveryRequest, DeliverySettings, Receipt
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneSpec, Signal
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.redaction import Redactor
    from loop_orchestrator.stores.adr import AdrStore
    from loop_orchestrator.stores.asks import AskStore
    from loop_orchestrator.stores.brains import BrainRests
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.deliveries import DeliveryStore
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.ingest import IngestStore
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox
    from loop_orchestrator.stores.notes import KeyedNotes
    from loop_orchestrator.stores.queue import DeliveryQueue
    from loop_orchestrator.stores.restarts import RestartLog
    from loop_orchestrator.stores.routing import RoutingStore
    from loop_orchestrator.stores.signals import SignalStore
    from loop_orchestrator.stores.statefile import StateStore
    from loop_orchestrator.stores.tasks import TaskStore
    from loop_orchestrator.stores.transcripts import Transcript, TranscriptStore
    from loop_orchestrator.stores.wiki import Wiki
    from loop_orchestrator.substrate.port import Feed, Substrate


class Brain(Protocol):
    """Who is asked for a decision."""

    @property
    def name(self) -> str:
        """``rules``, ``command``, the name of a harness, or that with ``:model``."""

    @property
    def most_prompt_bytes(self) -> int | None:
        """Bytes that a prompt for it may have; None: as many as the config allows."""

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Transcript, cancel: Cancel) -> BrainReply:
        """The reply to one prompt; blocks until it came. Raises BrainError with a kind.

        transcript: gets the reply as it arrives. The built-in brain reads the snapshot, the others the prompt.
        """


class Ears(Protocol):
    """What is heard of lanes as it happens, beside what a look at them shows."""

    def signals(self, records: Iterable[LaneRecord]) -> Mapping[str, tuple[Signal, ...]]:
        """Lane -> what its terminal said by itself."""

    def drawn(self, records: Iterable[LaneRecord]) -> Mapping[str, datetime]:
        """Lane -> when it drew something last, or a time since which it drew nothing."""


class World(Protocol):
    """Every collaborator of one project and one session, each made when it is first asked for."""

    @property
    def root(self) -> Path:
        """the project, absolute"""

    @property
    def session(self) -> str: ...

    @property
    def config(self) -> Config: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def events(self) -> EventLog: ...

    @property
    def redactor(self) -> Redactor:
        """takes secrets out of what is printed"""

    @property
    def mailbox(self) -> Mailbox: ...

    @property
    def state(self) -> StateStore: ...

    @property
    def tasks(self) -> TaskStore: ...

    @property
    def wiki(self) -> Wiki: ...

    @property
    def adrs(self) -> AdrStore: ...

    @property
    def lanes(self) -> LaneStore: ...

    @property
    def restarts(self) -> RestartLog: ...

    @property
    def signals(self) -> SignalStore:
        """what programs in lanes said of themselves"""

    @property
    def deliveries(self) -> DeliveryStore: ...

    @property
    def queue(self) -> DeliveryQueue:
        """texts that stand in line for lanes"""

    @property
    def decisions(self) -> DecisionStore: ...

    @property
    def signers(self) -> bytes | None:
        """the allowed signers of approvals, as they were when this process began; None: approvals are not signed"""

    @property
    def budget(self) -> Budget: ...

    @property
    def brain_rests(self) -> BrainRests: ...

    @property
    def control(self) -> Control: ...

    @property
    def asks(self) -> AskStore:
        """texts to lanes that want an answer"""

    @property
    def handed_mail(self) -> KeyedNotes:
        """file of a message whose text was handed to its lane -> delivery that did it"""

    @property
    def escalations(self) -> KeyedNotes:
        """key of what was put before a person and still holds -> decision that did it"""

    @property
    def proofs(self) -> KeyedNotes:
        """task -> ``proved <file>`` or ``not-proved <file>``: what a validation lane answered"""

    @property
    def lanes_seen(self) -> KeyedNotes:
        """lane -> ``<detail> <time>``: its last seen state and since when"""

    @property
    def saved_places(self) -> KeyedNotes:
        """repository with snapshots of uncommitted work -> the directory of its last one"""

    @property
    def versions(self) -> KeyedNotes:
        """program's file and the time of its last change -> its version"""

    @property
    def idle_cycles(self) -> KeyedNotes:
        """worker -> cycles in a row that found it idle and unclaimed"""

    @property
    def prompt_fits(self) -> KeyedNotes:
        """brain -> how the last prompt for it fitted, where that was told"""

    @property
    def drifts(self) -> KeyedNotes:
        """``<harness> <version>`` -> lane in which screens of it were unknown for long, though others are known"""

    @property
    def routing(self) -> RoutingStore:
        """what is kept of routing beside the event log"""

    @property
    def ingest(self) -> IngestStore:
        """mail that is taken into the wiki"""

    @property
    def filing(self) -> KeyedNotes:
        """decision that closed and is not in the checkpoint yet -> empty; ``problem`` -> what stands in the way"""

    @property
    def lint(self) -> KeyedNotes:
        """``checked`` and ``reviewed`` -> when the wiki was looked at, and a review of it asked for"""

    @property
    def transcripts(self) -> TranscriptStore: ...

    @property
    def substrate(self) -> Substrate: ...

    @property
    def harnesses(self) -> Mapping[str, HarnessSpec]: ...

    @property
    def brains(self) -> tuple[Brain, ...]:
        """in the order in which they are asked"""

    @property
    def prompts(self) -> Mapping[str, str]:
        """packaged texts by name"""

    @property
    def cancel(self) -> Cancel:
        """set when this process is told to stop"""

    @property
    def feed(self) -> Feed | None:
        """The connection to the terminal that a long-running process may hold; None: switched off"""

    @property
    def delivery_settings(self) -> DeliverySettings:
        """How this process delivers. Raises UsageError where the environment says what it cannot mean."""

    ears: Ears | None
    """what a process of this project hears of its lanes; None: it does not listen"""

    def deliver(self, request: DeliveryRequest) -> Receipt:
        """The one way text gets into a lane."""

    def observe_lanes(self) -> tuple[Lane, ...]:
        """Every booted lane with its state, in one round trip. Raises SubstrateError and StoreError."""

    def start_lane(self, spec: LaneSpec) -> LaneRecord:
        """Boot one lane more; what add_lane needs from the layer above it."""

    def end_lane(self, name: str, *, even_at_work: bool) -> Path:
        """End a lane after writing its hand-off, whose file is returned.

        Raises LoopError, with the lane as it was, for an agent that is not known to rest, unless ``even_at_work``.
        """

    def left_worktree(self, name: str) -> Path | None:
        """The place in a repository whose worktree an earlier lane of this name left; None: there is none."""
