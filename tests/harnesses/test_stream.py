"""JSON Lines of one-shot programs, as they were recorded: the reply, what it used, and what a person can follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.errors import BrainError
from loop_orchestrator.harnesses.stream import Stream
from loop_orchestrator.harnesses.usage import read_reply
from loop_orchestrator.model.brain import CostSource, Usage
from loop_orchestrator.model.harness import OneShot, OutputFormat, StreamRule
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
RECORDED = Path(__file__).parent / "streams"
"""From the programs that tests/real/programs.py names, against a model service on loopback; ``NAME-CASE.jsonl``."""


def oneshot(name: str) -> OneShot:
    found = HARNESSES[name].oneshot
    assert found is not None
    return found


def recorded(name: str, case: str) -> str:
    return (RECORDED / f"{name}-{case}.jsonl").read_text(encoding="utf-8")


def shown(name: str, text: str) -> str:
    stream = Stream(oneshot(name))
    return stream.add(text.encode()) + stream.end()


def failure(name: str, stdout: str, stderr: str = "", code: int = 0) -> BrainError:
    with pytest.raises(BrainError) as raised:
        read_reply(oneshot(name), stdout, stderr, code)
    return raised.value


@pytest.mark.parametrize(
    ("name", "requests", "cost"),
    [("claude", 1, 0.00282), ("codex", 1, None), ("pi", 1, None), ("opencode", 1, None), ("qwen", 2, None)],
)
def test_an_answer_and_all_that_the_service_said_it_used(name: str, requests: int, cost: float | None) -> None:
    reply, usage = read_reply(oneshot(name), recorded(name, "answer"), "", 0)
    assert reply == "The model has answered."
    tokens = (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    assert tokens == (1_000 * requests, 50 * requests, 600 * requests)
    assert usage.cost_usd == (None if cost is None else pytest.approx(cost))
    assert usage.cost_source is (CostSource.UNPRICED if cost is None else CostSource.PROVIDER)


def test_a_cost_is_the_programs_own_word_and_zero_is_none() -> None:
    assert read_reply(oneshot("pi"), recorded("pi", "thinks"), "", 0)[1].cost_usd == pytest.approx(0.00018)
    (line,) = [line for line in recorded("opencode", "answer").splitlines() if "step_finish" in line]
    assert json.loads(line)["part"]["cost"] == 0
    assert read_reply(oneshot("opencode"), recorded("opencode", "answer"), "", 0)[1].cost_usd is None


@pytest.mark.parametrize(
    ("name", "case", "lines"),
    [
        ("claude", "thinks", ["claude-opus-5-5", "thought 0 thought 1 ", "Hello from the stub. The answer is 42."]),
        ("codex", "thinks", ["", "thought 0 thought 1 ", "Hello from the stub. The answer is 42."]),
        ("pi", "thinks", ["thought 0 thought 1 ", "Hello from the stub. The answer is 42."]),
        ("qwen", "thinks", ["stub-model", "thought 0 thought 1 ", "Hello from the stub. The answer is 42."]),
        ("claude", "tool", ["I will use a tool.", "[Bash] touch stub_was_here.txt", "Tool finished; all done."]),
        ("pi", "tool", ["[bash] touch stub_was_here.txt", "Tool finished; all done."]),
        ("opencode", "tool", ["[bash] touch stub_was_here.txt"]),
    ],
)
def test_a_person_follows_text_as_it_is_and_tools_in_a_line(name: str, case: str, lines: list[str]) -> None:
    said = shown(name, recorded(name, case)).splitlines()
    assert said[-len(lines) :] == lines
    assert len(said) <= len(lines) + 2  # what it notes of itself


def test_it_is_followed_from_any_pieces(tmp_path: Path) -> None:
    text = recorded("claude", "thinks").replace("The answer", "Größe 世界").encode()
    for size in (1, 7, 4096):
        stream = Stream(oneshot("claude"))
        said = "".join(stream.add(text[at : at + size]) for at in range(0, len(text), size)) + stream.end()
        assert said == shown("claude", text.decode())
        assert stream.reply == "Hello from the stub. Größe 世界 is 42."


def call(**arguments: object) -> str:
    event = {"type": "tool_execution_start", "toolName": "t", "args": arguments}
    return shown("pi", json.dumps(event))


def test_a_tool_is_shown_by_the_first_of_what_it_is_about_cut_to_120_characters() -> None:
    assert call(query="q", file_path="/a b\nc", command="x") == "[t] /a b c\n"
    assert call(command=["bash", "-c", "ls"]) == "[t] bash -c ls\n"
    assert call(command="x" * 500) == f"[t] {'x' * 120}\n"
    assert call(other=1) == call() == "[t]\n"
    item = {"id": "item_1", "type": "command_execution", "command": "bash -lc ls", "status": "in_progress"}
    assert shown("codex", json.dumps({"type": "item.started", "item": item})) == "[command_execution] bash -lc ls\n"
    as_text = {
        "type": "item.started",
        "item": {"type": "mcp_tool_call", "tool": "t", "arguments": '{"url": "http://x"}'},
    }
    assert shown("codex", json.dumps(as_text)) == "[t] http://x\n"


@pytest.mark.parametrize(
    ("name", "case", "code", "kind", "words"),
    [
        ("claude", "quota", 1, "quota", "it ended with status 1: Credit balance is too low"),
        ("codex", "quota", 1, "quota", "it ended with status 1: Quota exceeded. Check your plan"),
        ("pi", "quota", 0, "quota", "it reported an error: 429: {"),
        ("opencode", "auth", 1, "auth", "it ended with status 1: 401 APIError invalid x-api-key"),
    ],
)
def test_a_refusal_is_a_failure_of_its_kind(name: str, case: str, code: int, kind: str, words: str) -> None:
    error = failure(name, recorded(name, case), "", code)
    assert (error.kind, error.message[: len(words)]) == (kind, words)
    assert error.usage == Usage()  # no call uses no token


def test_lines_that_are_no_json_are_passed_over_and_shown() -> None:
    text = "Warning: something\n" + recorded("codex", "answer").replace("\n", "\n[1, 2]\n{half\n", 1)
    assert read_reply(oneshot("codex"), text, "", 0)[0] == "The model has answered."
    assert shown("codex", text).startswith("Warning: something\n[1, 2]\n{half\n")


@pytest.mark.parametrize("name", ["claude", "codex", "pi", "opencode", "qwen"])
def test_what_breaks_off_is_no_reply(name: str) -> None:
    lines = recorded(name, "answer").splitlines(keepends=True)
    ends = next(at for at in range(len(lines)) if is_done(name, "".join(lines[: at + 1])))
    for text in ("".join(lines[:ends]), "".join(lines[:ends]) + lines[ends][:-20]):
        error = failure(name, text)
        assert (error.kind, error.message) == ("unparseable", "its output broke off before it said that it was done")
    assert failure(name, "".join(lines[:ends]), "killed", 137).kind == "exit"


def is_done(name: str, text: str) -> bool:
    stream = Stream(oneshot(name))
    stream.add(text.encode())
    return stream.is_done


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "kind"),
    [
        ("", "", 0, "unparseable"),
        ("hello\n", "", 0, "unparseable"),
        ("{}\n", "", 0, "unparseable"),
        ("You've hit your limit · resets 3pm\n", "", 0, "quota"),
        ("You've hit your limit · resets 3pm\n", "noise", 1, "quota"),
        ("", "Not logged in", 1, "auth"),
        ("", "429 Too Many Requests", 0, "rate-limited"),
        ("[" * 100_000, "", 0, "unparseable"),
        ("\udcff\n", "", 3, "exit"),
    ],
)
def test_a_program_that_prints_no_events_has_failed(stdout: str, stderr: str, code: int, kind: str) -> None:
    assert failure("codex", stdout, stderr, code).kind == kind


def test_an_empty_reply_is_a_failure_that_was_paid_for() -> None:
    answer = recorded("codex", "answer").replace('"text":"The model has answered."', '"text":" "')
    error = failure("codex", answer)
    assert (error.kind, error.message) == ("unparseable", "its events hold no text of a reply")
    assert isinstance(error.usage, Usage) and error.usage.input_tokens == 1_000


def test_what_a_program_waits_for_is_known_before_it_gives_up() -> None:
    stream = Stream(oneshot("codex"))
    stream.add(recorded("codex", "retries").encode())
    assert "429 Too Many Requests" in stream.warned
    event = {"type": "system", "subtype": "api_retry", "error_status": 429, "error": "rate_limit", "retry_delay_ms": 9}
    stream = Stream(oneshot("claude"))
    assert stream.add(json.dumps(event).encode() + b"\n") == "429 rate_limit\n"
    assert '"retry_delay_ms": 9' in stream.said
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795816800}}
    assert "1795816800" in stream.add(json.dumps(limit).encode() + b"\n")
    allowed = json.dumps(limit).replace("rejected", "allowed")
    assert stream.add(allowed.encode() + b"\n") == ""


def message(text: str, reason: str = "stop", **usage: int) -> str:
    content = [{"type": "text", "text": text}] if text else []
    told = {"role": "assistant", "content": content, "stopReason": reason, "errorMessage": "overloaded", "usage": usage}
    return json.dumps({"type": "message_end", "message": told}) + "\n"


def test_an_attempt_that_failed_is_taken_back_by_the_next_one() -> None:
    end = json.dumps({"type": "agent_end"})
    text = message("half", "error", input=5, output=1) + message("whole", input=5, output=2) + end
    reply, usage = read_reply(oneshot("pi"), text, "", 0)
    assert (reply, usage.input_tokens, usage.output_tokens) == ("whole", 10, 3)
    assert failure("pi", message("whole") + message("half", "error") + end).kind == "model-unavailable"


def test_paragraphs_are_parted_and_one_count_that_is_not_known_makes_the_sum_unknown() -> None:
    end = json.dumps({"type": "agent_end"})
    reply, usage = read_reply(oneshot("pi"), message("a", input=1, output=1) + message("b", output=1) + end, "", 0)
    assert reply == "a\n\nb"
    assert (usage.input_tokens, usage.output_tokens) == (None, 2)


def test_pieces_of_a_reply_go_on_where_the_last_one_ended() -> None:
    rules = (StreamRule(when=(("t", "p"),), piece="x"), StreamRule(when=(("t", "end"),), ends=True))
    program = OneShot(argv=("x",), output=OutputFormat.JSONL, events=rules)
    text = '{"t": "p", "x": "on"}\n{"t": "p", "x": "e"}\n{"t": "end"}\n'
    assert read_reply(program, text, "", 0)[0] == "one"
    stream = Stream(program)
    assert stream.add(text.encode()) + stream.end() == "one\n"


@given(st.lists(st.one_of(st.text(max_size=30), st.dictionaries(st.text(max_size=5), st.integers()).map(json.dumps))))
def test_nothing_that_is_printed_breaks_it(lines: list[str]) -> None:
    stream = Stream(oneshot("claude"))
    stream.add("\n".join(lines).encode("utf-8", "replace"))
    stream.end()
    assert stream.reply == ""


@pytest.mark.parametrize(
    "event",
    [
        {"type": "result", "is_error": False, "result": {"a": 1}, "usage": [1], "total_cost_usd": "much"},
        {"type": "result", "is_error": False, "result": None, "usage": {"input_tokens": 1e999}, "total_cost_usd": -1},
        {"type": "result", "usage": {"input_tokens": 10**400, "output_tokens": 10**400}, "total_cost_usd": 10**400},
        {"type": "assistant", "message": {"content": "text"}},
        {"type": "assistant", "message": {"content": [1, None, {"type": "text"}]}},
    ],
)
def test_odd_values_are_no_numbers(event: object) -> None:
    stream = Stream(oneshot("claude"))
    stream.add(json.dumps(event).encode() + b"\n")
    assert stream.usage == Usage()


def test_a_failure_that_stands_in_several_events_is_shown_once() -> None:
    assert recorded("codex", "quota").count("Quota exceeded") == 2
    assert shown("codex", recorded("codex", "quota")).count("Quota exceeded") == 1
