"""The keys of a screen in its last line: as many as stand there whole, and Help always."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from loop_orchestrator.deck.commands import CHANGING
from loop_orchestrator.plaintext import cells

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import Binding

    from loop_orchestrator.deck.app import Deck

KEPT = ("help", "back", "app.pop_screen", "no_answer")
"""Actions that find their place before all others: who knows them finds the rest, and the way out."""

SAID = ("choose",)
"""Actions that find it after all others: the table of what needs a person says of itself what Enter does."""


class Keys(Footer):
    """The keys stand in the order of the bindings; where there is no room for all, the last ones are left out.

    A deck that only shows has no keys that change something.
    """

    app: Deck

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)

    def compose(self) -> ComposeResult:
        for binding, display in fitting(list(self._offered()), self.size.width):
            key = FooterKey(binding.key, display, binding.description, binding.action)
            yield key.data_bind(compact=Footer.compact)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.refresh(recompose=True)

    def _offered(self) -> Iterator[tuple[Binding, str]]:
        """Each with the words for its key."""
        told = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            hidden = not binding.show or binding.action in told or (self.app.only_shows and binding.action in CHANGING)
            if active.enabled and not hidden:
                told.add(binding.action)
                yield binding, self.app.get_key_display(binding)


def fitting(offered: Sequence[tuple[Binding, str]], width: int) -> list[tuple[Binding, str]]:
    """Those of the bindings, each with the words for its key, that stand side by side in so many cells."""
    left, kept = width, set()
    for binding, display in sorted(offered, key=_place):
        needs = cells(f"{display} {binding.description} ")
        if needs - 1 <= left:  # nothing has to stand behind the last one
            kept.add(binding.action)
            left -= needs
    return [one for one in offered if one[0].action in kept]


def _place(one: tuple[Binding, str]) -> int:
    action = one[0].action
    return 0 if action in KEPT else 2 if action in SAID else 1
