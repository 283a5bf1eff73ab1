"""What a person reads who looks on."""

from __future__ import annotations

import pytest

from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.telling import sentence, usage_words
from tests.support.builders import NOW


def told(kind: str, **payload: JsonValue) -> str:
    return sentence(Event(seq=1, at=NOW, kind=kind, source="engine", payload=payload, id="e-1", trace="", caused_by=""))


def test_a_brain_that_answered_is_told_with_what_it_used_and_the_rules_are_not() -> None:
    usage: JsonValue = {"input_tokens": 1200, "output_tokens": 30, "cost_usd": 0.0123}
    said = told("brain.replied", cycle="c-1", brain="codex", duration_s=3.2, usage=usage)
    assert said == "brain codex answered: 1200 tokens in, 30 out, 0.012 USD, after 3.2 s"
    assert told("brain.replied", cycle="c-1", brain="rules", duration_s=0.0, usage=usage) == ""


@pytest.mark.parametrize(
    ("usd", "words"),
    [(None, "n/a USD"), (0.0, "0.00 USD"), (0.00000123, "0.0000012 USD"), (0.5, "0.50 USD"), (12.345, "12.35 USD")],
)
def test_what_is_not_known_is_na_and_no_cost_reads_as_zero(usd: float | None, words: str) -> None:
    assert words in usage_words({"usage": {"cost_usd": usd}, "duration_s": 1})
    assert "n/a tokens in, n/a out" in usage_words({"usage": {"cost_usd": usd}, "duration_s": 1})


def test_a_brain_that_failed_is_told_with_its_reason_and_when_it_is_asked_again() -> None:
    said = told("brain.failed", cycle="c-1", brain="codex", failure="quota", reason="it said no", until="U", usage=None)
    assert said == "brain codex failed (quota): it said no; it is asked again from U on"
    said = told("brain.failed", cycle="c-1", brain="x", failure="budget", reason="used up", until=None, usage=None)
    assert said == "brain x failed (budget): used up"


def test_a_daemon_in_place_of_one_that_was_killed_is_told_so() -> None:
    assert told("watch.started", pid=7, took_over="") == "the engine watches (pid 7)"
    said = told("watch.started", pid=7, took_over="pid 5, started T")
    assert said == "the engine watches (pid 7), in place of one that was killed: pid 5, started T"
