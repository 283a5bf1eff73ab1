"""lane-restarts.jsonl keeps every note, whatever happens to its last line."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.stores.restarts import LAST_BYTES, RestartLog
from tests.support.builders import NOW

NOTE = RestartNote(
    event=RestartEvent.FAILED,
    lane="web",
    at=NOW,
    attempt=1,
    reason="its program ended with status 3",
    exit_status=3,
    next_at=NOW + timedelta(seconds=5),
    booted_at=NOW,
)


def test_what_is_noted_is_read_again(tmp_path: Path) -> None:
    log = RestartLog(tmp_path / "s" / "lane-restarts.jsonl")
    assert (log.latest(), log.of_lane("web")) == ({}, ())
    begun = replace(NOTE, event=RestartEvent.RESTARTING, next_at=None, exit_status=None, into=NOW, reason="é \n \ud800")
    log.append(NOTE)
    log.append(begun)
    log.append(replace(NOTE, lane="infra"))
    assert log.latest() == {"web": begun, "infra": replace(NOTE, lane="infra")}
    assert log.of_lane("web") == (NOTE, begun)
    assert (tmp_path / "s" / "lane-restarts.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_hides_no_earlier_one_and_the_next_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "lane-restarts.jsonl"
    log = RestartLog(path)
    log.append(NOTE)
    with path.open("ab") as file:
        file.write(b'{"event":"giving-up","lane":"web"')
    assert log.latest() == {"web": NOTE}
    log.append(replace(NOTE, attempt=2))
    assert [note.attempt for note in log.of_lane("web")] == [1, 2]


def test_lines_that_are_no_notes_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lane-restarts.jsonl"
    log = RestartLog(path)
    log.append(NOTE)
    value = json.loads(path.read_text())
    wrong = [b"\xff", b"[]", b"[" * 5000, b"", *(json.dumps({**value, key: {}}).encode() for key in value)]
    with path.open("ab") as file:
        file.write(b"\n".join(wrong) + b"\n")
    assert log.of_lane("web") == (NOTE,)


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lane-restarts.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: RestartLog(path).append(replace(NOTE, attempt=number)), range(64)))
    assert sorted(note.attempt for note in RestartLog(path).of_lane("web")) == list(range(64))


def test_reading_costs_no_more_than_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lane-restarts.jsonl"
    log = RestartLog(path)
    log.append(replace(NOTE, lane="long-ago"))
    line = path.read_bytes().replace(b"long-ago", b"web")
    with path.open("ab") as file:
        file.write(line * (2 * LAST_BYTES // len(line)))
    assert list(log.latest()) == ["web"]
    assert len(log.of_lane("web")) <= LAST_BYTES // len(line) + 1
