"""Which pane is whose, and what the launcher wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import NewerSchemaError, StoreError
from loop_orchestrator.model.lane import LaneRun
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout, ensure_dir
from tests.stores.builders import NOON, lane, layout_of
from tests.stores.forks import in_processes, killed_at_every_write


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def lanes(layout: Layout) -> LaneStore:
    return LaneStore(layout)


def test_a_record_is_read_back_whole_and_in_boot_order(lanes: LaneStore) -> None:
    assert lanes.records() == {}
    command = replace(lane("docs"), spec=replace(lane("docs").spec, harness="", cmd="watch ls"), agent=False, argv=())
    for record in (lane("web"), command, lane("coord")):
        lanes.put(record)
    assert list(lanes.records().values()) == [lane("web"), command, lane("coord")]


def test_a_lane_is_replaced_removed_and_forgotten(lanes: LaneStore) -> None:
    lanes.put(lane("web"))
    lanes.put(lane("docs"))
    lanes.put(replace(lane("web"), pane="%9"))
    assert lanes.records()["web"].pane == "%9"
    lanes.remove("web")
    lanes.remove("web")
    assert list(lanes.records()) == ["docs"]
    lanes.clear()
    assert lanes.records() == {}


def test_lanes_put_by_many_processes_are_all_there(lanes: LaneStore) -> None:
    def put(number: int) -> None:
        for turn in range(5):
            lanes.put(lane(f"l{number}-{turn}"))

    in_processes(8, put)
    assert len(lanes.records()) == 40


def test_a_writer_killed_at_any_write_leaves_the_old_lanes_or_the_new_ones(lanes: LaneStore) -> None:
    lanes.put(lane("web"))

    def check() -> None:
        assert list(lanes.records()) in (["web"], ["web", "docs"])

    assert killed_at_every_write(lambda: lanes.put(lane("docs")), check) >= 4


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pane_pid": "4711"}, "lanes: web: pane_pid: a whole number was expected, found '4711'"),
        ({"harness": ""}, "exactly one of harness and cmd"),
        ({"split": "left"}, "split: one of first, right, below was expected, found 'left'"),
        ({"env": [["A"]]}, "env: a list of pairs"),
        ({"booted_at": "2026-03-01"}, "booted_at: a time with a zone"),
    ],
)
def test_a_broken_entry_is_named(lanes: LaneStore, layout: Layout, change: dict[str, object], problem: str) -> None:
    lanes.put(lane("web"))
    document = json.loads(layout.lanes_file.read_text())
    document["lanes"]["web"] |= change
    layout.lanes_file.write_text(json.dumps(document))
    with pytest.raises(StoreError) as caught:
        lanes.records()
    assert problem in caught.value.message
    assert str(layout.lanes_file) in caught.value.message


def test_a_file_of_a_newer_release_is_refused_and_left_alone(lanes: LaneStore, layout: Layout) -> None:
    write_json(layout.lanes_file, {"schema": 2, "lanes": {}})
    before = layout.lanes_file.read_bytes()
    with pytest.raises(NewerSchemaError, match="schema 2; this release reads up to schema 1"):
        lanes.put(lane())
    assert layout.lanes_file.read_bytes() == before


def test_the_launchers_record_is_read(lanes: LaneStore) -> None:
    started: dict[str, JsonValue] = {"pid": 7, "started_at": format_time(NOON), "suspended": False}
    write_json(lanes.run_path("web"), {**started, "ended_at": None, "exit_status": None})
    assert lanes.run("web") == LaneRun(pid=7, started_at=NOON, ended_at=None, exit_status=None, suspended=False)
    write_json(lanes.run_path("web"), {**started, "ended_at": format_time(NOON), "exit_status": -9})
    assert lanes.run("web") == LaneRun(pid=7, started_at=NOON, ended_at=NOON, exit_status=-9, suspended=False)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 7}'])
def test_a_launchers_record_that_cannot_be_read_is_none(lanes: LaneStore, text: str) -> None:
    assert lanes.run("web") is None
    ensure_dir(lanes.run_path("web").parent)
    lanes.run_path("web").write_text(text)
    assert lanes.run("web") is None


def test_a_file_of_a_release_without_worktrees_is_read(lanes: LaneStore, layout: Layout) -> None:
    lanes.put(lane("web"))
    document = json.loads(layout.lanes_file.read_text())
    assert document["lanes"]["web"].pop("worktree_of") == ""
    write_json(layout.lanes_file, document)
    assert lanes.records() == {"web": lane("web")}
    apart = replace(lane("api"), spec=replace(lane("api").spec, worktree_of=Path("/project")))
    lanes.put(apart)
    assert lanes.records()["api"] == apart
