"""Which message answers an ask, and which only says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from loop_orchestrator.model.ask import RECENT_S, AskStatus, answered, from_others, named_asks
from tests.support.builders import NOW, a_message, an_ask

ASK = an_ask("d-20260301T120000000-4f2a9c-0")


@pytest.mark.parametrize(
    "subject",
    [
        f"re:{ASK.id}",
        f"RE:{ASK.id}",
        f"Re: {ASK.id}",
        f"Port is 80 (re:{ASK.id}).",
        f"re:d-other-1 re:{ASK.id}",
    ],
)
def test_a_subject_that_names_the_ask_answers_it(subject: str) -> None:
    reply = a_message("web", "coord", subject)
    assert answered(ASK, [a_message("web"), reply]) == reply


def test_a_message_that_is_tied_to_the_ask_answers_it_whatever_its_subject() -> None:
    reply = replace(a_message("web", "coord", "the port"), in_reply_to=ASK.id)
    assert answered(ASK, [reply]) == reply
    assert named_asks(reply) == {ASK.id}


@pytest.mark.parametrize("subject", ["hello", ASK.id, f"re:{ASK.id}0", f"re:{ASK.id[:-2]}", f"core:{ASK.id}"])
def test_another_subject_does_not(subject: str) -> None:
    assert answered(ASK, [a_message("web", "coord", subject)]) is None


def test_only_the_lane_that_was_asked_answers_and_only_to_the_coordinator() -> None:
    stranger = a_message("infra", "coord", f"re:{ASK.id}")
    elsewhere = a_message("web", "infra", f"re:{ASK.id}")
    assert answered(ASK, [stranger, elsewhere]) is None
    assert from_others(ASK, [stranger, elsewhere]) == (stranger,)


def test_an_ask_is_due_at_its_deadline_and_recent_for_an_hour_after_its_end() -> None:
    assert not ASK.is_due(NOW + timedelta(seconds=599))
    assert ASK.is_due(NOW + timedelta(seconds=600))
    ended = replace(ASK, status=AskStatus.TIMED_OUT, ended_at=NOW)
    assert not ended.is_due(NOW + timedelta(days=1))
    assert ended.is_recent(NOW + timedelta(seconds=RECENT_S - 1))
    assert not ended.is_recent(NOW + timedelta(seconds=RECENT_S))
    assert ASK.is_recent(NOW + timedelta(days=9))
