"""`loop logs`, `loop report` and `loop metrics` as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.event import EVENT_KINDS
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from tests.cli.conftest import Loop, loop_outside
from tests.cli.test_words import completed

SECRET = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def log(shop: Path) -> EventLog:
    return EventLog(Layout(shop, "shop").events, SystemClock())


def test_events_are_told_in_sentences_with_agents_text_escaped_and_without_secrets(loop: Loop, log: EventLog) -> None:
    log.append("crash", "watch", {"what": "a look\x1b[31m", "reason": f"{SECRET}\nsecond line"})
    log.append("engine.paused", "person", {"by": "ann"})
    ran = loop("logs")
    assert ran.code == 0
    first, second = ran.out.splitlines()
    assert first.endswith(
        r"  watch  crash  a look\x1b[31m failed and is tried again: [redacted: github token]\nsecond line"
    )
    assert second.endswith("  person  engine.paused  paused by ann")
    assert len(loop("logs", "-n", "1").out.splitlines()) == 1
    document = loop("logs", "--json", "--kind", "crash").document
    assert SECRET not in json.dumps(document)
    assert [event["sentence"] for event in document["events"]] == [  # type: ignore[index,call-overload,union-attr]
        "a look\x1b[31m failed and is tried again: [redacted: github token]\nsecond line"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "enigne.paused"), "did you mean engine.paused?"),
        (("--since", "2x"), "'2x' is no time"),
        (("-n", "-3"), "expected a number of events"),
        (("--trace", "c-1"), "no event has anything to do with 'c-1'"),
        (("--trace", "1", "-f"), "leave -f, --kind, --since and -n out"),
        (("--kinds", "--nix"), "unrecognized arguments: --nix"),
    ],
)
def test_what_cannot_be_meant_is_refused(loop: Loop, log: EventLog, words: tuple[str, ...], said: str) -> None:
    log.append("engine.paused", "person", {"by": "ann"})
    ran = loop("logs", *words)
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_nothing_is_no_mistake(loop: Loop, shop: Path) -> None:
    assert (loop("logs").code, loop("logs").out) == (0, "")
    assert "no such event" in loop("logs", "--since", "2h").err
    assert not (shop / ".loop/sessions/shop/events.jsonl").exists()


def test_the_kinds_are_listed(loop: Loop, shop: Path) -> None:
    assert [line.split()[0] for line in loop("logs", "--kinds").out.splitlines()[1:]] == list(EVENT_KINDS)
    assert len(loop("logs", "--kinds", "--json").document["kinds"]) == len(EVENT_KINDS)  # type: ignore[arg-type]


def test_the_log_is_read_although_the_config_is_broken(
    loop: Loop, shop: Path, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "lane-config.yaml").write_text("lanse: {}\n")
    monkeypatch.setenv("SOME_API_KEY", "a value of mine")
    log.append("engine.paused", "person", {"by": "a value of mine"})
    assert "[redacted: SOME_API_KEY]" in loop("logs").out


def test_a_damaged_part_is_named_and_the_rest_is_read(loop: Loop, shop: Path, log: EventLog) -> None:
    log.append("engine.paused", "person", {"by": "ann"})
    path = Layout(shop, "shop").events
    path.write_bytes(b"rubbish\n" + path.read_bytes())
    ran = loop("logs")
    assert "paused by ann" in ran.out
    assert ran.err == "events.jsonl: some lines are no events; the rest was read\n"


def test_a_trace_is_drawn_as_a_tree(loop: Loop, log: EventLog) -> None:
    first = log.append("cycle.started", "engine", {"cycle": "c-1", "why": []}, trace="c-1")
    log.append("brain.called", "engine", {"cycle": "c-1", "brain": "pi"}, trace="c-1")
    log.append("engine.paused", "person", {"by": "ann"}, caused_by=first.id)
    drawn = [line[10:] for line in loop("logs", "--trace", "c-1").out.splitlines()]
    assert drawn == [
        "engine  cycle.started  a cycle began",
        "├─ engine  brain.called  brain pi was asked",
        "└─ person  engine.paused  paused by ann",
    ]
    shapes = loop("logs", "--trace", "c-1", "--json").document["events"]
    assert [shape["parent"] for shape in shapes] == [None, 1, 1]  # type: ignore[index,union-attr,call-overload]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_kinds_and_traces(loop: Loop, log: EventLog) -> None:
    log.append(
        "decision.filed",
        "engine",
        {"decision": "d-1-x", "digest": "x", "verdicts": [], "waiting": []},
        trace="c-1-x",
    )
    kinds, events = loop("logs", "--kinds").out, loop("logs", "--json").out
    said = f"case \"$*\" in *--kinds*) cat <<'END'\n{kinds}END\n;; *) cat <<'END'\n{events}END\n;; esac"
    script = loop("completion", "bash").out + f"\nloop() {{ {said}\n}}\n"
    assert completed(script, "loop logs --kind engine.p") == ["engine.paused"]
    assert sorted(completed(script, "loop logs --trace ")) == ["c-1-x", "d-1-x"]
    assert completed(script, "loop-metrics --ro", function="_loop_metrics") == ["--roots"]


def test_a_report_says_what_failed_first_and_moves_no_mark_outside_of_a_terminal(
    loop: Loop, shop: Path, log: EventLog
) -> None:
    item: dict[str, JsonValue] = {"decision": "d-1", "idx": 0, "kind": "dispatch", "target": "web"}
    log.append("item.closed", "engine", {**item, "status": "done", "note": "started"})
    log.append("item.closed", "engine", {**item, "idx": 1, "status": "failed", "note": f"it said {SECRET}"})
    for _ in range(2):
        ran = loop("report")
        assert ran.code == 0
        assert ran.out.startswith("shop: 1 not done, 1 done, ")
        assert "nobody looked before" in ran.out
    assert ran.out.index("NOT DONE") < ran.out.index("DONE\n  #1 ")
    assert "dispatch web: failed: it said [redacted: github token]" in ran.out
    document = loop("report", "--json").document
    assert document["not_done"][0]["seq"] == 2  # type: ignore[index,call-overload]
    assert document["spend"]["usd"] == 0  # type: ignore[index,call-overload]
    assert not Layout(shop, "shop").last_look.exists()
    assert loop("report", "--since", "never").code == 2


def test_metrics_of_one_session_and_of_all(loop: Loop, shop: Path, log: EventLog) -> None:
    log.append("escalated", "engine", {"decision": "d-1", "summary": "x", "idx": 0})
    EventLog(Layout(shop, "other").events, SystemClock()).append("engine.paused", "person", {"by": "x"})
    assert "escalations_7d" in loop("metrics").out
    assert loop("metrics", "--json").document["figures"]["escalations_7d"] == 1  # type: ignore[index,call-overload]
    document = loop("metrics", "--all", "--roots", str(shop), f"{shop}/.,{shop}", "--json").document
    rows = document["rows"]
    assert [row["session"] for row in rows] == ["other", "shop"]  # type: ignore[index,union-attr,call-overload]
    assert document["fleet"]["figures"]["escalations_7d"] == 1  # type: ignore[index,call-overload]
    assert loop("metrics", "--all").out.splitlines()[-1].startswith("all")
    for words in (("--all", "--log"), ("--all", "--session", "shop"), ("--roots", "."), ("--all", "--roots", "nix")):
        assert loop("metrics", *words).code == 2, words


def test_metrics_go_into_the_wikis_log_within_its_partitions(loop: Loop, shop: Path) -> None:
    assert loop("metrics", "--log").code == 1
    (shop / "ops-wiki").mkdir()
    page = shop / "ops-wiki/log.md"
    page.write_text("# Log\n")
    lane = {"LOOP_LANE": "stranger", "LOOP_SESSION": "shop", "LOOP_PROJECT_ROOT": str(shop)}
    refused = loop_outside("metrics", "--log", env=lane)
    assert (refused.code != 0, page.read_text()) == (True, "# Log\n")
    assert "stranger" in refused.err
    assert loop("metrics", "--log").code == 0
    assert page.read_text().count("] metrics | ") == 1
