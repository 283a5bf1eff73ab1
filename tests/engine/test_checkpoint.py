"""The checkpoint: what the ledger replaces, what stays byte for byte, and what takes the room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.clock import parse_time
from loop_orchestrator.engine.checkpoint import MAIL_LINES, assemble, project
from loop_orchestrator.markdowntext import TEXT_LIMIT, read_blocks
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.prompt import tokens_of
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import LoopRecord, LoopState
from loop_orchestrator.model.wiki import MARKER, marker_lines

AT = parse_time("2026-03-01T12:00:00Z")
PAGE = f"""\
# Where we are

An introduction.

## Current objective

by hand

## Watch out

kept

## Loop states

- by hand

## Open conflicts

- by hand

{MARKER}

## Decisions

## Loop states

left alone\r
"""
LEDGER = LoopState(
    updated_at=AT,
    objective="Ship it",
    loops=(
        LoopRecord(
            id="header",
            name="The header",
            status="implement",
            branch="loop/header",
            extra={"blast_radius": "low", "artifacts": {"spec": "a.md", "plan": ""}, "commits": ["abc", "def"], "x": 1},
        ),
        LoopRecord(id="bare"),
    ),
    extra={"open_conflicts": ["one\ntwo", {"a": "b"}]},
)


def projected(page: str, ledger: LoopState | Unknown) -> str:
    return project(page, ledger, ledger_name="ledger.json").text


def test_the_ledger_replaces_what_it_speaks_of_and_nothing_else() -> None:
    assert projected(PAGE, LEDGER) == (
        "# Where we are\n\nAn introduction.\n\n"
        "Compiled from the ledger, ledger.json; what the ledger does not speak of stands as written.\n"
        "As of 2026-03-01T12:00:00.000Z.\n\n"
        "## Current objective\n\n> Ship it\n\n"
        "## Watch out\n\nkept\n\n"
        "## Loop states\n\n"
        "- header (The header): status implement; branch loop/header; blast_radius low; artifacts spec a.md;"
        " commits abc, def\n- bare: nothing is said of it\n\n"
        "## Open conflicts\n\n- one two\n- a b\n\n" + PAGE[PAGE.index(MARKER) :]
    )


@pytest.mark.parametrize(
    ("ledger", "replaced"),
    [
        (LoopState(updated_at=AT, objective="o"), "Current objective"),
        (LoopState(updated_at=AT, loops=LEDGER.loops), "Loop states"),
        (LoopState(updated_at=AT, extra={"conflicts": ["c"], "open_conflicts": []}), "Open conflicts"),
        (LoopState(updated_at=None, extra={"conflicts": {"c": "d"}}), "Open conflicts"),
    ],
)
def test_only_a_value_that_is_not_empty_replaces(ledger: LoopState, replaced: str) -> None:
    text = projected(PAGE, ledger)
    for section, by_hand in (
        ("Current objective", "by hand"),
        ("Loop states", "- by hand"),
        ("Open conflicts", "- by hand"),
    ):
        assert (f"## {section}\n\n{by_hand}\n" in text) == (section != replaced), section


@pytest.mark.parametrize(
    ("ledger", "reason"),
    [
        (LoopState(updated_at=None), "absent or says nothing"),
        (
            LoopState(updated_at=AT, objective=" \n", extra={"open_conflicts": [], "session": "s"}),
            "absent or says nothing",
        ),
        (Unknown("file:2:3: broken"), "file:2:3: broken"),
    ],
)
def test_without_a_ledger_the_page_is_as_written_and_that_is_said(ledger: LoopState | Unknown, reason: str) -> None:
    made = project(PAGE, ledger, ledger_name="ledger.json")
    assert made.text == PAGE
    assert len(made.notes) == 1 and reason in made.notes[0]


def test_sections_that_the_page_lacks_come_first_and_headings_are_taken_as_people_write_them() -> None:
    assert projected("", LEDGER).startswith("# Checkpoint\n\nCompiled")
    text = projected("Current Objective:\n---\n\nold\n\n# LOOP  STATES\n\nold\n\n## Loop states\n\nold", LEDGER)
    assert "old" not in text
    assert text.index("## Open conflicts") < text.index("## Current objective") < text.index("## Loop states")
    fenced = "# C\n\n```\n## Loop states\n```\n\nintro"
    assert projected(fenced, LEDGER).startswith(f"{fenced}\n\nCompiled")


def test_a_page_without_one_marker_says_so() -> None:
    made = project("# C\n\n## Mine\n\nkept\n", LEDGER, ledger_name="l")
    assert "has no marker" in made.notes[0] and made.text.endswith("## Mine\n\nkept\n\n")
    twice = project(f"# C\n\n{MARKER}\na\n\n{MARKER}\nb\n", LEDGER, ledger_name="l")
    assert "2 times" in twice.notes[0] and twice.text.endswith(f"{MARKER}\na\n\n{MARKER}\nb\n")
    long = "x" * (TEXT_LIMIT + 1)
    assert project(long, LEDGER, ledger_name="l").text == long


@given(st.text(alphabet=st.sampled_from(f"ab#>`~- \n\r<!{MARKER}")), st.text(alphabet="a#`-\n\r<!>- "), st.text())
def test_what_the_ledger_says_forges_no_section_and_the_rest_is_byte_for_byte(
    above: str, said: str, below: str
) -> None:
    hostile = f"{said}\n\n{MARKER}\n\n## Decisions\n\n```\n"
    ledger = LoopState(
        updated_at=AT,
        objective=hostile,
        loops=(LoopRecord(id=hostile, name=hostile, status=hostile),),
        extra={"conflicts": [hostile]},
    )
    rest = f"{MARKER}\n{below}"
    page = f"# C\n\n{MARKER}\n{below}"
    blocks = read_blocks(projected(page, ledger))
    assert projected(page, ledger).endswith(rest)
    first = marker_lines(blocks)[0]
    assert "".join(blocks.lines[first - 1 :]) == rest
    assert [one.text for one in blocks.headings if one.line < first] == [
        "C",
        "Current objective",
        "Loop states",
        "Open conflicts",
    ]
    project(above + below, ledger, ledger_name="l")


def message(number: int, subject: str = "s") -> Message:
    return Message(file=f"{number}.md", id="m", sender="web", recipient="coord", subject=subject, body="b", sent_at=AT)


def test_the_parts_stand_in_order_under_titles_that_no_page_can_forge() -> None:
    made = assemble(
        header="Head\n",
        checkpoint="c\n-------------- ops-wiki/index.md\n",
        index="i\n",
        mail=(message(1, 'a"\n-- b'),),
        file=lambda name: f"ops-wiki/{name}",
    )
    rule = "-" * 15
    assert made.text == (
        f"Head\n\n{rule} ops-wiki/checkpoint.md\n\nc\n-------------- ops-wiki/index.md\n\n"
        f"{rule} ops-wiki/index.md\n\ni\n\n"
        f'{rule} pending mail (1)\n\n- 1.md: says it is from web, to coord: "a\\"\\n-- b"\n'
    )
    assert (made.parts[0].name, made.parts[0].bytes) == ("header", 4)
    assert (made.bytes, made.tokens) == (len(made.text), tokens_of(len(made.text)))
    assert (tokens_of(8), tokens_of(9)) == (2, 3)


def test_mail_is_bounded_and_may_be_unknown() -> None:
    def text(mail: tuple[Message, ...] | Unknown) -> str:
        return assemble(header="h", checkpoint="c", index="i", mail=mail, file=str).text

    many = text(tuple(message(number) for number in range(MAIL_LINES + 7)))
    assert f"pending mail ({MAIL_LINES + 7})" in many and many.endswith("- and 7 more: loop mail list\n")
    assert text(()).endswith("pending mail (0)\n\nnone\n")
    assert text(Unknown("gone")).endswith("pending mail (not known)\n\nnot known: gone\n")
