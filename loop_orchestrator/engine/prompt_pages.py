"""The checkpoint in a prompt: where the work stands, what was decided, and which pages the wiki has. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from loop_orchestrator.engine.checkpoint import Projection, ledger_alone, project
from loop_orchestrator.engine.fences import clean, untrusted
from loop_orchestrator.engine.fitting import Form, Listing
from loop_orchestrator.markdowntext import is_too_long
from loop_orchestrator.model.prompt import bytes_of, tokens_of
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.wiki import MARKER
from loop_orchestrator.prompts import fill

LEDGER_LIMIT = 8_000
"""Characters of what the ledger says that stand in for a checkpoint which fits into no prompt."""

_ENTRY = (r"(?m)^(?=### )", r"(?m)^(?=[-*] |\d+[.)] )", r"(?<=\n\n)(?=\S)")
"""Where an entry below the marker begins: at a heading, else at a list item, else after a blank line."""

_NO_ENTRY = rf"(?m)^(?:{re.escape(MARKER)}|##? .*)\n|\A\s+"
"""What stands before the first entry and says nothing: the marker and headings of the section."""


class PagesPart:
    """The pages of the wiki as the prompt shows them."""

    def __init__(self, snapshot: Snapshot, texts: Mapping[str, str]) -> None:
        self._snapshot = snapshot
        self._texts = texts
        self._pages = snapshot.pages
        page = self._pages.checkpoint
        self._page = "" if isinstance(page, Unknown) else clean(page)
        self._projection = project(self._page, snapshot.state, ledger_name=self._pages.ledger_file)

    @property
    def too_long(self) -> bool:
        """The page cannot be taken apart at all."""
        return is_too_long(self._page)

    def checkpoint(self, number: int) -> Form:
        """0: the page above the marker with what the ledger says; 1: the ledger alone, and why."""
        if number or self.too_long:
            return self._left_out()
        shown = [*self._notes(self._projection), untrusted(self._projection.above)]
        return Form("\n\n".join(shown) if self._projection.above.strip() else self._none())

    def decisions(self) -> Listing:
        """What stands from the marker on, of which the oldest entries are cut."""
        oldest_first = _entries("" if self.too_long else self._projection.below)
        return Listing(
            rows=oldest_first[::-1],
            head="" if oldest_first else "none",
            said=lambda cut: f"{cut} older entries are left out; they stand in {self._pages.checkpoint_file}",
            joint="",
            in_order=lambda rows: rows[::-1],
        )

    def index(self) -> Listing:
        """The catalogue, of which the last rows are cut."""
        page = self._pages.index
        if isinstance(page, Unknown):
            return Listing(rows=(), head="not known", said=str)
        rows = clean(page).strip("\n").split("\n") if page.strip() else []
        return Listing(
            rows=rows,
            head="" if rows else f"none: there is no {self._pages.index_file}",
            said=lambda cut: f"{cut} more rows; they stand in {self._pages.index_file}",
        )

    def _notes(self, projection: Projection) -> Sequence[str]:
        """What to know about the page, in words of this program: reasons of others stand with what is unseen."""
        return () if isinstance(self._snapshot.state, Unknown) else [f"({note}.)" for note in projection.notes]

    def _none(self) -> str:
        if isinstance(self._pages.checkpoint, Unknown):
            return "not known"
        return f"none: there is no {self._pages.checkpoint_file}, and the ledger says nothing"

    def _left_out(self) -> Form:
        above = self._projection.above
        said = fill(
            self._texts["checkpoint_overflow"],
            file=self._pages.checkpoint_file,
            ledger=self._pages.ledger_file,
            tokens=str(tokens_of(bytes_of(above))),
            where="" if self.too_long else " above the marker",
        ).rstrip("\n")
        state = self._snapshot.state
        ledger = "" if isinstance(state, Unknown) else ledger_alone(state, ledger_name=self._pages.ledger_file)
        if len(ledger) > LEDGER_LIMIT:
            ledger = ledger[:LEDGER_LIMIT] + "\n[cut; `loop state show`]"
        return Form(f"{said}\n\n{untrusted(ledger) if ledger else 'nothing'}", "the checkpoint page")


def _entries(below: str) -> list[str]:
    """What stands below the marker, by entries in the order of the page, each with its line ends."""
    below = below.strip("\n") + "\n"
    pattern = next((one for one in _ENTRY if re.search(one, below)), r"\A")
    first, *entries = re.split(pattern, below)
    first = re.sub(_NO_ENTRY, "", first).lstrip("\n")
    return [one for one in (first, *entries) if re.sub(_NO_ENTRY, "", one).strip()]
