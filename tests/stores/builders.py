"""Values for tests of the stores: every field has a default, so that a test shows what matters to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from loop_orchestrator.model.action import Action
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.delivery import DeliveryRequest
from loop_orchestrator.model.lane import LaneRecord, LaneSpec
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import destructive
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from tests.support.clocks import SteppedClock

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Say(Action):
    """An action for tests."""

    kind: ClassVar[str] = "say"
    to: str
    text: str

    @property
    def target(self) -> str:
        return self.to


class SayCodec:
    """Reads and writes Say."""

    def to_fields(self, action: Action) -> dict[str, JsonValue]:
        assert isinstance(action, Say)
        return {"to": action.to, "text": action.text, "rationale": action.rationale}

    def from_fields(self, kind: str, fields: Mapping[str, JsonValue]) -> Action:
        if kind != "say":
            raise ValueError(f"unknown kind {kind!r}")
        return Say(to=str(fields["to"]), text=str(fields["text"]), rationale=str(fields["rationale"]))


def layout_of(root: Path) -> Layout:
    return Layout(root, "s1")


def log_of(root: Path) -> EventLog:
    return EventLog(layout_of(root).events, SteppedClock())


def item(idx: int = 0, *, status: ItemStatus = ItemStatus.WAITING, text: str = "hello", to: str = "web") -> Item:
    action = Say(to=to, text=text, rationale="it waits")
    return Item(idx=idx, action=action, verdict=destructive("a test"), status=status, changed_at=NOON)


def decision(id: str = "d-1", *, items: tuple[Item, ...] | None = None, created_at: datetime = NOON) -> Decision:
    return Decision(
        id=id,
        session="s1",
        created_at=created_at,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique="fine",
        items=(item(),) if items is None else items,
        digest="0" * 64,
        cycle="c-1",
    )


def lane(name: str = "web", *, cwd: Path = Path("/tmp")) -> LaneRecord:
    return LaneRecord(
        spec=LaneSpec(
            name=name,
            window=name,
            role="implementation",
            harness="rehearsal",
            cwd=cwd,
            env=(("A", "1"), ("B", "ü\n")),
        ),
        pane="%5",
        pane_pid=4711,
        pane_tty="/dev/pts/7",
        agent=True,
        argv=("python", "-m", "x"),
        booted_at=NOON,
    )


def request(op: str = "op-1", *, lane: str = "web", text: str = "hello") -> DeliveryRequest:
    return DeliveryRequest(op=op, lane=lane, text=text, sender="person")
