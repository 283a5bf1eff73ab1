"""A lane's pane gets its program anew and stays the same pane."""

from __future__ import annotations

import shlex

import pytest

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.lane import LaneRecord
from loop_orchestrator.substrate.port import PaneStart
from tests.substrate.fleet import Fleet
from tests.support.waiting import eventually


def start_of(record: LaneRecord, command: str, *env: tuple[str, str]) -> PaneStart:
    return PaneStart(spec=record.spec, argv=("sh", "-c", command), env=env)


def test_the_pane_keeps_its_id_and_its_lane_and_runs_the_new_program(fleet: Fleet) -> None:
    record = fleet.start("ops", "shell")
    hostile = 'it\'s; a "b" $HOME #{pane_id}\n\\ ~ {x}'
    out = fleet.root / "said;'"
    command = f'printf %s "$ODD" >{shlex.quote(str(out))}.part; mv {shlex.quote(str(out))}.part {shlex.quote(str(out))}'
    facts = fleet.tmux.respawn(
        start_of(record, f"{command}; sleep 1000", ("ODD", hostile)),
        pane=record.pane,
        pane_pid=record.pane_pid,
        cwd=fleet.root,
    )
    assert (facts.pane, facts.lane) == (record.pane, "ops")
    assert facts.pid != record.pane_pid
    eventually(out.exists)
    assert out.read_text() == hostile


def test_a_pane_with_another_process_is_left_as_it_is(fleet: Fleet) -> None:
    record = fleet.start("ops", "shell")
    with pytest.raises(SubstrateError, match="another process runs in it"):
        fleet.tmux.respawn(start_of(record, "sleep 1"), pane=record.pane, pane_pid=1, cwd=fleet.root)
    assert fleet.tmux.panes()[0].pid == record.pane_pid


def test_a_pane_that_is_gone_is_said(fleet: Fleet) -> None:
    record = fleet.start("ops", "shell")
    with pytest.raises(SubstrateError, match="respawn-pane %99"):
        fleet.tmux.respawn(start_of(record, "sleep 1"), pane="%99", pane_pid=1, cwd=fleet.root)


def test_a_dead_pane_and_one_in_copy_mode_are_started_again(fleet: Fleet) -> None:
    record = fleet.start("ops", "shell")
    fleet.command("set-option", "-p", "-t", record.pane, "remain-on-exit", "on")
    first = fleet.tmux.respawn(start_of(record, "exit 3"), pane=record.pane, pane_pid=record.pane_pid, cwd=fleet.root)
    eventually(lambda: fleet.tmux.panes()[0].dead)
    again = fleet.tmux.respawn(start_of(record, "sleep 1000"), pane=record.pane, pane_pid=first.pid, cwd=fleet.root)
    assert not again.dead
    fleet.command("copy-mode", "-t", record.pane)
    last = fleet.tmux.respawn(start_of(record, "sleep 1000"), pane=record.pane, pane_pid=again.pid, cwd=fleet.root)
    assert (last.dead, last.in_mode) == (False, False)


def test_what_stands_before_the_cursor_is_read(fleet: Fleet) -> None:
    record = fleet.start("ops", "shell")
    eventually(lambda: fleet.tmux.before_cursor(record.pane).endswith(("$", "#")))
    fleet.type("ops", "-l", "git sta # typed")
    eventually(lambda: fleet.tmux.before_cursor(record.pane).endswith(" git sta # typed"))
    assert fleet.tmux.before_cursor("%99") == ""
