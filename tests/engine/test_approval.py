"""What waits and what runs alone, and the digest that an approval is bound to."""

from __future__ import annotations

import pytest

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.registry import KINDS, read_action
from loop_orchestrator.engine.approval import digest_of, first_status
from loop_orchestrator.model.decision import ApprovalMode, ItemStatus
from loop_orchestrator.model.verdict import SAFE, blocked, destructive


def example(kind: str, **changes: object) -> ActionKind:
    action, problems = read_action({**KINDS[kind].example, "kind": kind, **changes})  # type: ignore[dict-item]
    assert action is not None, problems
    return action


MANUAL, AUTO, FULL = ApprovalMode.MANUAL, ApprovalMode.AUTO, ApprovalMode.FULL
SHARP, NEVER = destructive("sharp"), blocked("never")


@pytest.mark.parametrize(
    ("kind", "verdict", "mode", "status"),
    [
        ("dispatch", SAFE, MANUAL, ItemStatus.WAITING),
        ("dispatch", SAFE, AUTO, ItemStatus.READY),
        ("dispatch", SAFE, FULL, ItemStatus.READY),
        ("dispatch", SHARP, MANUAL, ItemStatus.WAITING),
        ("dispatch", SHARP, AUTO, ItemStatus.WAITING),
        ("dispatch", SHARP, FULL, ItemStatus.READY),
        ("dispatch", NEVER, MANUAL, ItemStatus.BLOCKED),
        ("dispatch", NEVER, FULL, ItemStatus.BLOCKED),
        ("escalate", SHARP, FULL, ItemStatus.WAITING),
        ("escalate", SHARP, AUTO, ItemStatus.WAITING),
        ("stop", SAFE, MANUAL, ItemStatus.READY),
    ],
)
def test_what_runs_alone(kind: str, verdict: object, mode: ApprovalMode, status: ItemStatus) -> None:
    assert first_status(example(kind), verdict, mode) is status  # type: ignore[arg-type]


def test_the_digest_changes_with_everything_that_will_be_done() -> None:
    base = digest_of("d-1", "s", [example("dispatch")])
    assert base == digest_of("d-1", "s", [example("dispatch")])
    others = [
        digest_of("d-2", "s", [example("dispatch")]),
        digest_of("d-1", "t", [example("dispatch")]),
        digest_of("d-1", "s", [example("dispatch", lane="infra")]),
        digest_of("d-1", "s", [example("dispatch", payload="another")]),
        digest_of("d-1", "s", [example("dispatch", mode="command")]),
        digest_of("d-1", "s", [example("dispatch", rationale="another")]),
        digest_of("d-1", "s", [example("dispatch"), example("stop")]),
        digest_of("d-1", "s", [example("stop"), example("dispatch")]),
        digest_of("d-1", "s", []),
    ]
    assert len({base, *others}) == len(others) + 1
