"""Every sentence names fields that its kind has, and says what the payload says."""

from __future__ import annotations

import pytest

from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.model.sentences import SENTENCES, fields_of, sentence_of
from loop_orchestrator.model.state import JsonValue
from tests.stores.builders import NOON


def event(kind: str, **payload: JsonValue) -> Event:
    return Event(id="e-1", seq=1, at=NOON, kind=kind, source="cli", payload=payload)


def test_every_kind_has_a_sentence() -> None:
    assert SENTENCES.keys() == EVENT_KINDS.keys()


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_sentence_names_only_fields_that_its_kind_has(kind: str) -> None:
    assert set(fields_of(SENTENCES[kind])) <= set(EVENT_KINDS[kind].fields)


def test_what_is_empty_is_left_out_with_the_words_around_it() -> None:
    assert sentence_of(event("lane.changed", lane="web", was="", now="idle")) == "lane web is idle"
    assert sentence_of(event("lane.changed", lane="web", was="busy", now="idle")) == "lane web is idle; it was busy"


def test_values_are_told_in_words() -> None:
    usage: dict[str, JsonValue] = {"input_tokens": 12, "output_tokens": 0, "cost_usd": None}
    said = sentence_of(event("brain.replied", cycle="c", brain="pi", duration_s=1.5, usage=usage))
    assert said == "brain pi answered after 1.5 s; input_tokens 12, output_tokens 0"
    assert sentence_of(event("session.up", added=["web", "docs"], adopted=[])) == "session up: started web, docs"


def test_a_value_with_the_marks_of_a_template_stays_as_it_is() -> None:
    said = sentence_of(event("crash", what="[{reason}]", reason="{what}"))
    assert said == "[{reason}] failed and is tried again: {what}"


def test_a_kind_without_a_sentence_and_a_payload_of_another_version_are_told_by_their_fields() -> None:
    assert sentence_of(event("of.tomorrow", a=1, b="", c=True)) == "a 1, c yes"
    assert sentence_of(event("crash", what="x")) == "what x"
