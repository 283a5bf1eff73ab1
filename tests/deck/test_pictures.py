"""The pictures of the README are what the deck shows."""

from __future__ import annotations

import pytest

from docs.deckpictures import NAMES, PICTURES, drawn


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_picture_is_what_the_deck_shows(name: str) -> None:
    stored = PICTURES / f"deck-{name}.svg"
    assert stored.is_file() and stored.read_text(encoding="utf-8") == drawn(name), (
        f"{stored.name} is not what the deck shows: look at the change, then: make pictures"
        " (or python -m docs.deckpictures, for the deck alone)"
    )


def test_there_is_no_other_picture() -> None:
    assert {path.name for path in PICTURES.glob("deck-*.svg")} == {f"deck-{name}.svg" for name in NAMES}
