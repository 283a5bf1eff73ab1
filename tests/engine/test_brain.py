"""Asking a program: whatever keeps it from answering is a failure of the brain, and the cycle ends."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loop_orchestrator.engine.brain import ProgramBrain
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.errors import ConfigError, UsageError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.operations.replay import replay
from loop_orchestrator.world import World
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at

REPLY = "```decision\\nversion: 1\\ncritique: x\\nactions: []\\n```\\n"


def world_with(project: Path, *command: str) -> World:
    words = ", ".join(map(repr, command))
    config = f"engine: {{brain: {{use: command, command: [{words}], timeout_s: 2}}}}\n"
    return project_at(project, config=config).world


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("", "unparseable"),
        (f"import sys; sys.stderr.write('{REPLY}')", "unparseable"),
        ("print('word ' * 400_000)", "unparseable"),
        (f"print('{REPLY}' * 2)", "unparseable"),
        (f"import sys; print('{REPLY}'); sys.exit(3)", "exit"),
        (f"import os; print('{REPLY}', flush=True); os.kill(os.getpid(), 9)", "exit"),
        ("import time; time.sleep(60)", "timeout"),
    ],
)
def test_a_brain_that_gives_no_reply_fails_by_name(project: Path, code: str, failure: str) -> None:
    world = world_with(project, sys.executable, "-c", code)
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.failure) == ("brain-failed", failure)
    assert world.decisions.open_decisions() == ()
    assert world.events.tail(1)[0].kind == "cycle.ended"


def test_a_brain_that_cannot_be_started_has_failed(project: Path) -> None:
    world = world_with(project, "/no/such/brain")
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.failure) == ("brain-failed", "exit")
    assert "no such program" in result.problem
    assert [event.kind for event in world.events.tail(2)] == ["brain.failed", "cycle.ended"]


def test_odd_bytes_around_and_in_a_reply_are_survived(project: Path) -> None:
    reply = "b'\\xff\\xfe\\n```decision\\r\\nversion: 1\\r\\ncritique: \\xff\\r\\nactions: []\\r\\n```\\r\\n'"
    code = f"import sys; sys.stdout.buffer.write({reply})"
    assert run_cycle(world_with(project, sys.executable, "-c", code), ("test",)).outcome == "done"


QUOTA = "import sys; sys.exit('usage limit reached, resets in 3 hours')"
"""A program that is out of quota, and says so on stderr."""


def chain(project: Path, code: str, *, fallback: str = "rules", clock: SteppedClock | None = None) -> World:
    words = f"[{sys.executable!r}, '-c', {json.dumps(code)}]"
    config = f"engine: {{brain: {{use: command, command: {words}, fallback: [{fallback}], timeout_s: 5}}}}\n"
    return project_at(project, config=config, clock=clock).world


def test_the_next_brain_answers_while_the_first_is_out_of_quota(project: Path) -> None:
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = chain(project, QUOTA, clock=clock)
    for _ in range(3):
        assert run_cycle(world, ("test",)).outcome == "stopped"
    called = [event.payload["brain"] for event in world.events.since(0) if event.kind == "brain.called"]
    assert called == ["command", "rules", "rules", "rules"]  # waiting calls nothing
    (failed,) = [event for event in world.events.since(0) if event.kind == "brain.failed"]
    assert (failed.payload["failure"], failed.payload["until"]) == ("quota", "2026-03-01T15:00:00.000Z")
    clock.advance(3 * 3600)
    run_cycle(world, ("test",))
    called = [event.payload["brain"] for event in world.events.since(0) if event.kind == "brain.called"]
    assert called[-2:] == ["command", "rules"]


@pytest.mark.parametrize(
    ("code", "failure", "until"),
    [
        (QUOTA, "quota", "15:00:00"),
        ("print('You have hit your limit, resets 2:30pm (Etc/UTC)')", "quota", "14:30:00"),
        ("import sys; print('429 Too Many Requests, retry-after: 90'); sys.exit(1)", "rate-limited", "12:01:30"),
        ("import sys; sys.stderr.write('noise\\n' * 9); print('quota used up'); sys.exit(1)", "quota", "13:00:00"),
        ("import sys; sys.exit('Invalid API key, run /login')", "auth", "13:00:00"),
        ("import sys; sys.exit('model overloaded')", "model-unavailable", "12:01:00"),
        ("import sys; sys.exit(7)", "exit", "12:01:00"),
        ("print('no block here, ' * 60)", "unparseable", "12:01:00"),
    ],
)
def test_alone_it_is_asked_again_when_its_failure_says_so(project: Path, code: str, failure: str, until: str) -> None:
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = chain(project, code, fallback="", clock=clock)
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.failure) == ("brain-failed", failure)
    assert result.until is not None and f"{result.until:%H:%M:%S}" == until
    charged = world.budget.spent().calls_left
    again = run_cycle(world, ("test",))
    assert (again.outcome, again.failure, again.until) == ("brain-failed", failure, result.until)
    assert world.budget.spent().calls_left == charged  # it was not called


def lines_brain(project: Path, code: str, **brain: object) -> World:
    """A brain that prints JSON Lines, described by a data file of the project."""
    events = [
        {"when": {"t": "text"}, "text": "x"},
        {"when": {"t": "wait"}, "warns": "x"},
        {"when": {"t": "used"}, "input_tokens": "in", "output_tokens": "out", "cost": "usd", "ends": True},
    ]
    oneshot = {"argv": [sys.executable, "-c", code], "prompt": "stdin", "output": "jsonl", "events": events}
    harness = {"name": "lines", "title": "Lines", "kind": "brain", "oneshot": oneshot, "verified": []}
    folder = project / ".loop" / "harnesses"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.yaml").write_text(json.dumps(harness))
    config = json.dumps({"engine": {"brain": {"use": "lines", "timeout_s": 5, **brain}}})
    return project_at(project, config=config, clock=SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))).world


def say(*events: dict[str, object]) -> str:
    """A program that prints these events."""
    return f"import json, sys\nsys.stdin.read()\nfor one in {list(events)!r}: print(json.dumps(one), flush=True)\n"


ANSWER: dict[str, object] = {"t": "text", "x": REPLY.replace("\\n", "\n")}
USED: dict[str, object] = {"t": "used", "in": 1_000_000, "out": 100_000, "usd": 0}


def test_events_are_followed_as_text_and_their_tokens_are_priced_by_the_config(project: Path) -> None:
    world = lines_brain(project, say(ANSWER, USED), prices={"lines": {"input": 1, "output": 5}}, max_usd_per_day=3)
    result = run_cycle(world, ("test",))
    assert result.outcome == "done"
    (call,) = world.transcripts.calls(result.cycle)
    assert call.stream.read_text() == ANSWER["x"] == call.reply.read_text()
    assert [json.loads(line) for line in call.raw.read_text().splitlines()] == [ANSWER, USED]
    (replied,) = [event for event in world.events.since(0) if event.kind == "brain.replied"]
    assert replied.payload["usage"] == {
        "input_tokens": 1_000_000,
        "output_tokens": 100_000,
        "cached_tokens": None,
        "cost_usd": 1.5,
        "cost_source": "computed",
    }
    assert world.budget.spent().usd == 1.5


def test_a_call_without_a_reply_is_paid_for_too(project: Path) -> None:
    world = lines_brain(project, say({**USED, "usd": 0.7}), max_usd_per_day=3)
    result = run_cycle(world, ("test",))
    assert (result.failure, result.problem) == ("unparseable", "lines: its events hold no text of a reply")
    assert world.budget.spent().usd == 0.7
    failed = world.events.last("brain.failed")
    assert failed is not None and isinstance(failed.payload["usage"], dict)
    assert failed.payload["usage"]["cost_usd"] == 0.7
    (call,) = world.transcripts.calls(result.cycle)
    assert call.failed.read_text() == "unparseable: its events hold no text of a reply\n"


def test_a_brain_that_waits_for_a_limit_itself_is_ended_and_the_limit_is_known(project: Path) -> None:
    wait = {"t": "wait", "x": "429 Too Many Requests", "retry_after": 900}
    world = lines_brain(project, say(wait) + "import time; time.sleep(60)", timeout_s=1)
    result = run_cycle(world, ("test",))
    assert result.failure == "rate-limited"
    assert result.problem == "lines: it gave no reply within 1 s; it said: 429 Too Many Requests"
    assert result.until == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)


def test_a_prompt_of_200_kilobytes_reaches_a_command_whole(project: Path) -> None:
    code = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    world = world_with(project, sys.executable, "-c", code)
    (brain,) = world.brains
    assert isinstance(brain, ProgramBrain)
    prompt = "größe 世界\n" * 16_000
    assert len(prompt.encode()) > 200_000
    transcript = world.transcripts.begin("c-20261121T010000000-aaaaaa", "first", prompt)
    reply = brain.ask_text(prompt, transcript=transcript, cancel=world.cancel)
    assert reply.text == sha256_text(prompt) + "\n"


def test_a_reply_that_never_ends_is_no_reply(project: Path) -> None:
    world = world_with(project, "sh", "-c", "yes | head -c 12000000")
    assert run_cycle(world, ("test",)).problem == "command: it printed more than a reply can have"


def test_what_it_cost_is_counted(project: Path) -> None:
    config = "engine: {brain: {use: priced, max_usd_per_day: 1.0, assumed_usd: 0.4}}\n"
    harness = {
        "name": "priced",
        "title": "Priced",
        "kind": "brain",
        "oneshot": {
            "argv": [sys.executable, "-c", f"import json; print(json.dumps({{'r': '{REPLY}', 'usd': 0.7}}))"],
            "prompt": "stdin",
            "output": "json",
            "reply": "r",
            "cost": "usd",
        },
        "verified": [],
    }
    folder = project / ".loop" / "harnesses"
    folder.mkdir(parents=True)
    (folder / "priced.yaml").write_text(json.dumps(harness))
    world = project_at(project, config=config).world
    assert run_cycle(world, ("test",)).outcome == "done"
    assert world.budget.spent().usd == 0.7
    run_cycle(world, ("test",))
    refused = run_cycle(world, ("test",))
    assert (refused.failure, refused.outcome) == ("budget", "brain-failed")
    (call,) = world.transcripts.calls(refused.cycle)
    assert call.failed.read_text().startswith("budget: the brain was not called: ")
    assert "1 USD per day" in refused.problem
    assert refused.until is not None


def test_the_built_in_brain_costs_nothing_and_answers_when_the_budget_is_used_up(project: Path) -> None:
    world = chain(project, f"print('{REPLY}')", fallback="rules")
    for _ in range(12):
        world.budget.charge()
    assert run_cycle(world, ("test",)).outcome == "stopped"
    kinds = [event.payload.get("brain") for event in world.events.since(0) if event.kind == "brain.called"]
    assert kinds == ["rules"]


def test_the_same_prompt_is_put_to_another_brain(project: Path) -> None:
    world = chain(project, f"print('{REPLY}')", fallback="")
    world.mailbox.send("ann", "coord", "subject of a message", "text")
    decision = run_cycle(world, ("test",)).decision
    assert decision is not None
    same = replay(world, decision.id, brain="command")
    assert (same.problem, same.difference) == ("", ())
    other = REPLY.replace("critique: x", "critique: y")
    code = f"import sys; assert 'subject of a message' in sys.stdin.read(); print('{other}')"
    again = chain(project, code, fallback="")
    found = replay(again, decision.id, brain="command")
    assert found.problem == ""
    assert found.difference[:2] == (f"--- {decision.id} (command)", "+++ replay (command)")
    assert found.difference[3:] == (" critique:", "-    x", "+    y")
    broken = chain(project, "print('no block')", fallback="")
    assert "there is no fenced block" in replay(broken, decision.id, brain="command").problem
    assert world.budget.spent().calls_left == 12 - 4
    with pytest.raises(UsageError, match="not a prompt"):
        replay(world, decision.id, brain="rules")
    with pytest.raises(ConfigError, match="no one-shot program 'nope'"):
        replay(world, decision.id, brain="nope")
    (world.layout.brain / f"{decision.cycle}.first.prompt.md").unlink()
    with pytest.raises(UsageError, match="not kept any more"):
        replay(world, decision.id, brain="command")


def test_the_prompt_of_the_brain_that_answered_is_put_byte_for_byte(project: Path, tmp_path: Path) -> None:
    world = chain(project, QUOTA)
    world.mailbox.send("ann", "coord", "Größe?", "two\r\nrows \x1b and \u2028\n")
    decision = run_cycle(world, ("test",)).decision
    assert decision is not None and decision.brain == "rules"
    kept = world.layout.brain / f"{decision.cycle}.first-rules.prompt.md"
    with kept.open("ab") as file:
        file.write(b"only here\r\n")
    got = tmp_path / "got"
    write = f"pathlib.Path({str(got)!r}).write_bytes(sys.stdin.buffer.read())"
    other = chain(project, f"import sys, pathlib; {write}; print('{REPLY}')", fallback="")
    found = replay(other, decision.id, brain="command")
    assert found.problem == "" and got.read_bytes() == kept.read_bytes()
    assert "-action 0: escalate" in found.difference


def answering(project: Path, payload: str) -> World:
    """A brain that says this to a lane, and then stops."""
    say = {"kind": "dispatch", "lane": "web", "payload": payload, "rationale": "short"}
    stop = {"kind": "stop", "rationale": "x" * 200}
    block = json.dumps({"version": 1, "critique": "word " * 60, "actions": [say, stop]})
    reply = project / "reply.md"
    reply.write_text(f"```decision\n{block}\n```\n")
    return chain(project, f"print(open({str(reply)!r}).read())", fallback="")


def test_the_difference_is_read_in_a_terminal_of_80_columns(project: Path) -> None:
    text = "First. " + "the same words again " * 20
    decision = run_cycle(answering(project, f"{text}\n\nLast: red."), ("test",)).decision
    assert decision is not None
    difference = replay(answering(project, f"{text}\n\nLast: blue."), decision.id, brain="command").difference
    assert max(map(len, difference)) <= 80
    assert [row for row in difference[2:] if row[0] in "+-"] == ["-    Last: red.", "+    Last: blue."]
    assert " action 1: stop" not in difference  # two lines around are enough
