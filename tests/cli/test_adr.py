"""`loop adr` and `loop task-lint` as scripts and people see them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Loop, loop_outside


def test_a_record_is_written_listed_and_shown(loop: Loop, shop: Path) -> None:
    made = loop("adr", "new", "Use", "tmux", "--verify-record", "docs/v.md", "--json").document
    path = shop / "docs/adr/0001-use-tmux.md"
    assert (made["id"], made["path"], made["status"], made["title"]) == ("0001", str(path), "Proposed", "Use tmux")
    assert [one["key"] for one in made["lacks"]] == ["verify_record", "rollback"]  # type: ignore[union-attr,index,call-overload]
    ran = loop("adr", "new", "Another one")
    assert ran.out == f"{shop}/docs/adr/0002-another-one.md\n"
    assert "loop adr accept 0002" in ran.err
    (shop / "docs/adr/0003-bad.md").write_text("---\nstatus: Acepted\n---\n")
    ran = loop("adr", "list")
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["ID", "STATUS"],
        ["0001", "Proposed"],
        ["0002", "Proposed"],
    ]
    assert "0003-bad.md:2: status: one of Proposed" in ran.err
    assert "did you mean Accepted?" in ran.err
    document = loop("adr", "list", "--status", "proposed", "--json").document
    assert set(document) == {"contract_version", "folder", "adrs", "problems"}
    assert loop("adr", "list", "--status", "accepted").out == ""
    ran = loop("adr", "show", "2")
    assert ran.out.startswith("0002: Another one\nstatus: Proposed\n")
    assert "0002-another-one.md:5: verify_record: it names no file" in ran.err
    assert loop("adr", "show", "9").code == 2
    ran = loop("adr", "list", "--status", "acepted")
    assert (ran.code, "did you mean accepted?" in ran.err) == (2, True)
    assert loop("adr", "new", "a\nb").code == 2
    assert len(json.loads(loop("digest", "--json").out)["adrs"]) == 2


def test_nobody_accepts_without_a_terminal(loop: Loop, shop: Path) -> None:
    loop("adr", "new", "Use tmux")
    for words in (("accept", "1"), ("reject", "1"), ("supersede", "1", "--by", "2")):
        ran = loop_outside("adr", *words)
        assert (ran.code, ran.out) == (1, "")
        assert "in a terminal of your own" in ran.err


@pytest.mark.parametrize("flag", ["--dir", "--adr-dir"])
def test_the_folder_is_named_by_either_option_or_by_the_environment(
    loop: Loop, shop: Path, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "sub").mkdir()
    monkeypatch.chdir(shop / "sub")
    assert loop("adr", "new", "x", flag, "decisions").out == f"{shop}/sub/decisions/0001-x.md\n"
    monkeypatch.setenv("LOOP_ADR_DIR", "decisions")
    assert loop("adr", "new", "x").out == f"{shop}/decisions/0001-x.md\n"
    assert loop("digest", "--json").document["adrs"][0]["path"] == f"{shop}/decisions/0001-x.md"  # type: ignore[index,call-overload]
    assert loop("adr", "list", flag, f"{shop}/none").err.startswith("no ADR in ")
    (shop / "file").write_text("")
    ran = loop("adr", "new", "x", flag, f"{shop}/file")
    assert (ran.code, f"cannot use {shop}/file for ADRs" in ran.err) == (1, True)


def test_the_lint_prints_places_and_fails_for_errors_only(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loop("task-lint").code == 0
    (shop / "tasks").mkdir()
    (shop / "tasks/T0001-a.md").write_text("---\nid: T0001\ntitle: x\nstatus: 'open'\ndepends_on: []\n---\nbody\n")
    ran = loop("task-lint")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "tasks/T0001-a.md:1: warning: role: left out: role"
    assert ran.err == f"1 task file in {shop}/tasks: 2 warnings\n"
    assert loop("task", "lint", "--strict").code == 1
    (shop / "tasks/T0002-b.md").write_text("---\nid: T0002\ntitle: x\nstatus: opne\n---\nbody\n")
    ran = loop("task-lint")
    assert ran.code == 1
    assert "tasks/T0002-b.md:4: error: status: one of open, " in ran.out
    document = loop("task-lint", "--json").document
    assert (document["files"], document["errors"], document["warnings"]) == (2, 1, 3)
    findings = document["findings"]
    assert isinstance(findings, list)
    wrong = next(one for one in findings if one["severity"] == "error")  # type: ignore[index,call-overload]
    assert set(wrong) == {"file", "line", "key", "severity", "message", "nearest"}  # type: ignore[arg-type]
    assert (wrong["file"], wrong["line"]) == (str(shop / "tasks/T0002-b.md"), 4)  # type: ignore[index,call-overload]
    assert (wrong["key"], wrong["nearest"]) == ("status", "open")  # type: ignore[index,call-overload]
    monkeypatch.chdir(os.sep)
    assert loop("--project-root", str(shop), "task-lint").out.startswith(str(shop))
    ran = loop("task-lint", "--tasks-dir", "nowhere")
    assert (ran.code, "there is no such folder" in ran.err) == (2, True)


def test_a_lane_of_the_config_gives_its_role_to_tasks(loop: Loop, shop: Path) -> None:
    (shop / "tasks").mkdir()
    (shop / "tasks/T0001-a.md").write_text("---\ntitle: x\nrole: poet\n---\nbody\n")
    assert "no lane has the role poet" in loop("task-lint").out
    (shop / "lane-config.yaml").write_text("lanes:\n  web: {harness: shell, role: poet}\n")
    assert "no lane has the role poet" not in loop("task-lint").out
    (shop / "lane-config.yaml").write_text("lanes: [\n")
    assert "no lane has the role poet" in loop("task-lint").out


def test_the_brief_needs_a_lane(loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loop("brief").code == 2
    monkeypatch.setenv("LOOP_LANE", "web")
    ran = loop("brief")
    assert (ran.code, "session shop has no lane web; its lanes: none" in ran.err) == (2, True)
