"""`loop harness …`: what is known about the agent programs, for people and for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Loop
from tests.operations.test_harnesses import MINE, SCREENS


@pytest.fixture
def mine(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, the current directory, with harness data of its own and its program on PATH; the program's file."""
    (project / ".loop/harnesses").mkdir()
    (project / ".loop/harnesses/mine.yaml").write_text(MINE, encoding="utf-8")
    (project / ".loop/harnesses/shell.yaml").write_text("name: shell\ntitle: My shell\nkind: shell\n", encoding="utf-8")
    program = project / "bin/mine"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n: >{project}/ran\necho mine 3.1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


@pytest.fixture
def accepted(loop: Loop, mine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, accepted on this machine."""
    monkeypatch.setattr("loop_orchestrator.operations.person.refuse_agent", lambda *_: None)
    assert loop("trust", "--accept").code == 0
    return mine


def test_the_list_says_where_program_and_data_come_from(loop: Loop, mine: Path) -> None:
    rows = {line.split()[0]: line for line in loop("harness", "list").out.splitlines()}
    assert rows["mine"].split() == ["mine", "agent", "3.1", "project", str(mine)]
    assert "claude is not on PATH" in rows["claude"] and " packaged " in rows["claude"]
    listed = loop("harness", "list", "--json").document["harnesses"]
    assert isinstance(listed, list)
    by_name = {entry["name"]: entry for entry in listed if isinstance(entry, dict)}
    assert by_name["mine"]["replaces"] is None
    assert str(by_name["shell"]["replaces"]).endswith("harnesses/data/shell.yaml")
    assert by_name["claude"]["program"] is None


def test_a_harness_is_shown_in_words(loop: Loop, mine: Path) -> None:
    out = loop("harness", "show", "mine").out
    assert out.startswith("mine: Mine\n")
    for said in ("mine --quiet", "verified on   3.1", "busy → busy (bottom)", "mine.yaml (of this project)"):
        assert said in out
    assert "in place of" in loop("harness", "show", "shell").out
    assert "asked once" in loop("harness", "show", "llm").out
    assert loop("harness", "show", "mine", "--json").document["composer.line"] == "^>(?: (?P<text>.*))?$"


def test_scripts_get_raw_values(loop: Loop, mine: Path) -> None:
    fields = loop("harness", "fields", "mine").out.splitlines()
    assert "launch mine --quiet" in fields and "skills_dir" in fields
    assert loop("harness", "field", "mine", "launch").out == "mine\n--quiet\n"
    assert loop("harness", "field", "mine", "composer.settle_s").out == "0.1\n"
    assert loop("harness", "field", "mine", "oneshot.env").out == "FEWER=1\n"
    assert loop("harness", "field", "mine", "skills_dir").out == ""
    assert loop("harness", "field", "mine", "verified", "--json").document["value"] == ["3.1"]
    assert loop("harness", "fields", "mine", "--json").document["name"] == "mine"
    near = loop("harness", "field", "mine", "launhc")
    assert near.code == 2 and "did you mean launch" in near.err


def test_only_what_can_be_asked_once_has_a_oneshot_line(loop: Loop, mine: Path) -> None:
    assert loop("harness", "oneshot", "mine").out == "mine -p\n"
    assert loop("harness", "oneshot", "llm", "--model", "m").out.endswith("-m m\n")
    none = loop("harness", "oneshot", "shell")
    assert (none.code, none.out, none.err) == (1, "", "")
    assert loop("harness", "oneshot", "mine", "--model", "m").code == 2


def test_names_that_there_are_not_get_the_nearest(loop: Loop, mine: Path) -> None:
    for word in ("show", "fields", "oneshot", "probe", "health", "test"):
        ran = loop("harness", word, "claud")
        assert ran.code == 2
        assert "there is no harness claud; did you mean claude?" in ran.err
    assert "did you mean: loop harness roster" in loop("harness", "rooster").err


def test_broken_data_names_file_line_and_key(loop: Loop, mine: Path) -> None:
    Path(".loop/harnesses/mine.yaml").write_text(f"{MINE}ruless: []\n", encoding="utf-8")
    line = MINE.count("\n") + 1
    for words in (("harness", "list"), ("harness", "show", "mine"), ("harness", "health", "mine"), ("validate",)):
        ran = loop(*words)
        assert ran.code == 2, words
        assert f"mine.yaml:{line}: ruless: no such key; did you mean rules?" in ran.err


def test_a_program_of_the_project_is_started_only_if_the_data_was_accepted(
    loop: Loop, mine: Path, request: pytest.FixtureRequest
) -> None:
    refused = loop("harness", "probe", "mine")
    assert refused.code == 1 and "harness mine of this project is asked with: mine --version" in refused.err
    assert not (mine.parent.parent / "ran").exists()
    request.getfixturevalue("accepted")
    probed = loop("harness", "probe", "mine")
    assert probed.code == 0
    assert [line.split(maxsplit=1) for line in probed.out.splitlines()][:3] == [
        ["binary", "mine"],
        ["path", str(mine)],
        ["version", "3.1"],
    ]
    assert "verified  yes" in probed.out
    document = loop("harness", "probe", "mine", "--json").document
    assert (document["version"], document["verified"], document["command"]) == ("3.1", True, ["mine", "--quiet"])


def test_a_program_that_is_not_there_is_said_by_the_exit_code(loop: Loop, mine: Path) -> None:
    missing = loop("harness", "probe", "claude")
    assert (missing.code, missing.out) == (1, "") and "claude is not on PATH" in missing.err
    assert loop("harness", "probe", "claude", "opus", "--json").document["command"] == ["claude", "--model", "opus"]
    assert loop("harness", "probe", "mine", "opus").code == 2


def test_health_is_one_word_and_zero_only_for_ok(loop: Loop, mine: Path) -> None:
    assert (loop("harness", "health", "shell").code, loop("harness", "health", "shell").out) == (0, "ok\n")
    missing = loop("harness", "health", "claude")
    assert (missing.code, missing.out) == (1, "missing\n") and "not on PATH" in missing.err
    assert loop("harness", "health", "claude", "--json").document["health"] == "missing"


def test_the_roster_has_every_harness_with_its_health(loop: Loop, mine: Path) -> None:
    roster = loop("harness", "roster", "--json").document["harnesses"]
    assert isinstance(roster, list)
    entries = {entry["name"]: entry for entry in roster if isinstance(entry, dict)}
    assert set(entries["mine"]) == {
        "name",
        "present",
        "capability_tags",
        "cost_tier",
        "autonomy_class",
        "auth_requirement",
        "health_probe",
        "drift_pins",
        "oneshot_template",
        "health",
        "health_reason",
    }
    assert (entries["mine"]["present"], entries["mine"]["health"]) == (True, "ok")
    assert (entries["claude"]["present"], entries["claude"]["health"]) == (False, "missing")
    assert entries["rehearsal"]["capability_tags"] == "demo,test"
    assert entries["shell"]["oneshot_template"] is None
    assert "claude is not on PATH" in loop("harness", "roster").out


def write_screens(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in SCREENS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("below", ["", "mine"])
def test_own_screens_are_scored_and_every_miss_is_named(loop: Loop, mine: Path, tmp_path: Path, below: str) -> None:
    write_screens(tmp_path / "screens" / below)
    ran = loop("harness", "test", "mine", "--screens", str(tmp_path / "screens"))
    assert ran.code == 1
    head, row, *misses = ran.out.splitlines()
    assert head.split()[2:5] == ["SCREENS", "RIGHT", "UNKNOWN"]
    assert row.split()[-5:] == ["5", "2", "1", "2", "1"]
    assert [line.split()[1].rstrip(":") for line in misses] == [
        "3.1__approval-shell__80x24",
        "3.2__typed__80x24",
        "3.2__working-tool__80x24",
    ]
    assert "got idle (ready), wrongly idle, by rule composer" in misses[2]


def test_the_score_is_a_document_too(loop: Loop, mine: Path, tmp_path: Path) -> None:
    folder = write_screens(tmp_path / "screens/mine")
    document = loop("harness", "test", "--all", "--screens", str(folder.parent), "--json").document
    assert document["passed"] is False
    found = document["harnesses"]
    assert isinstance(found, list) and len(found) == 1
    mine_score = found[0]
    assert isinstance(mine_score, dict)
    assert (mine_score["name"], mine_score["screens"], mine_score["wrongly_idle"]) == ("mine", 5, 1)
    for name in ("3.1__approval-shell__80x24", "3.2__typed__80x24", "3.2__working-tool__80x24"):
        (folder / f"{name}.txt").unlink()
    assert loop("harness", "test", "--all", "--screens", str(folder.parent), "--json").document["passed"] is True


def test_a_test_without_screens_or_with_too_little_said_is_an_error(loop: Loop, mine: Path, tmp_path: Path) -> None:
    brain = "name: asked\ntitle: Asked\nkind: brain\noneshot: {argv: [asked]}\n"
    (mine.parent.parent / ".loop/harnesses/asked.yaml").write_text(brain, encoding="utf-8")
    assert loop("harness", "test").code == 2
    assert loop("harness", "test", "mine", "--all").code == 2
    assert loop("harness", "test", "mine", "--screens", str(tmp_path / "none")).code == 2
    for words, said in (
        (("mine",), "no recorded screens of mine"),
        (("mine", "--screens", str(tmp_path)), "no recorded screens of mine"),
        (("--all", "--screens", str(tmp_path)), f"no recorded screens in {tmp_path}"),
        (("asked",), "asked has no rules for screens"),
        (("claude", "--live"), "claude cannot be booted: claude is not on PATH"),
        (("mine", "--live"), "not accepted"),
    ):
        ran = loop("harness", "test", *words)
        assert ran.code == 1, words
        assert said in ran.err
