"""Texts in line behind real agents, drained by the real daemon: in order, once each, through kills and restarts."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.stores.deliveries import DeliveryStore
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from tests.flows.conftest import Boot
from tests.flows.test_watch import watching
from tests.support.scratch import FAST_SCRIPT, SESSION, Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, docs: {harness: actor}, ops: {harness: shell}}"
ENGINE = "approval: manual, min_cycle_interval_s: 0.1"

HEARD = FAST_SCRIPT.replace(
    "answers:\n",
    "answers:\n"
    "  - when: '^note (?P<what>.*)$'\n"
    "    steps:\n"
    '      - mail: {to: person, subject: "got {what}", body: x}\n',
)
"""An agent that sends mail for every text it gets: so it can be counted."""

BEFORE_THE_PASTE = ("line.taken", "delivery.accepted", "delivery.leased")
IN_THE_PANE = ("delivery.pasting", "delivery.pasted", "delivery.submitting", "delivery.submitted")


def got(scratch: Scratch, sender: str = "web") -> list[str]:
    """What a lane got, in its order."""
    sent = [event.payload for event in scratch.events("mail.sent") if event.payload["from"] == sender]
    return [str(payload["subject"]).removeprefix("got ") for payload in sent]


def queue(scratch: Scratch, op: str, text: str, *, lane: str = "web", env: Mapping[str, str] | None = None) -> int:
    return scratch.run("send", "--queue", "--op", op, lane, text, env=env).returncode


def statuses(scratch: Scratch) -> dict[str, str]:
    """Operation -> how it ended last."""
    closed = scratch.events("delivery.closed")
    return {str(event.payload["op"]): str(event.payload["status"]) for event in closed}


def in_line(scratch: Scratch) -> list[str]:
    lines = scratch.json("queue", "list")["lines"]
    assert isinstance(lines, list)
    return [waiting["op"] for line in lines for waiting in line["waiting"]]


def texts(numbers: Sequence[int]) -> list[str]:
    return [f"n{number}" for number in numbers]


def test_a_busy_lane_gets_its_texts_in_order_and_another_does_not_wait_for_it(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    refused = scratch.run("send", "--queue", "--op", "a", "web", "note early")
    assert (refused.returncode, "loop-engine watch" in refused.stderr) == (1, True)
    with watching(scratch):
        scratch.ok("send", "web", "REHEARSE: [{work_s: 4}, {say: done}]")
        for number in range(6):
            assert queue(scratch, f"w{number}", f"note n{number}") == 0
            assert queue(scratch, f"d{number}", f"note n{number}", lane="docs") == 0
        again = scratch.run("send", "--queue", "--op", "w5", "web", "note n5")
        assert (again.returncode, "accepted" in again.stdout or "started" in again.stdout) == (0, True)
        eventually(lambda: got(scratch, "docs") == texts(range(6)), limit_s=60)
        eventually(lambda: got(scratch) == texts(range(6)), limit_s=60)
        eventually(lambda: set(statuses(scratch)) >= {f"w{number}" for number in range(6)})
    assert in_line(scratch) == []
    assert not list((scratch.session_dir / "deliveries" / "lines").iterdir())
    assert "a" not in statuses(scratch)


def test_a_line_goes_on_while_a_cycle_waits_for_its_brain(boot: Boot) -> None:
    brain = f"use: command, command: [{sys.executable}, -c, 'import time; time.sleep(600)']"
    scratch = boot(lanes=LANES, engine=f"approval: manual, brain: {{{brain}}}", script=HEARD)
    scratch.ok("mail", "send", "--from", "human", "--to", "coord", "--subject", "think", "--body", "x")
    with watching(scratch) as daemon:
        eventually(lambda: scratch.events("brain.called"))
        for number in range(3):
            assert queue(scratch, f"w{number}", f"note n{number}") == 0
        eventually(lambda: got(scratch) == texts(range(3)), limit_s=60)
        assert not scratch.events("brain.replied", "brain.failed")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(60) == 0


def test_a_killed_sender_leaves_its_text_in_line_or_nothing(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    with watching(scratch):
        assert queue(scratch, "lost", "note lost", env={"LOOP_CRASH_AT": "line.text-kept"}) == -signal.SIGKILL
        assert queue(scratch, "kept", "note kept", env={"LOOP_CRASH_AT": "line.accepted"}) == -signal.SIGKILL
        eventually(lambda: got(scratch) == ["kept"])
        assert queue(scratch, "lost", "note lost") == 0
        eventually(lambda: got(scratch) == ["kept", "lost"])


def test_a_daemon_killed_before_the_paste_delivers_once_when_it_is_back(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    for point in BEFORE_THE_PASTE:
        with watching(scratch, env={"LOOP_CRASH_AT": point}) as daemon:
            assert queue(scratch, f"at-{point}", f"note {point}") == 0
            assert daemon.process.wait(30) == -signal.SIGKILL
        scratch.ok("send", "--op", f"settles-{point}", "docs", "hello")  # what others left is settled by every sender
        assert in_line(scratch) == [f"at-{point}"]
        assert "no engine watches" in scratch.ok("status")
        with watching(scratch):
            eventually(lambda p=point: got(scratch)[-1:] == [p])  # type: ignore[misc]
    assert got(scratch) == list(BEFORE_THE_PASTE)


def test_a_daemon_killed_after_a_text_went_back_delivers_it_once(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    layout = Layout(scratch.root, SESSION)
    store = DeliveryStore(layout, SystemClock(), EventLog(layout.events, SystemClock()))
    with store.lease("web"), watching(scratch, env={"LOOP_CRASH_AT": "line.returned"}) as daemon:
        assert queue(scratch, "a", "note a") == 0
        assert daemon.process.wait(30) == -signal.SIGKILL
    with watching(scratch):
        eventually(lambda: got(scratch) == ["a"])


@pytest.mark.parametrize("point", IN_THE_PANE)
def test_a_daemon_killed_while_it_types_holds_the_line_for_a_person(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    with watching(scratch, env={"LOOP_CRASH_AT": point}) as daemon:
        assert queue(scratch, "first", "note first") == 0
        assert daemon.process.wait(30) == -signal.SIGKILL
    with watching(scratch):
        assert queue(scratch, "second", "note second") == 0
        scratch.ok("engine", "once", codes=(0, 3, 4))
        eventually(lambda: statuses(scratch).get("first") == "unknown")
        said = scratch.ok("status")
        assert "1 text stands in line for lane web" in said
        assert "loop resolve first" in said
        arrived = point == "delivery.submitted"
        eventually(lambda: got(scratch) == (["first"] if arrived else []))
        if point in ("delivery.pasted", "delivery.submitting"):
            scratch.tmux("send-keys", "-t", f"={SESSION}:web", "C-u")
        code, told = scratch.person("resolve", "first", "happened" if arrived else "did-not")
        assert code == 0, told
        eventually(lambda: got(scratch)[-1:] == ["second"])
    assert got(scratch) == (["first", "second"] if arrived else ["second"])


def test_a_daemon_told_to_stop_while_it_delivers_ends_soon_and_loses_nothing(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    ops = [f"w{number}" for number in range(4)]
    with watching(scratch) as daemon:
        for op in ops:
            assert queue(scratch, op, f"note {op}") == 0
        eventually(lambda: scratch.events("delivery.taken"))
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(60) == 0
    assert scratch.events("watch.stopped")
    assert not [status for status in statuses(scratch).values() if status == "not-delivered"]
    with watching(scratch):
        scratch.ok("engine", "once", codes=(0, 3, 4))
        for op, status in statuses(scratch).items():
            if status == "unknown":
                assert scratch.person("resolve", op, "happened")[0] == 0
        eventually(lambda: set(got(scratch)) >= set(ops[1:]) and not in_line(scratch), limit_s=60)
    assert sorted(got(scratch)) in (ops, ops[1:])


def test_a_draft_of_a_person_is_waited_for_and_shown(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    with watching(scratch):
        scratch.tmux("send-keys", "-t", f"={SESSION}:web", "-l", "half a thought")
        eventually(lambda: "draft" in scratch.ok("lane", "list"))
        assert queue(scratch, "a", "note a") == 0
        eventually(lambda: "send or clear what stands in its composer" in scratch.ok("status"))
        assert got(scratch) == []
        scratch.tmux("send-keys", "-t", f"={SESSION}:web", "C-u")
        eventually(lambda: got(scratch) == ["a"])


def test_an_agent_that_is_started_again_keeps_its_line(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    config = scratch.root / "lane-config.yaml"
    config.write_text(config.read_text() + "restart: {waits_s: [0.5]}\n")
    assert scratch.person("trust", "--accept")[0] in (0, 2)
    with watching(scratch):
        scratch.ok("send", "web", "REHEARSE: [{work_s: 2}, {exit: 7}]")
        assert queue(scratch, "a", "note a") == 0
        eventually(lambda: scratch.events("lane.restarted"))
        eventually(lambda: got(scratch) == ["a"])


def test_without_a_connection_to_tmux_a_line_is_drained_all_the_same(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    with watching(scratch, env={"LOOP_CONTROL": "off"}):
        for number in range(2):
            assert queue(scratch, f"w{number}", f"note n{number}") == 0
        eventually(lambda: got(scratch) == texts(range(2)), limit_s=60)


def test_a_text_is_shown_and_taken_out_of_the_line_by_a_person_alone(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE, script=HEARD)
    with watching(scratch):
        scratch.ok("send", "web", "REHEARSE: [{work_s: 600}]")
        for op in ("a", "b"):
            assert queue(scratch, op, f"note {op}\x1b[201~") == 0
        assert scratch.ok("queue", "show", "a") == "note a[201~\n"
        refused = scratch.run("queue", "drop", "a", env={"LOOP_LANE": "docs", "LOOP_SESSION": SESSION})
        assert (refused.returncode, "an agent may not" in refused.stderr) == (1, True)
        assert scratch.person("queue", "drop", "a", env={"LOOP_CRASH_AT": "line.dropping"})[0] != 0
        scratch.ok("send", "docs", "hello")
        assert in_line(scratch) == ["a", "b"]
        code, said = scratch.person("queue", "drop", "a")
        assert (code, "not-delivered" in said) == (0, True)
        assert in_line(scratch) == ["b"]
        code, said = scratch.person("down", "--force")
        assert (code, "1 text in line, not delivered" in said) == (0, True)
    assert statuses(scratch)["b"] == "not-delivered"
    assert "note b" in next((scratch.session_dir / "handoffs").glob("*-web.md")).read_text()


def test_one_text_to_several_lanes_is_a_delivery_and_a_receipt_each(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None, script=HEARD)
    said = json.loads(scratch.ok("send", "--json", "--op", "r", "web,docs", "note all"))
    assert [(one["op"], one["lane"], one["status"]) for one in said["receipts"]] == [
        ("r-web", "web", "started"),
        ("r-docs", "docs", "started"),
    ]
    assert said["errors"] == []
    eventually(lambda: got(scratch) == got(scratch, "docs") == ["all"])
    scratch.ok("send", "web", "REHEARSE: [{work_s: 600}]")
    mixed = scratch.run("send", "--all", "note again")
    assert mixed.returncode == 4
    assert [line.split(":")[:2] for line in mixed.stdout.splitlines()] == [
        ["web", " not-delivered"],
        ["docs", " started"],
    ]
    for words in (("web,nope", "x"), ("web,web", "x"), ("web,", "x"), ("--all", "web", "x"), ("web,docs",)):
        assert scratch.run("send", *words).returncode == 2
    assert got(scratch) == ["all"]
