"""Notes under keys: kept across processes, bounded in number."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores import atomic, listing
from loop_orchestrator.stores import notes as notes_module
from loop_orchestrator.stores.notes import KeyedNotes
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock


@pytest.fixture
def notes(tmp_path: Path, clock: SteppedClock) -> KeyedNotes:
    return KeyedNotes(tmp_path / "deep" / "notes.json", clock)


def test_a_note_is_kept_until_it_is_discarded(notes: KeyedNotes) -> None:
    assert notes.items() == {}
    notes.add("a", "1")
    notes.add("b", "2")
    notes.add("a", "3")
    assert notes.items() == {"b": "2", "a": "3"}
    assert (notes.get("a"), notes.get("c")) == ("3", None)
    notes.discard("b")
    notes.discard("b")
    assert notes.items() == {"a": "3"}


def test_notes_may_be_discarded_while_they_are_gone_through(notes: KeyedNotes) -> None:
    for key in "abc":
        notes.add(key, "")
    for key in notes.items():
        notes.discard(key)
    assert notes.items() == {}


def test_the_oldest_notes_go_when_there_are_too_many(notes: KeyedNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes_module, "KEPT", 2)
    for key in "abc":
        notes.add(key, "")
    assert list(notes.items()) == ["b", "c"]


def test_notes_of_many_processes_are_all_there(notes: KeyedNotes) -> None:
    in_processes(8, lambda number: notes.add(str(number), ""))
    assert len(notes.items()) == 8


def test_a_writer_killed_at_any_write_leaves_the_old_notes_or_the_new_ones(notes: KeyedNotes) -> None:
    notes.add("old", "")

    def check() -> None:
        assert list(notes.items()) in (["old"], ["old", "new"])

    assert killed_at_every_write(lambda: notes.add("new", ""), check) >= 4


def test_notes_that_cannot_be_read_are_not_overwritten(notes: KeyedNotes, tmp_path: Path) -> None:
    notes.add("a", "")
    (tmp_path / "deep" / "notes.json").write_text("{")
    with pytest.raises(StoreError, match=r"notes\.json:1:2"):
        notes.add("b", "")
    assert (tmp_path / "deep" / "notes.json").read_text() == "{"


def test_many_notes_are_written_and_removed_at_once(notes: KeyedNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.update({"a": "1", "b": "2", "c": "3"})
    writes: list[Path] = []
    real = atomic.write_json

    def counted(path: Path, value: JsonValue) -> None:
        writes.append(path)
        real(path, value)

    monkeypatch.setattr(notes_module, "write_json", counted)
    notes.update({"b": "4", "d": "5"}, without=("a", "none"))
    assert notes.items() == {"c": "3", "b": "4", "d": "5"}
    assert len(writes) == 1
    notes.discard("a", "none")
    notes.update({})
    assert len(writes) == 1


def test_notes_are_read_once_as_long_as_they_stay_as_they_are(
    notes: KeyedNotes, clock: SteppedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = KeyedNotes(tmp_path / "deep" / "notes.json", clock)
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    notes.add("a", "1")
    first = notes.items()
    with monkeypatch.context() as patch:
        patch.setattr(notes_module, "read_document", None)
        assert (notes.items(), notes.get("a")) == (first, "1")
    other.add("a", "2")
    assert notes.items() == {"a": "2"}


def test_notes_that_change_faster_than_times_do_are_read_again(
    notes: KeyedNotes, clock: SteppedClock, tmp_path: Path
) -> None:
    other = KeyedNotes(tmp_path / "deep" / "notes.json", clock)
    for text in "1234":
        other.add("a", text)
        assert notes.get("a") == text
