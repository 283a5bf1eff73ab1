"""What a person who looks on is told of asks, stops and hand-offs."""

from __future__ import annotations

import pytest

from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.telling import sentence
from tests.support.builders import NOW


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("ask.made", {"ask": "d-1-0", "lane": "web", "timeout_s": 1800}, "web is asked for an answer within 30m"),
        ("ask.replied", {"ask": "d-1-0", "lane": "web", "file": "f", "late": False}, "web answered d-1-0"),
        ("ask.replied", {"ask": "d-1-0", "lane": "web", "file": "f", "late": True}, "web answered d-1-0, late"),
        ("ask.timed-out", {"ask": "d-1-0", "lane": "web", "timeout_s": 9}, "web did not answer d-1-0 in time"),
        (
            "stop.refused",
            {"decision": "d-1", "idx": 0, "reason": "lane web is at work"},
            "not stopped: lane web is at work",
        ),
        ("handoff.noted", {"lane": "web", "page": "lanes/web.md", "reason": ""}, ""),
        (
            "handoff.noted",
            {"lane": "web", "page": "lanes/web.md", "reason": "it is a link"},
            "the state of web is not on its page: it is a link",
        ),
    ],
)
def test_it_is_one_line(kind: str, payload: dict[str, JsonValue], expected: str) -> None:
    assert sentence(Event(id="e", seq=1, at=NOW, kind=kind, source="engine", payload=payload)) == expected
