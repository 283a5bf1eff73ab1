"""Prompts and replies: how many are kept, whoever asked."""

from __future__ import annotations

from pathlib import Path

from loop_orchestrator.stores.transcripts import TranscriptStore


def test_the_newest_calls_are_kept_whether_a_cycle_or_a_replay_made_them(tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path / "brain", keep=3)
    ids = ["c-20260301T1", "r-20260301T2", "r-20260301T3", "c-20260301T4", "c-20260301T5"]
    for id in ids:
        store.begin(id, "first", "the prompt").write_text("reply")
        store.end(id, "first", "the reply")
    names = {path.name.partition(".")[0] for path in (tmp_path / "brain").iterdir()}
    assert names == {*ids[-3:]}
    assert (tmp_path / "brain" / f"{ids[-1]}.first.prompt.md").read_text() == "the prompt"
