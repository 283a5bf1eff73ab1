"""The table: keeps what is chosen, paints what changed, and shows whatever an agent wrote as one line of text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.plaintext import cells

COLUMNS = (Column("NAME", 8), Column("COUNT", 5), Column("TEXT", 20))
SIZE = (40, 10)


class Table(App[None]):
    """One table and what it told."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows(COLUMNS, empty="nothing here", id="table")
        self.told: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield self.rows

    def on_rows_moved(self, event: Rows.Moved) -> None:
        self.told.append(("moved", event.key))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.told.append(("chosen", event.key))


def shown(app: Table) -> list[str]:
    """The lines of the table, without blanks at their ends."""
    return [app.rows.render_line(y).text.rstrip() for y in range(app.rows.size.height)]


def some(*names: str) -> list[Row]:
    return [Row(key=name, cells=(name, str(len(name)), f"text of {name}")) for name in names]


def use(test: Callable[[Table, Pilot[None]], Awaitable[None]], size: tuple[int, int] = SIZE) -> None:
    async def main() -> None:
        app = Table()
        async with app.run_test(size=size) as pilot:
            app.rows.focus()
            await pilot.pause()
            await test(app, pilot)

    asyncio.run(main())


def test_an_empty_table_says_what_is_so() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        assert shown(app)[:2] == ["NAME      COUNT  TEXT", "nothing here"]
        await pilot.press("enter", "down", "o")
        assert app.told == [] and app.rows.key == ""

    use(test)


def test_what_is_chosen_stays_chosen_wherever_it_goes() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some("a", "b", "c"))
        await pilot.press("down", "down")
        assert app.rows.key == "c"
        app.rows.show(some("c", "a", "new", "b"))
        assert app.rows.key == "c"
        app.rows.show(some("a", "b"))
        await pilot.pause()
        assert app.rows.key == "a"
        assert app.told == [("moved", "a"), ("moved", "b"), ("moved", "c"), ("moved", "a")]

    use(test)


def test_enter_opens_the_chosen_row() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some("a", "b"))
        await pilot.press("j", "enter")
        assert app.told[-1] == ("chosen", "b")

    use(test)


def test_a_click_chooses_and_one_more_opens() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some("a", "b", "c"))
        await pilot.click(Rows, offset=(3, 2))
        await pilot.pause()
        assert app.rows.key == "b" and ("chosen", "b") not in app.told
        await pilot.click(Rows, offset=(3, 2))
        await pilot.pause()
        assert app.told[-1] == ("chosen", "b")
        told = list(app.told)
        await pilot.click(Rows, offset=(3, 0))  # the headline
        await pilot.click(Rows, offset=(3, 8))  # below the last row
        await pilot.pause()
        assert app.told == told

    use(test)


def test_a_click_in_a_scrolled_table_meets_the_row_that_stands_there() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some(*(f"row{number}" for number in range(100))))
        await pilot.press("end")
        await pilot.pause()
        assert shown(app)[1].startswith("row91") and shown(app)[9].startswith("row99")
        await pilot.click(Rows, offset=(3, 1))
        await pilot.pause()
        assert app.rows.key == "row91"

    use(test)


def test_keys_scroll_no_further_than_needed() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some(*(f"row{number}" for number in range(100))))
        await pilot.press(*["down"] * 8)
        await pilot.pause()
        assert shown(app)[1].startswith("row0")
        await pilot.press("down")
        await pilot.pause()
        assert shown(app)[1].startswith("row1 ")
        await pilot.press("pagedown")
        assert app.rows.key == "row17"
        await pilot.press("home")
        await pilot.pause()
        assert app.rows.key == "row0" and shown(app)[1].startswith("row0")
        assert shown(app)[0].startswith("NAME")

    use(test)


def test_filtering_keeps_rows_with_every_word() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some("Alpha", "beta", "alphabet"))
        app.rows.filter_by("ALPHA text")
        assert [line.split()[0] for line in shown(app)[1:3]] == ["Alpha", "alphabet"] and shown(app)[3] == ""
        app.rows.show(some("gamma", "alpha2"))
        assert shown(app)[1].startswith("alpha2")
        app.rows.filter_by("no such")
        assert app.rows.key == "" and shown(app)[1] != "nothing here"
        app.rows.filter_by("")
        assert len([line for line in shown(app)[1:] if line]) == 2

    use(test)


def test_sorting_goes_through_the_columns_and_back_to_the_order_given() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(
            [
                Row(key="x", cells=("x", "10", "c"), order=("x", 10, "c")),
                Row(key="y", cells=("Y", "9", "b"), order=("y", 9, "b")),
                Row(key="w", cells=("w", "100", "a"), order=("w", 100, "a")),
            ]
        )
        seen = []
        for _ in range(4):
            await pilot.press("o")
            seen.append([line.split()[0] for line in shown(app)[1:4]])
        assert seen == [["w", "x", "Y"], ["Y", "x", "w"], ["w", "Y", "x"], ["x", "Y", "w"]]
        await pilot.press("o")
        assert "NAME▾" in shown(app)[0]
        assert app.rows.key == "x"

    use(test)


def test_numbers_are_sorted_as_numbers_without_an_order() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some("a" * 10, "b" * 9, "c"))
        await pilot.press("o", "o")
        assert [line.split()[0][0] for line in shown(app)[1:4]] == ["c", "b", "a"]

    use(test)


@pytest.mark.parametrize(
    ("before", "after", "painted"),
    [
        (("a", "b", "c"), ("a", "b", "c"), []),
        (("a", "b", "c"), ("a", "B", "c"), [2]),
        (("a", "b", "c"), ("a", "b", "c", "d"), [4]),
        (("a", "b", "c"), ("a", "b"), [3]),
    ],
)
def test_only_lines_that_differ_are_painted(before: Sequence[str], after: Sequence[str], painted: list[int]) -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some(*before))
        await pilot.pause()
        lines: list[int] = []
        refresh = app.rows.refresh

        def noted(*regions: Region, **more: bool) -> Rows:
            lines.extend(y for region in regions for y in range(region.y, region.bottom))
            if not regions:
                lines.append(-1)
            return refresh(*regions, **more)

        app.rows.refresh = noted  # type: ignore[method-assign]
        app.rows.show(some(*after))
        assert lines == painted

    use(test)


def test_a_table_that_lost_its_rows_scrolls_back() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show(some(*(f"row{number}" for number in range(100))))
        await pilot.press("end")
        app.rows.show(some("one", "two"))
        await pilot.pause()
        assert [line.split()[0] for line in shown(app)[1:3]] == ["one", "two"]

    use(test)


HOSTILE = (
    "x" * 1_000_000,
    "\U0001f9d1\u200d\U0001f680" * 100_000,
    "漢" * 500_000,
    "\x1b[2J\x1b[H" * 100_000,
    "\u202eevil\u202c",
    "[bold]not bold[/bold] [@click=app.quit]x[/]",
    "two\nlines\r\tand more",
    "e\u0301" * 200,
    "\ud800",
)


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["long", "emoji", "wide", "escapes", "rtl", "markup", "lines", "marks", "half"]
)
@pytest.mark.parametrize("width", [40, 7, 1])
def test_whatever_an_agent_wrote_is_one_line_of_its_table(text: str, width: int) -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show([Row(key="k", cells=(text, text, text)), *some("after")])
        await pilot.pause()
        for y in range(app.rows.size.height):
            strip = app.rows.render_line(y)
            assert cells(strip.text) == strip.cell_length == app.rows.size.width
            assert not any(char in strip.text for char in "\x1b\n\r\t\u202e\ud800")

    use(test, size=(width, 10))


def test_markup_is_shown_as_it_was_written() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show([Row(key="k", cells=("[b]x[/b]", "1", "[@click=app.quit]x[/]"))])
        await pilot.pause()
        assert shown(app)[1] == "[b]x[/b]  1      [@click=app.quit]x[/]"

    use(test)


def test_what_is_cut_ends_with_an_ellipsis() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show([Row(key="k", cells=("123456789", "漢漢漢", "y" * 100))])
        await pilot.pause()
        line = app.rows.render_line(1).text
        assert line.startswith("1234567…  漢漢…  yyy") and line.endswith("y…")

    use(test)


def test_a_click_on_hostile_text_runs_nothing() -> None:
    async def test(app: Table, pilot: Pilot[None]) -> None:
        app.rows.show([Row(key="k", cells=("[@click=app.quit]q[/]", "1", "2"))])
        await pilot.click(Rows, offset=(1, 1))
        await pilot.pause()
        assert app.is_running and app.told[-1] == ("chosen", "k")

    use(test)
