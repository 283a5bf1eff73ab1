"""What a one-shot program printed: a reply, or why there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loop_orchestrator.errors import BrainError
from loop_orchestrator.harnesses.usage import read_reply
from loop_orchestrator.model.brain import CostSource, Price, Usage, priced, used
from loop_orchestrator.model.harness import OneShot, OutputFormat
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
ONE = OneShot(
    argv=("x",),
    output=OutputFormat.JSON,
    reply="result",
    error="is_error",
    cost="total_cost_usd",
    input_tokens="usage.input_tokens + usage.from_cache?",
    output_tokens="usage.output_tokens",
    cached_tokens="usage.from_cache",
)
"""A program that prints one document."""


def oneshot(name: str) -> OneShot:
    if name == "one":
        return ONE
    found = HARNESSES[name].oneshot
    assert found is not None
    return found


def one(**fields: object) -> str:
    base = {"type": "result", "subtype": "success", "is_error": False, "result": "an answer"}
    return json.dumps({**base, **fields})


def failure(name: str, stdout: str, stderr: str, code: int) -> BrainError:
    with pytest.raises(BrainError) as raised:
        read_reply(oneshot(name), stdout, stderr, code)
    return raised.value


def test_a_json_reply_and_what_it_used() -> None:
    stdout = one(total_cost_usd=0.25, usage={"input_tokens": 120, "output_tokens": 30})
    expected = used(input_tokens=120, output_tokens=30, said_usd=0.25)
    assert read_reply(oneshot("one"), stdout, "noise", 0) == ("an answer", expected)


def test_the_tokens_of_several_models_are_added_and_one_that_is_not_said_makes_the_sum_unknown() -> None:
    models: dict[str, object] = {
        "router": {"tokens": {"prompt": 10, "candidates": 1}},
        "main": {"tokens": {"prompt": 100, "candidates": 20}},
    }
    stdout = json.dumps({"response": "an answer", "stats": {"models": models}})
    assert read_reply(oneshot("gemini"), stdout, "", 0)[1] == used(input_tokens=110, output_tokens=21)
    stdout = json.dumps({"response": "an answer", "stats": {"models": {**models, "other": {}}}})
    assert read_reply(oneshot("gemini"), stdout, "", 0)[1] == Usage()
    assert read_reply(oneshot("gemini"), json.dumps({"response": "an answer"}), "", 0)[1] == Usage()


def test_a_reply_in_the_last_of_several_documents() -> None:
    events = [{"type": "system"}, {"type": "result", "result": "an answer", "usage": {"input_tokens": 3}}]
    assert read_reply(ONE, json.dumps(events), "", 0) == ("an answer", used(input_tokens=3))
    failed = [{"type": "result", "is_error": True, "error": {"message": "API Error: 401 wrong key"}}]
    assert failure("one", json.dumps(failed), "", 1).kind == "auth"


def test_what_is_not_said_is_not_known_and_never_zero() -> None:
    assert read_reply(oneshot("one"), one(), "", 0) == ("an answer", Usage())
    odd = one(total_cost_usd=True, usage={"input_tokens": "many", "output_tokens": None})
    assert read_reply(oneshot("one"), odd, "", 0)[1] == Usage()
    assert read_reply(oneshot("llm"), "text", "", 0)[1] == Usage()


def test_the_last_document_of_a_list_counts() -> None:
    assert read_reply(oneshot("one"), f"[{{}}, {one()}]", "", 0)[0] == "an answer"


def test_a_text_reply_and_what_it_used() -> None:
    expected = used(input_tokens=1200, output_tokens=30)
    assert read_reply(oneshot("llm"), "an answer\n", "Token usage: 1,200 input, 30 output\n", 0) == (
        "an answer\n",
        expected,
    )


@pytest.mark.parametrize(
    ("name", "stdout", "stderr", "code", "kind"),
    [
        ("one", one(is_error=True, result="API Error: 429 rate limited"), "", 1, "rate-limited"),
        ("one", one(is_error=True, result="Invalid API key · Fix external API key"), "", 1, "auth"),
        ("one", one(is_error=True, result="Please run /login · API Error: 403"), "", 1, "auth"),
        ("one", one(is_error=True, result="Credit balance is too low"), "", 1, "quota"),
        (
            "one",
            one(is_error=True, result="There's an issue with the selected model (x)."),
            "",
            1,
            "model-unavailable",
        ),
        ("one", one(is_error=True, result="API Error: 529 Overloaded"), "", 1, "model-unavailable"),
        ("one", one(is_error=True, result="prompt too long"), "", 0, "exit"),
        ("one", one(result="fine"), "killed", 143, "exit"),
        ("one", one(result=""), "", 0, "unparseable"),
        ("one", one(result=None), "", 0, "unparseable"),
        ("one", "not json", "", 0, "unparseable"),
        ("one", "[]", "", 0, "unparseable"),
        ("one", "[" * 100_000, "", 0, "unparseable"),
        ("one", "", "Not logged in", 1, "auth"),
        ("llm", "", "Error: Error code: 429 - insufficient_quota", 1, "quota"),
        ("llm", "", "Error: Error code: 429 - slow down", 1, "rate-limited"),
        ("llm", "", "Error: Error code: 401 - wrong key", 1, "auth"),
        ("llm", "", "Error: Unknown model: x", 1, "model-unavailable"),
        ("llm", "half an answ", "Error: Connection error.", 1, "model-unavailable"),
        ("llm", "", "Traceback", 1, "exit"),
        ("llm", " \n", "", 0, "unparseable"),
    ],
)
def test_a_failure_has_a_kind(name: str, stdout: str, stderr: str, code: int, kind: str) -> None:
    assert failure(name, stdout, stderr, code).kind == kind


def test_a_failure_quotes_what_the_program_said_in_one_line() -> None:
    error = failure("llm", "", "first\nError: boom\n", 3)
    assert error.message == "it ended with status 3: first Error: boom"
    assert len(failure("llm", "", "x" * 5_000, 3).message) < 400


def test_an_answer_that_talks_about_errors_is_an_answer() -> None:
    assert read_reply(oneshot("one"), one(result="The API returned 429."), "429", 0)[0] == "The API returned 429."


def test_counts_are_added_and_taken_away_and_only_those_with_a_question_mark_may_lack() -> None:
    usage = {"input_tokens": 5, "from_cache": 7, "output_tokens": 1}
    expected = used(input_tokens=12, output_tokens=1, cached_tokens=7)
    assert read_reply(ONE, one(usage=usage), "", 0)[1] == expected
    less = replace(ONE, input_tokens="usage.all - usage.out", output_tokens="usage.out + usage.no")
    assert read_reply(less, one(usage={"all": 9, "out": 4}), "", 0)[1] == used(input_tokens=5)
    assert read_reply(less, one(usage={"all": 4, "out": 9}), "", 0)[1] == Usage()


def test_a_cost_of_zero_is_not_known_and_neither_is_a_call_of_no_tokens() -> None:
    assert used(input_tokens=5, output_tokens=1, said_usd=0.0) == Usage(
        input_tokens=5, output_tokens=1, cost_source=CostSource.UNPRICED
    )
    assert used(input_tokens=0, output_tokens=0, said_usd=0.0) == Usage()
    assert used(said_usd=0.0) == Usage()
    assert used(said_usd=0.5) == Usage(cost_usd=0.5, cost_source=CostSource.PROVIDER)


def test_a_cost_is_computed_where_tokens_and_prices_are_known() -> None:
    price = Price(input=2.0, output=10.0, cached_input=0.5)
    usage = priced(used(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000), price)
    assert usage.cost_usd == pytest.approx(1.2 + 0.2 + 1.0)
    assert usage.cost_source is CostSource.COMPUTED
    whole = priced(
        used(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000), Price(input=2, output=10)
    )
    assert whole.cost_usd == pytest.approx(3.0)
    for known in (used(input_tokens=5), Usage(), used(input_tokens=5, output_tokens=1, said_usd=0.1)):
        assert priced(known, price) == known
    unknown = used(input_tokens=5, output_tokens=1)
    assert priced(unknown, None) == unknown
