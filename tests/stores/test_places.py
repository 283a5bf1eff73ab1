"""Files of a session that stand elsewhere are found again, and nobody else's are taken for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.stores.layout import Elsewhere, Layout
from loop_orchestrator.stores.places import read_places, refuse_others_folder, write_places


def layout_at(project: Path, outside: Path, session: str = "shop") -> Layout:
    elsewhere = Elsewhere(messages=outside / "mail", state_file=outside / "s.json", session_dir=outside / "own")
    return Layout(project, session, elsewhere)


def test_what_was_written_is_read_back_and_every_other_path_follows(project: Path, tmp_path: Path) -> None:
    layout = layout_at(project, tmp_path)
    assert read_places(layout) is None
    write_places(layout)
    plain = Layout(project, "shop")
    assert read_places(plain) == layout.elsewhere
    assert layout.places == plain.places
    assert layout.processed == tmp_path / "mail/processed"
    assert layout.events == tmp_path / "own/events.jsonl"
    assert layout.state_lock.parent == layout.mailbox_lock.parent.parent == tmp_path, "other projects take them too"
    assert Layout.sessions(project) == ("shop",)
    write_places(plain)
    assert read_places(layout) == Elsewhere()


def test_a_folder_of_another_session_is_refused_and_named(project: Path, tmp_path: Path) -> None:
    layout = layout_at(project, tmp_path)
    refuse_others_folder(layout)
    write_places(layout)
    refuse_others_folder(layout)
    with pytest.raises(UsageError, match=f"holds the files of session shop of {project}"):
        refuse_others_folder(layout_at(project, tmp_path, "night"))
    with pytest.raises(UsageError, match="holds the files of session shop"):
        refuse_others_folder(layout_at(project.parent, tmp_path))


@pytest.mark.parametrize("text", ["[]", '{"messages": 1}', "{"])
def test_a_broken_record_is_named(project: Path, text: str) -> None:
    layout = Layout(project, "shop")
    layout.places.parent.mkdir(parents=True)
    layout.places.write_text(text)
    with pytest.raises(StoreError, match=r"places\.json"):
        read_places(layout)
