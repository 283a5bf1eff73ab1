"""What a one-shot program printed: a reply, or why there is none."""

from __future__ import annotations

import json

import pytest

from loop_orchestrator.errors import BrainError
from loop_orchestrator.harnesses.registry import load_harnesses
from loop_orchestrator.harnesses.usage import read_reply
from loop_orchestrator.model.brain import Usage
from loop_orchestrator.model.harness import OneShot

HARNESSES = load_harnesses(None)


def oneshot(name: str) -> OneShot:
    found = HARNESSES[name].oneshot
    assert found is not None
    return found


def claude(**fields: object) -> str:
    base = {"type": "result", "subtype": "success", "is_error": False, "result": "an answer"}
    return json.dumps({**base, **fields})


def failure(name: str, stdout: str, stderr: str, code: int) -> BrainError:
    with pytest.raises(BrainError) as raised:
        read_reply(oneshot(name), stdout, stderr, code)
    return raised.value


def test_a_json_reply_and_what_it_used() -> None:
    stdout = claude(total_cost_usd=0.25, usage={"input_tokens": 120, "output_tokens": 30})
    expected = Usage(input_tokens=120, output_tokens=30, cost_usd=0.25)
    assert read_reply(oneshot("claude"), stdout, "noise", 0) == ("an answer", expected)


def test_the_tokens_of_several_models_are_added_and_one_that_is_not_said_makes_the_sum_unknown() -> None:
    models: dict[str, object] = {
        "router": {"tokens": {"prompt": 10, "candidates": 1}},
        "main": {"tokens": {"prompt": 100, "candidates": 20}},
    }
    stdout = json.dumps({"response": "an answer", "stats": {"models": models}})
    assert read_reply(oneshot("gemini"), stdout, "", 0)[1] == Usage(input_tokens=110, output_tokens=21)
    stdout = json.dumps({"response": "an answer", "stats": {"models": {**models, "other": {}}}})
    assert read_reply(oneshot("gemini"), stdout, "", 0)[1] == Usage()
    assert read_reply(oneshot("gemini"), json.dumps({"response": "an answer"}), "", 0)[1] == Usage()


def test_a_reply_in_the_last_of_several_documents() -> None:
    events = [{"type": "system"}, {"type": "result", "result": "an answer", "usage": {"input_tokens": 3}}]
    assert read_reply(oneshot("qwen"), json.dumps(events), "", 0) == ("an answer", Usage(input_tokens=3))
    failed = [{"type": "result", "is_error": True, "error": {"message": "API Error: 401 wrong key"}}]
    assert failure("qwen", json.dumps(failed), "", 1).kind == "auth"


def test_what_is_not_said_is_not_known_and_never_zero() -> None:
    assert read_reply(oneshot("claude"), claude(), "", 0) == ("an answer", Usage())
    odd = claude(total_cost_usd=True, usage={"input_tokens": "many", "output_tokens": None})
    assert read_reply(oneshot("claude"), odd, "", 0)[1] == Usage()
    assert read_reply(oneshot("llm"), "text", "", 0)[1] == Usage()


def test_the_last_document_of_a_list_counts() -> None:
    assert read_reply(oneshot("claude"), f"[{{}}, {claude()}]", "", 0)[0] == "an answer"


def test_a_text_reply_and_what_it_used() -> None:
    expected = Usage(input_tokens=1200, output_tokens=30)
    assert read_reply(oneshot("llm"), "an answer\n", "Token usage: 1,200 input, 30 output\n", 0) == (
        "an answer\n",
        expected,
    )


@pytest.mark.parametrize(
    ("name", "stdout", "stderr", "code", "kind"),
    [
        ("claude", claude(is_error=True, result="API Error: 429 rate limited"), "", 1, "rate-limited"),
        ("claude", claude(is_error=True, result="Invalid API key · Fix external API key"), "", 1, "auth"),
        ("claude", claude(is_error=True, result="Please run /login · API Error: 403"), "", 1, "auth"),
        ("claude", claude(is_error=True, result="Credit balance is too low"), "", 1, "quota"),
        (
            "claude",
            claude(is_error=True, result="There's an issue with the selected model (x)."),
            "",
            1,
            "model-unavailable",
        ),
        ("claude", claude(is_error=True, result="API Error: 529 Overloaded"), "", 1, "model-unavailable"),
        ("claude", claude(is_error=True, result="prompt too long"), "", 0, "exit"),
        ("claude", claude(result="fine"), "killed", 143, "exit"),
        ("claude", claude(result=""), "", 0, "unparseable"),
        ("claude", claude(result=None), "", 0, "unparseable"),
        ("claude", "not json", "", 0, "unparseable"),
        ("claude", "[]", "", 0, "unparseable"),
        ("claude", "[" * 100_000, "", 0, "unparseable"),
        ("claude", "", "Not logged in", 1, "auth"),
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
    assert read_reply(oneshot("claude"), claude(result="The API returned 429."), "429", 0)[0] == "The API returned 429."
