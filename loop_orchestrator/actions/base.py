"""What every kind of action offers: its fields, its judgement over facts, and its effect."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.fields import fields_of
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.action import Action
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryRequest
from loop_orchestrator.model.state import JsonValue

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict
    from loop_orchestrator.world import World


@dataclass(frozen=True)
class Hands:
    """What an action may use while it is performed."""

    world: World
    decision: str
    idx: int
    trace: str = ""
    """id of the cycle that decided it; ties its events together"""
    decided_at: datetime | None = None
    """when the decision was made; None: not known"""
    seen_mail: frozenset[str] | None = None
    """files of the messages that the cycle had seen which decided it; None: it is performed by a later process"""
    approved: bool = False
    """a person said yes to it"""

    def new_mail(self) -> tuple[Message, ...]:
        """Pending messages that were not there when it was decided, as far as that is known. Raises StoreError."""
        pending = self.world.mailbox.peek()
        if self.seen_mail is not None:
            return tuple(message for message in pending if message.file not in self.seen_mail)
        if self.decided_at is None:
            return pending
        since = self.decided_at.replace(microsecond=0)  # as exact as the time of a message
        return tuple(message for message in pending if message.sent_at >= since)

    @property
    def op(self) -> str:
        """Operation id of this item: the same however often it is asked for."""
        return f"{self.decision}-{self.idx}"

    def request(
        self,
        lane: str,
        text: str,
        *,
        mode: DeliveryMode,
        timeout_s: float,
        interrupt: bool = False,
        fresh: bool = False,
    ) -> DeliveryRequest:
        """The delivery that this item asks for; ``timeout_s``: how long the lane may take to be ready."""
        return DeliveryRequest(
            op=self.op,
            lane=lane,
            text=text,
            mode=mode,
            sender="engine",
            ready_timeout_s=timeout_s,
            interrupt=interrupt,
            fresh=fresh,
        )

    @property
    def ready_timeout_s(self) -> float:
        """Seconds an action that may wait for its lane waits."""
        engine = self.world.config.engine
        return engine.ready_timeout_s if engine else 0.0

    @property
    def boot_timeout_s(self) -> float:
        """Seconds a lane that was just booted has until its composer must stand."""
        return max(60.0, self.ready_timeout_s)


@dataclass(frozen=True)
class Outcome:
    """How an effect ended: DONE, FAILED or UNKNOWN, and a sentence for a person."""

    status: ItemStatus
    note: str


@dataclass(frozen=True, kw_only=True)
class ActionKind(Action):
    """An action that can be judged and performed. A kind is a subclass in a module of its own."""

    does: ClassVar[str]
    """one sentence for the brain: what it does and when to use it"""
    example: ClassVar[Mapping[str, JsonValue]]
    """fields of a valid action of this kind"""
    effect_free: ClassVar[bool] = False
    """performing it changes nothing, so nobody is asked"""
    always_asks: ClassVar[bool] = False
    """a person answers it in every approval mode"""
    offered: ClassVar[bool] = True
    """a brain is told of it; where it is not, it is part of the contract, and the gate blocks it"""

    @property
    def text(self) -> str:
        """The text that reaches a lane or a person; empty if there is none."""
        return ""

    @abstractmethod
    def judge(self, facts: Facts) -> Verdict:
        """How dangerous it is, given what is known. Pure."""

    @abstractmethod
    def perform(self, hands: Hands) -> Outcome:
        """Do it. Raises LoopError if it could not be done and nothing happened."""

    def to_fields(self) -> dict[str, JsonValue]:
        """Every field by name, as JSON; the inverse of reading them."""
        return {one.name: getattr(self, one.name) for one in fields_of(type(self))}


@dataclass(frozen=True, kw_only=True)
class NotOffered(ActionKind):
    """An action of the contract that nothing here carries out yet: it is read, judged and listed, and never begun."""

    offered: ClassVar[bool] = False

    def perform(self, hands: Hands) -> Outcome:
        """Raises LoopError, always: the gate blocks it, and whoever gets past the gate gets no further."""
        raise LoopError(f"nothing here carries out a {self.kind} yet")
