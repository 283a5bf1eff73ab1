"""The digest: every section from real files, whatever one of them looks like, and a frame for every change."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.digest import Digest, Sources, digest, digest_document
from loop_orchestrator.operations.digestwatch import watch_digest
from loop_orchestrator.process import git
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.world import World


class Enough(Exception):
    """Ends a digest that would go on."""


def frames_until(
    world: World, wanted: Callable[[Digest], bool], change: Callable[[], None], sources: Sources
) -> list[Digest]:
    """The frames that were drawn until one is as wanted; ``change`` is made after the first one."""
    found: list[Digest] = []

    def draw(frame: Digest) -> None:
        found.append(frame)
        if wanted(frame):
            raise Enough
        if len(found) == 1:
            change()

    late = threading.Timer(60, os._exit, (1,))
    late.start()
    try:
        with pytest.raises(Enough):
            watch_digest(world, sources, draw, interval_s=None)
    finally:
        late.cancel()
    return found


def test_the_digest_shows_ledger_mail_work_and_records(world: World) -> None:
    git.init_repository(world.root)
    world.state.set_loop("header", {"status": "plan", "name": "Header"}, by="ann")
    world.mailbox.send("ann", "coord", "hello", "text")
    adr = world.root / "docs/adr/0001-x.md"
    adr.parent.mkdir(parents=True)
    adr.write_text("---\nid: '0001'\nstatus: proposed\ntitle: Use tmux\n---\n")
    (adr.parent / "README.md").write_text("no record\n")
    document = digest_document(digest(world))
    assert document["state"]["loops"]["header"]["status"] == "plan"  # type: ignore[index,call-overload]
    assert isinstance(document["mailbox"], dict)
    pending = document["mailbox"]["pending"]
    assert isinstance(pending, list)
    assert isinstance(pending[0], dict)
    assert set(pending[0]) == {"file", "from", "to", "subject", "mtime"}
    assert document["adrs"] == [
        {"id": "0001", "status": "Proposed", "title": "Use tmux", "path": str(adr)},
    ]
    unpushed = document["unpushed"]
    assert isinstance(unpushed, list)
    assert [one["branch"] for one in unpushed] == ["main"]  # type: ignore[index,call-overload]


def test_the_digest_of_an_empty_directory_is_a_frame_too(world: World) -> None:
    document = digest_document(digest(world))
    assert (document["state"], document["unpushed"], document["adrs"]) == (None, [], [])


def test_the_live_digest_draws_again_when_mail_comes(world: World) -> None:
    found = frames_until(
        world,
        lambda frame: not isinstance(frame.pending, Unknown) and len(frame.pending) == 1,
        lambda: void(world.mailbox.send("ann", "web", "hello", "text")),
        Sources(),
    )
    assert found[0].pending == ()


def void(_: object) -> None:
    """Takes a value where none is wanted."""


def commit(place: Path, branch: str) -> None:
    name = f"{branch}.txt"
    (place / name).write_text(branch)
    git.add_all_commit(place, branch)


def test_the_live_digest_draws_again_when_a_commit_is_made_in_any_worktree(world: World, tmp_path: Path) -> None:
    git.init_repository(world.root)
    commit(world.root, "main")
    tree = tmp_path / "tree"
    git.asked(world.root, "worktree", "add", "-q", "-b", "feature/deep/er", str(tree))
    other = tmp_path / "other"
    other.mkdir()
    git.init_repository(other)
    commit(other, "main")

    def of(frame: Digest, path: Path) -> list[str]:
        return [one.branch for one in frame.unpushed if one.path == path]

    first = digest(world, Sources(extra_repos=(other,)))
    assert [one.path for one in first.unpushed] == [world.root, tree, other]
    assert of(first, tree) == ["feature/deep/er"]
    git.asked(world.root, "update-ref", "refs/remotes/origin/main", "main")
    frames_until(
        world,
        lambda frame: [one.count for one in frame.unpushed if one.path == tree] == [1],
        lambda: commit(tree, "x"),
        Sources(extra_repos=(other,)),
    )
    frames_until(
        world,
        lambda frame: of(frame, other) == ["fresh/branch"],
        lambda: void(git.asked(other, "checkout", "-q", "-b", "fresh/branch")),
        Sources(extra_repos=(other,)),
    )


def test_places_given_by_hand_are_shown_in_place_of_the_projects_own(world: World, tmp_path: Path) -> None:
    world.mailbox.send("ann", "web", "not this", "")
    mailbox, adrs = ensure_dir(tmp_path / "mail"), ensure_dir(tmp_path / "adrs")
    (mailbox / "20260301-120000-a-to-b.md").write_text("---\nsubject: this\n---\n")
    (adrs / "0007-x.md").write_text("---\nid: '0007'\nstatus: accepted\ntitle: T\n---\n")
    state = tmp_path / "state.json"
    state.write_text('{"schema_version": 2, "objective": "other", "loops": {}}')
    document = digest_document(digest(world, Sources(state_file=state, mailbox=mailbox, adr_dir=adrs)))
    assert document["state"]["objective"] == "other"  # type: ignore[index,call-overload]
    assert [one["subject"] for one in document["mailbox"]["pending"]] == ["this"]  # type: ignore[index,call-overload,union-attr]
    assert [one["id"] for one in document["adrs"]] == ["0007"]  # type: ignore[index,call-overload,union-attr]


def test_a_file_that_is_broken_ends_no_frame(world: World, tmp_path: Path) -> None:
    git.init_repository(world.root)
    world.layout.loop_dir.mkdir(exist_ok=True)
    world.layout.state_file.write_text("{oops")
    messages = ensure_dir(world.layout.messages)
    (messages / "20260301-120000-a-to-b.md").write_text("no front matter")
    os.mkfifo(messages / "20260301-120000-c-to-d.md")
    adrs = ensure_dir(world.root / "docs/adr")
    (adrs / "0001-broken.md").write_bytes(b"\xff\xfe")
    (adrs / "0002-dir.md").mkdir()
    os.mkfifo(adrs / "0003-pipe.md")
    decisions = ensure_dir(world.layout.decisions)
    (decisions / "d-1.json").write_text("{oops")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / ".git").write_text("gitdir: /nowhere\n")
    missing = tmp_path / "missing"
    frame = digest(world, Sources(extra_repos=(broken, missing)))
    assert isinstance(frame.state, Unknown)
    assert ":1:2: " in frame.state.reason
    assert frame.waiting == ()
    assert [name for name, _, _ in frame.malformed] == ["20260301-120000-a-to-b.md", "20260301-120000-c-to-d.md"]
    assert [bool(one.problem) for one in frame.unpushed] == [False, True, True]
    document = digest_document(frame)
    assert document["state"] is None
    mailbox = document["mailbox"]
    assert isinstance(mailbox, dict)
    pending = mailbox["pending"]
    assert isinstance(pending, list)
    assert [(one["from"], one["subject"]) for one in pending] == [(None, None), (None, None)]  # type: ignore[index,call-overload]
    assert json.dumps(document)
