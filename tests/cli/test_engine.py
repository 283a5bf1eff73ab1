"""`loop engine`: one cycle, its decision, and a reply judged."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from loop_orchestrator.crash import CRASH_POINTS
from tests.cli.conftest import Loop, loop_outside

CONFIG = "lanes:\n  coord: {cmd: loop digest}\n  web: {harness: shell}\nengine: {approval: manual}\n"


@pytest.fixture
def shop(shop: Path) -> Path:
    """A project whose config has nothing to accept."""
    (shop / "lane-config.yaml").write_text(CONFIG)
    return shop


def ask_a_person(loop: Loop) -> str:
    """Mail to the coordinator becomes a decision that waits; its id."""
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    ran = loop("engine", "once")
    assert ran.code == 3, ran.err
    document = loop("engine", "status", "--json").document
    decisions = document["decisions"]
    assert isinstance(decisions, list)
    decision = decisions[0]
    assert isinstance(decision, dict)
    return str(decision["id"])


def test_a_cycle_with_nothing_to_do_ends_with_0(loop: Loop, shop: Path) -> None:
    ran = loop("engine", "once", "--json")
    assert ran.code == 0
    assert ran.document["outcome"] == "stopped"


def test_a_decision_that_waits_ends_with_3_and_prints_the_command_that_approves_it(loop: Loop, shop: Path) -> None:
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    ran = loop("engine", "once")
    assert ran.code == 3
    assert "next: loop approve d-" in ran.out


def test_a_dry_run_writes_nothing_at_all(loop: Loop, shop: Path) -> None:
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    malformed = shop / ".loop/messages/20260301-120000-a-to-b.md"
    malformed.write_text("no message, and old enough to be set aside")
    os.utime(malformed, (0, 0))
    loop("engine", "status")

    def everything() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}

    before = everything()
    ran = loop("engine", "once", "--dry-run")
    assert ran.code == 0
    assert "Which colour?" in ran.out
    assert "escalate" in ran.out
    assert everything() == before


def test_the_status_has_the_keys_that_others_rely_on(loop: Loop, shop: Path) -> None:
    ask_a_person(loop)
    document = loop("engine", "status", "--json").document
    assert set(document) >= {"contract_version", "session", "engine", "decisions", "budget", "last_events"}
    decision = document["decisions"][0]  # type: ignore[index]
    assert isinstance(decision, dict)
    assert set(decision) >= {"id", "digest", "created_at", "status", "critique", "actions"}
    action = decision["actions"][0]  # type: ignore[index]
    assert set(action) >= {"idx", "kind", "target", "verdict", "reasons", "status", "fields"}  # type: ignore[arg-type]


def test_show_shortens_nothing(loop: Loop, shop: Path) -> None:
    body = "word " * 200
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "long", "--body", body)
    loop("engine", "once")
    assert body.strip() in loop("engine", "show", "d-").out
    assert body.strip() not in loop("engine", "status").out


def test_without_a_terminal_nobody_approves_or_rejects(loop: Loop, shop: Path) -> None:
    decision = ask_a_person(loop)
    for words in (("approve", decision), ("engine", "approve", decision), ("reject", decision)):
        ran = loop_outside(*words)
        assert ran.code == 1
        assert "was not touched" in ran.err
    events = loop("engine", "status").out
    assert events.count("approval.refused") == 3
    assert "escalate [destructive/waiting]" in events


def test_a_mode_that_lets_more_run_than_the_config_needs_a_person(loop: Loop, shop: Path) -> None:
    ran = loop_outside("engine", "once", "--approval", "full")
    assert ran.code == 1
    assert "no cycle was run in mode full" in ran.err
    assert loop_outside("engine", "once", "--approval", "manual").code == 0


def test_a_project_without_an_engine_is_told_so_and_nothing_is_written(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes:\n  web: {harness: shell}\n")
    for words in (("engine", "once"), ("watch",)):
        ran = loop(*words)
        assert ran.code == 1
        assert ran.err.startswith("loop: error: this project has no engine")
    assert not (shop / ".loop/sessions/shop/events.jsonl").exists()


def test_the_beginning_of_an_id_means_the_one_decision_that_waits(loop: Loop, shop: Path) -> None:
    decision = ask_a_person(loop)
    executing = shop / ".loop/sessions/shop/engine/decisions" / f"{decision}.json"
    other = executing.with_name("d-20991121T011530123-4f2a9c.json")
    text = executing.read_text().replace(decision, other.stem).replace('"waiting"', '"ready"')
    other.write_text(text)
    assert loop("engine", "show", "d-").out.startswith(f"decision {decision}: waiting")
    assert decision in loop_outside("approve", "d-").err
    other.write_text(text.replace('"ready"', '"waiting"'))
    assert "is the beginning of 2 decisions" in loop("engine", "show", "d-").err


def test_a_reply_that_cannot_be_read_is_an_error_with_a_next_step(loop: Loop, shop: Path) -> None:
    ran = loop("engine", "judge", "nowhere.md")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "loop: error: nowhere.md cannot be read: No such file or directory",
        "  try: name the file of a reply, or - for stdin",
    ]


def test_a_bad_list_of_actions_is_a_usage_error(loop: Loop, shop: Path) -> None:
    decision = ask_a_person(loop)
    assert loop("approve", decision, "--actions", "one").code == 2


def test_an_unknown_decision_is_named_with_the_open_ones(loop: Loop, shop: Path) -> None:
    decision = ask_a_person(loop)
    ran = loop("engine", "show", "d-none")
    assert ran.code == 1
    assert decision in ran.err


def test_a_paused_engine_runs_no_cycle(loop: Loop, shop: Path) -> None:
    assert loop("engine", "pause").code == 0
    ran = loop("engine", "once")
    assert ran.code == 1
    assert "loop engine resume" in ran.err
    assert loop("engine", "resume", "--json").document["changed"] is True
    assert loop("engine", "once").code == 0


def test_a_config_that_was_not_accepted_runs_no_cycle(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text(CONFIG.replace("manual", "full"))
    for words in (("engine", "once"), ("watch",)):
        ran = loop_outside(*words)
        assert ran.code == 1
        assert "approval is full" in ran.err
        assert "try: loop trust" in ran.err
    assert loop_outside("trust", "--accept").code == 0
    assert loop_outside("engine", "once").code == 0


REPLY = """\
```decision
version: 1
critique: The work is done.
actions:
  - kind: escalate
    summary: Look at it.
    rationale: Nobody did.
```
"""


def test_a_reply_is_judged_and_nothing_is_recorded(loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(REPLY))
    loop("engine", "status")
    malformed = shop / ".loop/messages/20260301-120000-a-to-b.md"
    malformed.parent.mkdir(exist_ok=True)
    malformed.write_text("no message")
    os.utime(malformed, (0, 0))
    before = sorted(shop.rglob("*"))
    ran = loop("engine", "judge", "-", "--json")
    assert ran.code == 0
    assert sorted(shop.rglob("*")) == before
    action = ran.document["actions"][0]  # type: ignore[index]
    assert (action["kind"], action["verdict"], action["status"]) == ("escalate", "destructive", "waiting")  # type: ignore[index,call-overload]
    assert loop("engine", "status", "--json").document["decisions"] == []


def test_a_reply_that_breaks_the_contract_is_quoted(loop: Loop, shop: Path) -> None:
    (shop / "reply.md").write_text(REPLY.replace("version: 1", "version: 7"))
    ran = loop("engine", "judge", "reply.md")
    assert ran.code == 1
    assert "version must be 1" in ran.err
    assert loop("engine", "judge", "nowhere.md").code == 2


def test_prompt_contract_and_crash_points_are_printed(loop: Loop, shop: Path) -> None:
    assert "You are the brain" in loop("engine", "prompt").out
    assert loop("engine", "contract").document["properties"]
    points = loop("engine", "crash-points", "--json").document["crash_points"]
    assert isinstance(points, list)
    assert [point["point"] for point in points] == list(CRASH_POINTS)  # type: ignore[index,call-overload]


def test_without_an_engine_section_there_is_no_cycle(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes:\n  web: {harness: shell}\n")
    ran = loop("engine", "once")
    assert ran.code == 1
    assert "engine:" in ran.err


def test_the_prompt_goes_to_stdout_and_its_size_to_stderr(loop: Loop, shop: Path) -> None:
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    ran = loop("engine", "prompt")
    assert ran.code == 0
    assert ran.out.startswith("You are the brain of loop-orchestrator") and "Which colour?" in ran.out
    assert "tokens: header " in ran.err and " roster " in ran.err
    document = loop("engine", "prompt", "--json").document
    assert set(document) >= {"bytes", "tokens", "token_ceiling", "fit", "parts", "notes", "prompt"}
    assert (document["token_ceiling"], document["fit"]) == (48_000, "fits")
    parts = document["parts"]
    assert isinstance(parts, list)
    assert sum(part["bytes"] for part in parts) == document["bytes"]  # type: ignore[call-overload, index, misc]
    assert document["bytes"] == len(str(document["prompt"]).encode())


def test_a_prompt_that_was_cut_says_so_and_its_sizes_are_a_table(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text(CONFIG.replace("manual", "manual, prompt_token_ceiling: 8000"))
    wiki = shop / "ops-wiki"
    wiki.mkdir(exist_ok=True)
    (wiki / "index.md").write_text("".join(f"- page {n}\n" for n in range(9_000)))
    ran = loop("engine", "prompt", "--sizes")
    assert ran.code == 0
    header, *rows = ran.out.splitlines()
    assert header.split() == ["PART", "BYTES", "TOKENS", "CUT"]
    index = next(row for row in rows if row.startswith("index "))
    assert "more rows; they stand in ops-wiki/index.md" in index
    assert int(rows[-1].split()[2]) <= 8_000 and rows[-1].startswith("whole ")
    assert "cut for the ceiling of 8000 tokens: index (" in ran.err
    (wiki / "checkpoint.md").write_text("x" * 100_000)
    overflow = loop("engine", "prompt")
    assert "the checkpoint fits into no prompt and is left out" in overflow.err
    assert "Have that\ntrimmed" in overflow.out


def test_the_prompt_of_a_decision_is_shown_as_it_was_put(loop: Loop, shop: Path) -> None:
    decision = ask_a_person(loop)
    (kept,) = (shop / ".loop/sessions/shop/engine/brain").glob("*.prompt.md")
    assert loop("engine", "prompt", decision).out == kept.read_text()
    document = loop("engine", "prompt", "d-", "--json").document
    assert (document["decision"], document["prompt"]) == (decision, kept.read_text())
    assert loop("engine", "prompt", "d-", "--sizes").code == 2
    kept.unlink()
    gone = loop("engine", "prompt", decision)
    assert gone.code == 2 and "is not kept any more" in gone.err and "engine.keep_transcripts" in gone.err


def test_a_ceiling_that_no_prompt_fits_into_is_refused_with_its_bounds(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text(CONFIG.replace("manual", "manual, prompt_token_ceiling: 100"))
    ran = loop("engine", "prompt")
    assert ran.code == 2
    assert "prompt_token_ceiling" in ran.err and "8000" in ran.err


def brain_project(shop: Path, code: str) -> None:
    (shop / "brain.py").write_text(code)
    engine = f"{{approval: manual, brain: {{use: command, command: [{sys.executable}, {shop / 'brain.py'}]}}}}"
    (shop / "lane-config.yaml").write_text(f"lanes: {{web: {{harness: shell}}}}\nengine: {engine}\n")


def test_what_a_brain_was_asked_and_said_is_found_by_its_cycle(loop: Loop, shop: Path) -> None:
    none = loop("engine", "transcript")
    assert (none.code, none.err) == (
        2,
        "loop: error: no brain was called yet\n  try: loop engine once, or follow: add --follow\n",
    )
    assert loop("engine", "transcript", "--list").out == "no brain was called yet\n"
    brain_project(shop, "import sys\nprint('hello \\x1b[31m')\nsys.stderr.write('it broke')\nsys.exit(3)\n")
    assert loop("trust", "--accept").code == 0
    failed = loop("engine", "once", "--json").document
    cycle = str(failed["cycle"])
    said = loop("engine", "transcript", cycle)
    assert (said.code, said.out) == (0, "hello \\x1b[31m\n")
    assert said.err == f"== {cycle}, call first\nno reply: exit: it ended with status 3: it broke\n"
    assert "## Lanes" in loop("engine", "transcript", "--prompt").out
    calls = loop("engine", "transcript", "--json").document["calls"]
    assert isinstance(calls, list)
    (call,) = calls
    assert isinstance(call, dict) and isinstance(call["files"], dict)
    assert (call["state"], call["failure"]) == ("failed", "exit: it ended with status 3: it broke")
    assert Path(str(call["files"]["errors"])).read_text() == "it broke"
    assert call["files"]["reply"] is call["files"]["raw"] is None
    listed = loop("engine", "transcript", "--list", cycle[:6]).out.splitlines()
    assert listed[1].split() == [cycle, "first", "exit:", "it", "ended", "with", "status", "3:", "it", "broke"]
    assert loop("engine", "transcript", "--follow", cycle).out == "hello \\x1b[31m\n"
    assert loop("engine", "transcript", "--follow", "--list").code == 2


def test_what_a_call_used_is_said_and_what_is_not_known_is_na(loop: Loop, shop: Path) -> None:
    brain_project(shop, "print('```decision\\nversion: 1\\ncritique: x\\nactions: []\\n```')\n")
    assert loop("trust", "--accept").code == 0
    ran = loop("engine", "once")
    assert ran.code == 0
    assert "brain command answered: n/a tokens in, n/a out, n/a USD, after " in ran.err
    reply = loop("engine", "once", "--json").document["reply"]
    assert isinstance(reply, dict) and isinstance(reply["usage"], dict)
    assert reply["usage"].pop("cost_source") == "unavailable"
    assert set(reply["usage"]) == {"input_tokens", "output_tokens", "cached_tokens", "cost_usd"}
    assert set(reply["usage"].values()) == {None}


def test_a_brain_that_is_left_out_is_told_though_another_answered(loop: Loop, shop: Path) -> None:
    brain_project(shop, "import sys\nsys.exit('usage limit reached, resets in 3 hours')\n")
    config = (shop / "lane-config.yaml").read_text()
    (shop / "lane-config.yaml").write_text(config.replace("use: command", "use: command, fallback: [rules]"))
    assert loop("trust", "--accept").code == 0
    for _ in range(2):
        ran = loop("engine", "once")
        assert ran.code == 0
        assert "made " in ran.out and " by rules in mode manual" in ran.out
        told = [line for line in ran.err.splitlines() if line.startswith("brain ")]
        assert len(told) == 1 and told[0].startswith("brain command is not asked before ")
        assert told[0].endswith(" (quota): it ended with status 1: usage limit reached, resets in 3 hours")
