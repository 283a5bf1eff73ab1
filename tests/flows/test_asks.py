"""A text that wants an answer: asked once, answered by mail or timed out, through kills; and what the brain learns."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_kill import ASKING
from tests.flows.test_watch import watching
from tests.support.scratch import FAST_SCRIPT, Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, infra: {harness: actor}}"

ANSWERING = FAST_SCRIPT.replace(
    "answers:\n",
    r"""answers:
  - when: '(?m)^Which port\?[^$]*\(ask (?P<ask>d-[\w-]+)\):'
    steps:
      - reply: {file: "{ask}", body: "on port 8080"}
""",
    1,
)

BRAIN = """\
import pathlib, sys
prompt = sys.stdin.read()
asked = pathlib.Path("asked")
if asked.exists():
    action = "kind: stop, rationale: nothing is left"
else:
    asked.touch()
    ask = "expects_reply: true, reply_timeout_s: TIMEOUT"
    action = "kind: steer, lane: web, payload: 'Which port?', rationale: r, " + ask
print("```decision\\nversion: 1\\ncritique: c\\nactions: [{" + action + "}]\\n```")
"""


def asking(boot: Boot, *, script: str = ANSWERING, timeout_s: int = 600) -> Scratch:
    """A session whose brain puts one question to lane web, and then stops."""
    engine = (
        f"approval: full, min_cycle_interval_s: 0.1, brain: {{use: command, command: [{sys.executable}, brain.py]}}"
    )
    scratch = boot(lanes=LANES, engine=engine, script=script)
    (scratch.root / "brain.py").write_text(BRAIN.replace("TIMEOUT", str(timeout_s)))
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said
    return scratch


def asks(scratch: Scratch) -> list[dict[str, object]]:
    found = scratch.json("engine", "asks", "--all")["asks"]
    assert isinstance(found, list)
    return found


def prompts(scratch: Scratch) -> list[str]:
    folder = scratch.session_dir / "engine" / "brain"
    return [path.read_text() for path in sorted(folder.glob("*prompt*"), key=lambda path: path.stat().st_mtime_ns)]


def calls_for_a_cycle(scratch: Scratch, said: str) -> None:
    """The daemon notes it while the engine is paused; when it is resumed, a cycle begins for it and tells the brain."""

    def noted() -> bool:
        found = (f"{event.source}: {event.payload['detail']}" for event in scratch.events("source.emitted"))
        return said in found

    eventually(noted, what=said)
    scratch.ok("engine", "resume")
    begun = eventually(lambda: [one for one in scratch.events("cycle.started") if said in str(one.payload["why"])])
    cycle = str(begun[0].payload["cycle"])
    eventually(lambda: cycle in [event.payload["cycle"] for event in scratch.events("cycle.ended")])
    scratch.ok("engine", "pause")


def test_an_answer_by_mail_ends_the_ask_and_the_next_cycle_knows_it(boot: Boot) -> None:
    scratch = asking(boot)
    scratch.ok("engine", "once")
    scratch.ok("engine", "pause")
    with watching(scratch) as daemon:
        # The event is on record before the ask is.
        (ask,) = eventually(lambda: [one for one in asks(scratch) if one["status"] != "outstanding"])
        assert scratch.events("ask.replied")
        calls_for_a_cycle(scratch, f"asks: web answered {ask['id']}")
        assert daemon.end(signal.SIGTERM) == 0
    assert (ask["lane"], ask["status"], ask["answer"], ask["late"]) == ("web", "replied", "on port 8080", False)
    prompt = prompts(scratch)[-1]
    assert f"{ask['id']}: lane web was asked" in prompt
    assert f"and answered in {ask['file']}; asked: " in prompt
    assert "on port 8080" in prompt
    assert len(scratch.events("ask.made")) == scratch.mail("web", f"re:{ask['id']}") == 1


def test_an_ask_that_nobody_answers_times_out_although_nobody_watched_and_is_answered_late(boot: Boot) -> None:
    scratch = asking(boot, script=FAST_SCRIPT, timeout_s=1)
    scratch.ok("engine", "once")
    scratch.ok("engine", "pause")
    (ask,) = asks(scratch)
    assert ask["status"] == "outstanding"
    with watching(scratch) as daemon:
        calls_for_a_cycle(scratch, f"asks: web did not answer {ask['id']} in time")
        assert "and did not answer within 1s" in prompts(scratch)[-1]
        scratch.ok(
            *("mail", "reply", str(ask["id"]), "--from", "infra", "--body", "perhaps 80"), env={"LOOP_LANE": "infra"}
        )
        eventually(lambda: scratch.events("ask.not-answered"))
        assert asks(scratch)[0]["status"] == "timed-out"
        by_hand = scratch.root / ".loop" / "messages" / "20300101-000000-web-to-coord.md"
        by_hand.write_text(f"---\nsubject: re:{ask['id']}\n---\non port 9\n")
        calls_for_a_cycle(scratch, f"asks: web answered {ask['id']}")
        assert daemon.end(signal.SIGTERM) == 0
    (ask,) = asks(scratch)
    assert (ask["status"], ask["late"], ask["file"]) == ("replied", True, by_hand.name)
    assert isinstance(ask["others"], list)
    assert "perhaps 80" in (scratch.root / ".loop" / "messages" / str(ask["others"][0])).read_text()


@pytest.mark.parametrize("point", ASKING)
def test_an_ask_killed_here_is_neither_lost_nor_doubled(boot: Boot, point: str) -> None:
    scratch = asking(boot)
    first = scratch.run("engine", "once", env={"LOOP_CRASH_AT": point})
    if point == "ask.ending":
        assert first.returncode == 0, first.stderr
        (ask,) = asks(scratch)
        eventually(lambda: scratch.mail("web", f"re:{ask['id']}") == 1)
        first = scratch.run("engine", "once", env={"LOOP_CRASH_AT": point})
        assert first.returncode == -signal.SIGKILL, first.stderr
        assert asks(scratch)[0]["status"] == "outstanding"
        scratch.ok("engine", "once")
        assert asks(scratch)[0]["status"] == "replied"
        assert len(scratch.events("ask.replied")) == 1
        return
    assert first.returncode == -signal.SIGKILL, first.stderr
    (ask,) = asks(scratch)
    scratch.ok("engine", "once")
    assert asks(scratch) == []
    assert [event.payload["ask"] for event in scratch.events("ask.withdrawn")] == [ask["id"]]
    (closed,) = [event for event in scratch.events("item.closed") if event.payload["kind"] == "steer"]
    assert closed.payload["status"] == "failed"
    assert scratch.mail("web", f"re:{ask['id']}") == 0


def test_an_ask_whose_text_was_typed_when_the_engine_was_killed_stays_until_a_person_says(boot: Boot) -> None:
    scratch = asking(boot)
    assert scratch.run("engine", "once", env={"LOOP_CRASH_AT": "delivery.pasted"}).returncode == -signal.SIGKILL
    scratch.ok("engine", "once", codes=(0, 3))
    (ask,) = asks(scratch)
    assert ask["status"] == "outstanding"
    scratch.person("resolve", str(ask["id"]), "did-not")
    assert asks(scratch) == []
