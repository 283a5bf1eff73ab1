"""`loop undo` and worktree lanes, as they are typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.process.saved import Label, save
from loop_orchestrator.wiring import find_root
from tests.cli.conftest import Loop, Ran, loop_outside
from tests.cli.test_words import completed
from tests.support.clocks import SteppedClock
from tests.support.repositories import a_repository


@pytest.fixture
def name(shop: Path, clock: SteppedClock) -> str:
    """A snapshot of the project, with odd names in it."""
    (shop / ".gitignore").write_text("/*\n!/*.txt\n")
    a_repository(shop)
    (shop / "kept.txt").write_text("half done\n")
    (shop / "new \x1b[31m\n.txt").touch()
    made = save(shop, Label(lane="web", session="shop", at=clock.now(), worktree_of=None))
    assert made is not None
    return made[0].name


def listed(ran: Ran, key: str) -> list[dict[str, JsonValue]]:
    values = ran.document[key]
    assert isinstance(values, list)
    return [value for value in values if isinstance(value, dict)]


def test_snapshots_are_listed_shown_and_restored(loop: Loop, shop: Path, name: str) -> None:
    assert loop("undo").out == loop("undo", "list").out
    rows = loop("undo").out.splitlines()
    assert rows[0].split() == ["LANE", "TIME", "AGE", "FILES", "BRANCH", "REF"]
    assert rows[1].split()[0] == "web" and rows[1].endswith(f"  2      main    {name}")
    assert loop("undo", "list", "--lane", "docs").out == ""
    shown = loop("undo", "show", "web")
    assert "  changed  kept.txt\n  added    new \\x1b[31m\\n.txt\n" in shown.out
    (shop / "kept.txt").write_text("kept\n")
    ran = loop("undo", "restore", name)
    assert ran.out == f"restored 1 file in {shop}:\n  changed  kept.txt\n1 file stood there already\n"
    assert loop("undo", "restore", name).out == f"nothing to restore: {shop} has all of it already\n"
    (shop / "kept.txt").write_text("mine\n")
    refused = loop("undo", "restore", name)
    assert refused.code == 1 and "has other changes in kept.txt; nothing was written" in refused.err
    assert loop("undo", "restore", "docs").code == 2


def test_the_documents_of_undo(loop: Loop, shop: Path, name: str) -> None:
    (one,) = listed(loop("undo", "list", "--json"), "snapshots")
    keys = {"lane", "session", "at", "age_s", "name", "ref", "commit", "base", "branch", "directory", "repository"}
    assert set(one) == keys | {"files", "worktree"}
    shown = loop("undo", "show", name, "--json").document
    assert shown["changes"] == [
        {"change": "changed", "path": "kept.txt"},
        {"change": "added", "path": "new \x1b[31m\n.txt"},
    ]
    there = shop / "there"
    done = loop("undo", "restore", name, "--to", str(there), "--json").document
    assert (done["directory"], done["same"], done["saved_first"], done["staged"]) == (str(there), 0, None, None)


def test_a_snapshot_is_removed_by_a_person_and_no_agent(shop: Path, name: str) -> None:
    refused = loop_outside("undo", "drop", name, env={"LOOP_LANE": "web", "LOOP_SESSION": "other"})
    assert (refused.code, "an agent may not remove a snapshot" in refused.err) == (1, True)
    gone = loop_outside("undo", "drop", name)
    assert gone.out == f"snapshot {name} is removed\n"
    assert f"update-ref refs/loop/snapshots/{name} " in gone.err
    assert "no snapshots" in loop_outside("undo").err


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_snapshots(loop: Loop, shop: Path, name: str) -> None:
    script = loop("completion", "bash").out + f"\nloop() {{ cat <<'END'\n{loop('undo').out}END\n}}\n"
    assert completed(script, "loop undo restore w") == [name]
    assert completed(script, "loop undo s") == ["show"]


def test_a_worktree_is_shown_in_the_plan_before_it_is_made(loop: Loop, shop: Path) -> None:
    a_repository(shop)
    (shop / "lane-config.yaml").write_text("lanes: {api: {harness: shell, worktree: true}}\n")
    assert ".loop/worktrees/shop/api" in loop("up", "--plan").out
    (spec,) = listed(loop("up", "--plan", "--json"), "lanes")
    assert spec["worktree"] is True and spec["cwd"] == str(shop / ".loop/worktrees/shop/api")
    assert not (shop / ".loop/worktrees").exists()


def test_the_project_of_a_worktree_is_the_one_it_belongs_to(shop: Path) -> None:
    inner = shop / ".loop/worktrees/shop/api/src"
    inner.mkdir(parents=True)
    (inner.parent / "lane-config.yaml").touch()
    assert find_root(inner) == shop
