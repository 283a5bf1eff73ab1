"""Programs in real lanes say what they do, and nobody else says it for them."""

from __future__ import annotations

import json

from tests.flows.conftest import Boot
from tests.support.waiting import eventually

SAYS = '"${LOOP_BIN:-loop}" lane-signal approval --detail "deploy now?" && exec sleep 1000'
ASKS = f"until test -e booted; do sleep 0.05; done; {SAYS}"
REPORT = '{"session_id": "s", "hook_event_name": "PermissionRequest"}'


def test_a_program_in_a_lane_is_believed_and_one_outside_is_refused(boot: Boot) -> None:
    scratch = boot(lanes=f"{{web: {{harness: actor}}, own: {{cmd: {json.dumps(ASKS)}}}}}", engine=None)
    (scratch.root / "booted").touch()
    eventually(lambda: scratch.lane_state("own") == "awaiting-approval", what="its own word is believed")
    why = scratch.ok("why", "own")
    assert "own is awaiting-approval (approval): nothing is typed into it." in why
    assert "deploy now? (rule lane-signal" in why
    assert "decided: " in why and "overruled: " in why
    assert "deploy now?" in scratch.ok("status")

    lane = {"LOOP_LANE": "web", "LOOP_PROJECT_ROOT": str(scratch.root)}
    forged = scratch.run("lane-signal", "--from-hook", "claude", env=lane, stdin=REPORT)
    assert (forged.returncode, forged.stdout) == (0, "")
    assert scratch.run("lane-signal", "busy", "--lane", "web").returncode == 1
    assert len(scratch.events("signal.refused")) >= 1
    assert not (scratch.session_dir / "signals" / "web.json").exists()
    assert scratch.json("send", "web", "hello")["status"] in ("submitted", "started")
