"""The wiki at work: a checkpoint and a review reach lanes, and an agent's lane writes what is its own."""

from __future__ import annotations

import json

from tests.flows.conftest import Boot
from tests.support.waiting import eventually


def test_a_checkpoint_and_a_review_are_delivered_once_and_a_lane_may_not_write_the_index(boot: Boot) -> None:
    lanes = "{head: {harness: actor, role: coordinator}, docs: {harness: actor}, web: {harness: actor}}"
    scratch = boot(lanes=lanes, engine=None)
    scratch.ok("init")
    wiki = scratch.root / "ops-wiki"
    receipt = scratch.json("checkpoint", "--dispatch", "head")
    assert receipt["status"] in ("submitted", "started")
    assert isinstance(receipt["tokens"], int) and receipt["bytes"] == len(scratch.ok("checkpoint", "--print").encode())
    assert scratch.json("wiki-lint", "--dispatch")["lane"] == "docs"
    assert len(scratch.events("delivery.closed")) == 2
    assert {lane["lane"] for lane in json.loads(scratch.ok("lane", "list", "--json"))["lanes"]} == {
        "head",
        "docs",
        "web",
    }

    (wiki / "loops" / "header.md").write_text("# Header\n")
    eventually(lambda: scratch.lane_state("web") == "idle")
    before = (wiki / "index.md").read_text()
    in_web = {"LOOP_LANE": "web", "LOOP_SESSION": "scratch", "LOOP_PROJECT_ROOT": str(scratch.root)}
    refused = scratch.run("wiki-lint", "--fix", env=in_web)
    assert refused.returncode == 1 and "lane web (implementation) may not write index.md" in refused.stderr
    assert (wiki / "index.md").read_text() == before
    elsewhere = {**in_web, "LOOP_LANE": "docs", "LOOP_SESSION": "other"}
    assert scratch.run("wiki-lint", "--fix", "--session", "scratch", env=elsewhere).returncode == 1
    assert (wiki / "index.md").read_text() == before
    scratch.ok("wiki-lint", "--fix", env={**in_web, "LOOP_LANE": "docs"})
    assert "loops/header.md" in (wiki / "index.md").read_text()

    (wiki / "index.md").write_text("x" * 200_000)
    over = scratch.run("checkpoint", "--dispatch", "head")
    assert (over.returncode, over.stdout) == (3, "")
    assert len(scratch.events("delivery.closed")) == 2
