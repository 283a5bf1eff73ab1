"""A project without an ``engine:`` section: lanes, mail, state and digest, and no engine at all."""

from __future__ import annotations

import json

from tests.flows.conftest import Boot
from tests.support.waiting import eventually


def test_lanes_mail_state_and_digest_work_and_the_engine_says_that_there_is_none(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}, ops: {harness: shell}}", engine=None)
    receipt = scratch.json("send", "web", "hello there", "--op", "greeting-1")
    assert receipt["status"] in ("submitted", "started")
    again = scratch.json("send", "web", "hello there", "--op", "greeting-1")
    assert again["times"] == receipt["times"]
    assert scratch.run("send", "web", "another text", "--op", "greeting-1").returncode == 1

    scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", "s", "--body", "b")
    scratch.ok("state", "loop", "login", "--set", "status=implement")
    digest = json.loads(scratch.ok("digest", "--json"))
    assert [one["subject"] for one in digest["mailbox"]["pending"]] == ["s"]
    assert digest["state"]["loops"]["login"]["status"] == "implement"

    eventually(lambda: scratch.lane_state("web") == "idle")
    for words in (("engine", "once"), ("engine", "watch")):
        refused = scratch.run(*words)
        assert refused.returncode != 0
        assert "no engine" in refused.stderr
    status = json.loads(scratch.ok("status", "--json"))
    assert [lane["lane"] for lane in status["lanes"]] == ["web", "ops"]
    assert not (scratch.session_dir / "engine" / "decisions").exists()


def test_booting_twice_adopts_and_dropping_leaves_a_hand_off(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}, web2: {harness: actor}}", engine=None)
    before = {lane["lane"]: lane["pane"] for lane in json.loads(scratch.ok("lane", "list", "--json"))["lanes"]}
    code, said = scratch.person("up", "--no-attach")
    assert code == 0, said
    after = {lane["lane"]: lane["pane"] for lane in json.loads(scratch.ok("lane", "list", "--json"))["lanes"]}
    assert after == before

    assert scratch.run("lane", "drop", "web").returncode != 0
    code, said = scratch.person("lane", "drop", "web", "--force")
    assert code == 0, said
    assert [lane["lane"] for lane in json.loads(scratch.ok("lane", "list", "--json"))["lanes"]] == ["web2"]
    (handoff,) = (scratch.session_dir / "handoffs").iterdir()
    assert "Hand-off of lane web" in handoff.read_text()
    assert scratch.lane_state("web2") == "idle"


def test_a_lane_whose_program_ended_says_with_which_status_and_takes_no_prompt(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine=None)
    scratch.ok("send", "web", "REHEARSE: [{work_s: 0.5}, {exit: 7}]")
    eventually(lambda: scratch.lane_state("web") == "errored")
    assert "7" in scratch.ok("why", "web")
    refused = scratch.run("send", "web", "touch owned", "--json")
    assert refused.returncode != 0
    assert json.loads(refused.stdout)["status"] == "not-delivered"
    assert not (scratch.root / "owned").exists()
