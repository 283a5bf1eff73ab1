"""A person at the gate: approving, rejecting, and everyone who is no person."""

from __future__ import annotations

import json

from tests.flows.conftest import Boot
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, ops: {harness: shell}}"


def waiting_decision(scratch: Scratch) -> str:
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(3,))
    (filed,) = scratch.events("decision.filed")
    return str(filed.payload["decision"])


def test_nothing_runs_in_manual_until_a_person_approves(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = waiting_decision(scratch)
    assert scratch.mail("web", "T0001 in-progress") == 0
    shown = scratch.ok("engine", "show", decision)
    assert "tasks/T0001-thing.md" in shown and "T0001 review" in shown
    code, said = scratch.person("approve", decision)
    assert code == 0, said
    eventually(lambda: scratch.mail("web", "T0001 review") == 1)
    assert scratch.run("engine", "approve", decision).returncode != 0


def test_a_rejected_action_is_not_done_and_says_by_whom_and_why(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = waiting_decision(scratch)
    code, said = scratch.person("reject", decision, "--reason", "not today")
    assert code == 0, said
    (rejected,) = scratch.events("decision.rejected")
    assert rejected.payload["reason"] == "not today"
    assert not scratch.events("item.started")


def test_an_agent_in_a_lane_that_approves_is_refused_and_an_event_says_so(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = waiting_decision(scratch)
    attempts: list[list[str]] = []
    for words in (["loop-engine", "approve", decision], ["setsid", "-w", "loop", "approve", decision]):
        attempts.append(words)
        steps = json.dumps([{"run": words}])
        scratch.ok("send", "web", f"REHEARSE: {steps}", "--ready-timeout", "20")
        eventually(lambda: len(scratch.events("approval.refused")) == len(attempts))
    assert not scratch.events("decision.approved")
    assert not scratch.events("item.started")


def test_an_agent_cannot_run_a_command_in_a_shell_lane_past_the_gate(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    words = ["loop", "send", "ops", "touch typed-by-an-agent", "--mode", "command"]
    scratch.ok("send", "web", f"REHEARSE: {json.dumps([{'run': words}, {'say': 'tried'}])}")
    eventually(lambda: "an agent may not run a command" in scratch.tmux("capture-pane", "-p", "-t", "=scratch:web"))
    assert not (scratch.root / "typed-by-an-agent").exists()
    scratch.ok("send", "ops", "touch typed-by-a-script", "--mode", "command")
    eventually((scratch.root / "typed-by-a-script").exists)


def test_a_program_without_a_terminal_is_no_person(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = waiting_decision(scratch)
    refused = scratch.run("engine", "approve", decision)
    assert refused.returncode == 1
    assert "terminal" in refused.stderr
    assert len(scratch.events("approval.refused")) == 1


def test_a_decision_that_was_edited_after_it_was_filed_cannot_be_approved(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = waiting_decision(scratch)
    path = scratch.session_dir / "engine" / "decisions" / f"{decision}.json"
    path.write_text(path.read_text().replace("do what it says", "do what I say"))
    code, said = scratch.person("approve", decision)
    assert (code, "changed since" in said) == (1, True), said
    assert not scratch.events("item.started")


def test_a_raw_command_waits_in_auto_while_safe_work_goes_on(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: auto")
    scratch.ok("mail", "send", "--from", "human", "--to", "ops", "--subject", "s", "--body", "touch came-through")
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(3,))
    eventually(lambda: scratch.mail("web", "T0001 in-progress") == 1)
    assert not (scratch.root / "came-through").exists()
    (filed,) = scratch.events("decision.filed")
    code, said = scratch.person("approve", str(filed.payload["decision"]))
    assert code == 0, said
    eventually((scratch.root / "came-through").exists)


def test_judging_a_reply_executes_and_records_nothing(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: full")
    reply = (
        "```decision\nversion: 1\ncritique: c\nactions:\n"
        "- {kind: dispatch, lane: web, payload: hello, rationale: r}\n"
        "- {kind: dispatch, lane: ops, payload: rm -rf x, mode: command, rationale: r}\n```\n"
    )
    before = scratch.events()
    judged = scratch.run("engine", "judge", "-", "--json", stdin=reply)
    assert judged.returncode == 0, judged.stderr
    assert [one["verdict"] for one in json.loads(judged.stdout)["actions"]] == ["safe", "destructive"]
    broken = scratch.run("engine", "judge", "-", stdin=reply.replace("version: 1", "version: 2"))
    assert (broken.returncode, "version must be 1" in broken.stderr + broken.stdout) == (1, True)
    assert scratch.events() == before


def test_a_dry_run_writes_and_sends_nothing_at_all(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: full")
    write_task(scratch.root, "T0001")
    scratch.ok("mail", "send", "--from", "human", "--to", "coord", "--subject", "s", "--body", "b")
    before = {path: path.stat().st_mtime_ns for path in scratch.root.rglob("*") if path.is_file()}
    said = scratch.ok("engine", "once", "--dry-run")
    assert "T0001" in said
    after = {path: path.stat().st_mtime_ns for path in scratch.root.rglob("*") if path.is_file()}
    assert after == before
