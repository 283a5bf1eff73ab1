"""Transcripts: the files of a call have names that tell what they are, and old ones go."""

from __future__ import annotations

from pathlib import Path

from loop_orchestrator.redaction import Redactor
from loop_orchestrator.stores.transcripts import TranscriptStore


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_files_of_a_call_share_its_name_and_are_private(tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path / "brain", keep=5, redactor=Redactor({}))
    call = store.begin("c-20261121T010000000-aaaaaa", "first-codex-gpt-5.5", "asked")
    assert (call.cycle, call.call, call.is_over) == ("c-20261121T010000000-aaaaaa", "first-codex-gpt-5.5", False)
    assert call.prompt.read_text() == "asked"
    store.end(call, "answered")
    assert call.is_over and call.reply.read_text() == "answered"
    failed = store.begin("c-20261121T010000000-aaaaaa", "corrected", "asked again")
    store.fail(failed, "exit: it ended")
    assert failed.is_over and failed.failed.read_text() == "exit: it ended\n"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in store.folder.iterdir())
    assert [one.call for one in store.calls(call.cycle)] == ["first-codex-gpt-5.5", "corrected"]


def test_the_newest_cycles_are_kept_and_replays_count_by_their_time(tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path, keep=2, redactor=Redactor({}))
    ids = ["c-20261121T01-a", "r-20261121T02-b", "c-20261121T03-c", "c-20261121T04-d"]
    for cycle in ids:
        call = store.begin(cycle, "first", "asked")
        call.stream.write_text("said")
    assert store.cycles() == tuple(ids[-2:])
    assert {name.partition(".")[0] for name in names(tmp_path)} == set(ids[-2:])


def test_there_may_be_none_yet(tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path / "nowhere", keep=2, redactor=Redactor({}))
    assert store.cycles() == ()
    assert store.calls("c-1") == ()


def test_prompts_replies_and_reasons_are_written_without_secrets(tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path / "brain", keep=3, redactor=Redactor({"MY_KEY": "my secret value"}))
    call = store.begin("c-1", "first", "asked with my secret value")
    store.end(call, "answered with my secret value")
    store.fail(call, "refused my secret value")
    for path in (call.prompt, call.reply, call.failed):
        assert "[redacted: MY_KEY]" in path.read_text() and "secret value" not in path.read_text()
