"""`loop init`, `status`, `task`, `state`, `digest`, `trust`, `resolve` and `completion`."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert loop("state", "show", "--json").document["state"]["loops"]["header"]["status"] == "plan"  # type: ignore[index,call-overload]
    assert "loop/header" in loop("state", "show").out
    (shop / ".loop/orchestrator-state.json").write_text("{\n  broken")
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
