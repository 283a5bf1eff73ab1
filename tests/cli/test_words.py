"""`loop init`, `status`, `task`, `state`, `digest`, `trust`, `resolve` and `completion`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loop_orchestrator.cli.decided import print_told
from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.event import Event
from loop_orchestrator.process.run import run
from tests.cli.conftest import Loop, loop_outside


def test_init_says_what_it_wrote_and_what_it_kept(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = loop("init")
    assert first.code == 0
    assert "wrote  lane-config.yaml" in first.out
    assert "kept   lane-config.yaml" in loop("init").out
    assert loop("status").code == 0


def test_init_makes_a_project_of_a_named_directory(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert loop("init", str(tmp_path / "there"), "--json").document["root"] == str(tmp_path / "there")
    assert loop("init", "a", "--project-root", "b").code == 2


def test_init_accepts_no_config_that_it_did_not_write(shop: Path) -> None:
    assert loop_outside("init").code == 0
    assert loop_outside("up", "--no-attach").code == 1


def test_status_is_a_document_or_a_page(loop: Loop, shop: Path) -> None:
    document = loop("status", "--json").document
    assert set(document) >= {"session", "needs", "lanes", "engine", "budget", "mail", "tasks"}
    out = loop("status").out
    assert out.startswith("session shop: nothing needs you\n")
    assert "lanes: none; boot them: loop up" in out


def test_tasks_are_listed_shown_and_moved_by_a_person(loop: Loop, shop: Path) -> None:
    (shop / "tasks").mkdir()
    (shop / "tasks/T0001-header.md").write_text("---\ntitle: Header\nstatus: review\n---\nAll of it.\n")
    (shop / "tasks/T0002-broken.md").write_text("no task\n")
    listed = loop("task", "list")
    assert "T0001" in listed.out
    assert "T0002-broken.md" in listed.err
    assert loop("task", "show", "T0001").out.endswith("\nAll of it.\n")
    assert loop_outside("task", "done", "T0001").code == 0
    assert loop("task", "list", "--json").document["tasks"] == []
    assert loop_outside("task", "reopen", "T0001", "--json").document["status"] == "open"
    assert loop_outside("task", "drop", "T0001").code == 0
    assert loop_outside("task", "done", "T0001").code == 1
    assert loop("task", "show", "T0009").code == 1


def test_the_ledger_is_shown_and_changed(loop: Loop, shop: Path) -> None:
    assert loop("state", "loop", "header").code == 2
    assert loop("state", "loop", "header", "--set", "status=plan", "branch=loop/header").code == 0
    file = shop / ".loop/orchestrator-state.json"
    document = loop("state", "show", "--json").document
    saved = json.loads(file.read_text())["loops"]["header"]
    assert document["loops"]["header"] == {"name": "", **saved}  # type: ignore[index,call-overload]
    assert (document["schema_version"], document["objective"], saved["status"]) == (2, "", "plan")
    assert loop("state", "show").out == file.read_text()
    file.write_text('{"schema_version": 2, "objective": "a\u202eb"}')
    assert "a\\u202eb" in loop("state", "show").out
    file.write_text("{\n  broken")
    ran = loop("state", "show")
    assert ran.code == 1
    assert "orchestrator-state.json:2:3" in ran.err


def test_the_digest_is_one_frame_or_a_document(loop: Loop, shop: Path) -> None:
    document = loop("digest", "--json").document
    assert set(document) == {"contract_version", "generated_at", "state", "mailbox", "unpushed", "adrs"}
    assert set(document["mailbox"]) == {"pending", "processed_count"}  # type: ignore[arg-type]
    out = loop("digest", "--once").out
    assert "LOOPS" in out
    assert "MAIL  0 pending, 0 processed" in out


def test_what_was_accepted_is_said(loop: Loop, shop: Path) -> None:
    assert loop_outside("trust").code == 1
    assert loop_outside("trust", "--accept").out == "accepted\n"
    assert loop_outside("trust").out == "accepted already\n"
    assert loop("trust", "--json").document["lines"] == ["lane coord runs: sleep 1000"]


def test_an_unknown_operation_cannot_be_resolved(shop: Path) -> None:
    assert loop_outside("resolve", "op-9", "happened").code == 2
    assert loop_outside("resolve", "op-9", "perhaps").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_words_and_their_options(loop: Loop, shell: str) -> None:
    ran = loop("completion", shell)
    assert ran.code == 0
    assert "lane-status" in ran.out
    assert "boot" in ran.out


def completed(script: str, words: str, *, function: str = "_shtab_loop") -> list[str]:
    """What bash offers for the last of these words."""
    count = len(words.split(" ")) - 1
    asked = f'COMP_WORDS=({words} "")\nCOMP_CWORD={count}\n{function}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    done = run(["bash", "-c", f"{script}\ncompopt() {{ :; }}\n{asked}"], timeout_s=20)
    assert done.stderr == b""
    return done.stdout.decode().split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_words_options_choices_lanes_and_the_other_programs(loop: Loop, shop: Path) -> None:
    script = loop("completion", "bash").out
    script += '\nloop() { echo "web %1"; echo "docs %2"; }\n'
    assert completed(script, "loop sta") == ["state", "status"]
    assert "--timeout" in completed(script, "loop mail wait --")
    assert completed(script, "loop --session shop engine once --approval m") == ["manual"]
    assert completed(script, "loop help rej") == ["reject"]
    assert completed(script, "loop attach d") == ["docs"]
    assert completed(script, "loop-engine stat", function="_loop_engine") == ["status"]
    assert completed(script, "loop-dispatch w", function="_loop_send") == ["web"]


def test_who_watches_is_told_what_matters_and_how_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    now = SystemClock().now()

    def told(kind: str, **payload: object) -> str:
        print_told(Event(seq=1, id="e-1", at=now, kind=kind, source="engine", payload=payload))  # type: ignore[arg-type]
        return capsys.readouterr().out

    assert told("brain.called", cycle="c-1", brain="rules") == ""
    assert told("decision.filed", decision="d-1", digest="x", verdicts=["safe"], waiting=[]) == ""
    size = {"cycle": "c-1", "brain": "claude", "tokens": 47_900, "token_ceiling": 48_000, "cut": ["index: 3 more rows"]}
    assert "the prompt for claude was cut to 47900 tokens: loop engine prompt --sizes" in told("prompt.cut", **size)
    assert "the checkpoint fits into no prompt; claude was told" in told("prompt.overflow", **size)
    assert "the prompt for claude is long: about 30000 tokens" in told("prompt.long", brain="claude", tokens=30_000)
    held = told("decision.filed", decision="d-1", digest="x", verdicts=["safe"], waiting=[0, 2])
    assert "action 0, 2 waits for a person" in held
    assert held.endswith("loop engine show d-1\n         loop approve d-1\n")
    assert "mail web -> coord: a\\x1b[2J" in told(
        "mail.sent", file="f", **{"from": "web", "to": "coord"}, subject="a\x1b[2J"
    )
    assert told("snapshot.made", lane="web", ref="refs/loop/snapshots/web/1", commit="c", directory="/p").endswith(
        "uncommitted work of web was saved: loop undo show web/1\n"
    )
    assert "crash: what reading the log, reason gone" in told("crash", what="reading the log", reason="gone")
