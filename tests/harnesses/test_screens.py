"""The packaged rules on the recorded screens, and that nothing but an idle screen reads as idle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses.recorded import RECORDED, Capture, captures, expected, read
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneState, LaneWord
from loop_orchestrator.model.terminal import SHELLS, Screen
from loop_orchestrator.substrate.composer import find_composer
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screens import parse_ansi
from tests.support.builders import NOW
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
PROGRAMS = sorted(folder.name for folder in RECORDED.iterdir() if folder.is_dir())
CAPTURES = tuple(capture for name in PROGRAMS for capture in captures(RECORDED, name))
READY = frozenset({Detail.READY})

every_program = pytest.mark.parametrize("program", PROGRAMS)


@cache
def screen_of(capture: Capture) -> Screen:
    return parse_ansi(capture.text)


def of(program: str) -> list[Capture]:
    return [capture for capture in CAPTURES if capture.harness == program]


def idle(program: str) -> list[Capture]:
    return [capture for capture in of(program) if expected(capture) == READY]


def seen(
    capture: Capture,
    screen: Screen | None = None,
    *,
    title: str | None = None,
    spec: HarnessSpec | None = None,
    command: str | None = None,
    cursor: bool | None = None,
    row: int | None = None,
    blind: bool = False,
) -> LaneState:
    """The state of a capture, some of it changed. blind: nothing is known of the cursor."""
    return classify(
        screen or screen_of(capture),
        spec or HARNESSES[capture.harness],
        NOW,
        title=capture.title if title is None else title,
        command=capture.command if command is None else command,
        cursor_visible=None if blind else capture.cursor_visible if cursor is None else cursor,
        cursor_row=None if blind else capture.cursor_row if row is None else row,
    )


def bare(program: str) -> HarnessSpec:
    """The program as one whose rules know nothing but its composer."""
    return replace(HARNESSES[program], rules=())


# What was recorded.


def test_every_recorded_program_is_a_harness_and_its_versions_are_those_verified() -> None:
    assert set(PROGRAMS) <= set(HARNESSES)
    for program in PROGRAMS:
        assert {capture.version for capture in of(program)} == set(HARNESSES[program].verified), program
    unread = {name for name, spec in HARNESSES.items() if spec.is_agent and not spec.verified}
    assert unread == {"cursor-agent", "droid", "forge", "hermes", "openclaw"}
    assert not any(HARNESSES[name].rules or HARNESSES[name].composer for name in unread)


@every_program
def test_a_recorded_screen_is_read_as_what_it_was(program: str) -> None:
    wrong = [
        (capture.name, state) for capture in of(program) if (state := seen(capture)).detail not in expected(capture)
    ]
    assert not wrong


def test_reading_a_capture_is_classifying_it_with_all_that_was_recorded_of_it() -> None:
    for capture in (of("aider")[0], of("codex")[0], of("llm")[0]):
        assert read(capture, HARNESSES[capture.harness], NOW) == seen(capture)


def test_a_recorded_screen_holds_no_key_and_no_path_but_the_throw_away_folder() -> None:
    for capture in CAPTURES:
        text = screen_of(capture).text
        assert not re.search(r"sk-(?!test\b|prompt|ant-\.\.\.)[A-Za-z0-9]", text), capture.name
        homes = re.findall(r"/(?:home|root|Users)/[\w./-]*", text)
        assert all(path.startswith("/home/me/my/") for path in homes), (capture.name, homes)


# Never a wrong idle.


def variations(capture: Capture) -> Iterator[tuple[str, str]]:
    """Titles and foreground programs that may be seen with the same screen."""
    foreground = {"", *HARNESSES[capture.harness].foreground, capture.command}
    for title in {"", capture.title}:
        for command in sorted(foreground):
            yield title, command


@every_program
def test_what_is_not_idle_is_never_ready_whatever_else_is_seen(program: str) -> None:
    for capture in of(program):
        if Detail.READY in expected(capture):
            continue
        for title, command in variations(capture):
            for spec in (HARNESSES[program], bare(program)):
                for blind in {False, HARNESSES[program].shows_cursor}:
                    state = seen(capture, title=title, command=command, spec=spec, blind=blind)
                    assert state.detail is not Detail.READY, (capture.name, title, command, blind, state)


@every_program
def test_what_works_or_asks_never_reads_as_idle_at_all(program: str) -> None:
    """With its rules a draft in a program at work is work; without them it is a draft at most, which takes no text."""
    for capture in of(program):
        words = {WORD_OF[detail] for detail in expected(capture)}
        if LaneWord.IDLE not in words:
            for title, command in variations(capture):
                assert seen(capture, title=title, command=command).word is not LaneWord.IDLE, (capture.name, title)


@every_program
def test_a_pane_taller_than_what_it_shows_is_read_the_same(program: str) -> None:
    for capture in of(program):
        shown = screen_of(capture)
        blanks = ("",) * 30
        tall = Screen(shown.rows + blanks, shown.bright + blanks)
        assert seen(capture, tall).detail is seen(capture).detail, capture.name


@every_program
def test_a_plain_capture_is_read_the_same(program: str) -> None:
    """But for what a program suggests to type: only its colour tells that from a draft."""
    for capture in of(program):
        plain = screen_of(capture).rows
        same = Detail.DRAFT if capture.state == "idle-with-suggestion" else seen(capture).detail
        assert seen(capture, Screen(plain, plain)).detail is same, capture.name


def quoting(capture: Capture, quoted: Screen, indent: str) -> Screen:
    """The screen with the last rows of another in its conversation, above the last sentence of an answer."""
    shown = screen_of(capture)
    composer = find_composer(shown, HARNESSES[capture.harness])
    assert composer is not None
    at = composer.first
    blanks = 0
    while at and blanks < 2:  # above the last paragraph over the composer
        at -= 1
        blanks += not shown.rows[at].strip() and bool(shown.rows[at + 1].strip())
    rows = [indent + row for row in quoted.rows if row.strip()][-12:]
    middle = (*rows, "", "  That is all.")
    return Screen(
        (*shown.rows[:at], "", *middle, "", *shown.rows[at:]), (*shown.bright[:at], "", *middle, "", *shown.bright[at:])
    )


@every_program
def test_another_screen_quoted_in_the_conversation_changes_nothing(program: str) -> None:
    readers = [capture for capture in idle(program) if seen(capture).detail is Detail.READY and capture.rows > 30]
    for capture in readers:
        for quoted in CAPTURES[:: max(1, len(readers) // 2)]:
            changed = quoting(capture, screen_of(quoted), "    ")
            row = (
                None
                if capture.cursor_row is None
                else capture.cursor_row + len(changed.rows) - len(screen_of(capture).rows)
            )
            state = seen(capture, changed, row=row)
            assert state.detail is Detail.READY, (capture.name, quoted.harness, quoted.name, state)


def above_composer(capture: Capture, *rows: str) -> Screen:
    """The screen with these rows as the last ones of its conversation."""
    shown = screen_of(capture)
    composer = find_composer(shown, HARNESSES[capture.harness])
    assert composer is not None
    at = composer.first - 1
    return Screen((*shown.rows[:at], *rows, *shown.rows[at:]), (*shown.bright[:at], *rows, *shown.bright[at:]))


WORDS = st.from_regex(r"[A-Z][a-z]{1,9}(?: [a-z]{1,9}){0,6}", fullmatch=True)
RECAPS = st.from_regex(r"✻ [A-Z][a-z]{2,9}ed for [0-9]{1,2}s", fullmatch=True)


@given(st.sampled_from(idle("claude")), WORDS, RECAPS, st.booleans())
def test_claude_without_an_answer_is_not_idle_whatever_the_reason_says(
    capture: Capture, reason: str, recap: str, wraps: bool
) -> None:
    more = ("     and goes on in a second row",) if wraps else ()
    shown = above_composer(capture, "❯ a prompt", f"  ⎿  {reason}", *more, "", recap, "")
    assert seen(capture, shown).word is not LaneWord.IDLE
    interrupted = above_composer(capture, "❯ a prompt", "  ⎿  Interrupted · What should Claude do instead?", "")
    assert seen(capture, interrupted).detail is Detail.READY


ERRORS = (
    "API Error: 500 internal",
    "Error: socket hang up",
    "Prompt is too long",
    "There's an issue with the selected model",
    "エラー: 接続",
    "Fehler: x",
)
DRAWN = [one for one in CAPTURES if expected(one) == READY and one.harness not in ("aider", "llm", "mini-swe-agent")]


@given(st.sampled_from(DRAWN), st.sampled_from(ERRORS), RECAPS)
def test_a_failure_above_the_line_that_ends_a_turn_is_not_ready(capture: Capture, error: str, recap: str) -> None:
    for spec in (HARNESSES[capture.harness], bare(capture.harness)):
        failed = above_composer(capture, "", f"● {error}", "", recap, "")
        assert seen(capture, failed, spec=spec, blind=True).detail is not Detail.READY, capture.name


TALKED = [one for one in idle("opencode") if one.state != "idle-fresh"]


@given(
    st.sampled_from(TALKED),
    WORDS,
    st.lists(WORDS, min_size=1, max_size=5),
    st.integers(4, 30),
    st.integers(1, 8),
)
@example(TALKED[0], "Abcdefghi " + " ".join(["abcdefghi"] * 6), ["Abc"], 4, 1)
def test_a_box_over_the_conversation_is_never_idle(
    capture: Capture, title: str, entries: list[str], left: int, top: int
) -> None:
    shown = screen_of(capture)
    width = max(map(len, (title, *entries))) + 20
    box = ["", f"  {title}".ljust(width - 5) + "esc", "", *(f"  {entry}" for entry in entries), ""]
    rows = list(shown.rows)
    for index, row in enumerate(box, start=top):
        under = rows[index].ljust(left + width)
        rows[index] = under[:left] + row.ljust(width) + under[left + width :]
    drawn = Screen(tuple(rows), tuple(rows))
    composer = find_composer(drawn, HARNESSES["opencode"])
    assert composer is not None and composer.first > top + len(box)
    assert seen(capture, drawn, row=top + 3).detail is Detail.DIALOG
    for spec in (HARNESSES["opencode"], bare("opencode")):
        for blind in (True, False):
            assert seen(capture, drawn, row=top + 3, blind=blind, spec=spec).word is not LaneWord.IDLE


@pytest.mark.parametrize("program", ["codex", "opencode"])
def test_a_composer_without_the_cursor_takes_no_keys(program: str) -> None:
    for capture in idle(program):
        assert seen(capture, row=0).word is LaneWord.UNKNOWN, capture.name
        assert seen(capture, cursor=False).word is LaneWord.UNKNOWN, capture.name


@given(
    st.sampled_from([one for one in idle("pi") if one.version == "0.87.1"]),
    st.lists(WORDS, min_size=2, max_size=8),
    st.sampled_from(
        ("Enter to select · Esc to cancel", "Type to search · Space to change · Escape to close", "(1/31)")
    ),
)
def test_a_menu_in_the_place_of_pis_composer_is_not_idle(capture: Capture, entries: list[str], legend: str) -> None:
    shown = screen_of(capture)
    composer = find_composer(shown, HARNESSES["pi"])
    assert composer is not None
    menu = ("> ", "", f"→ {entries[0]}", *(f"  {entry}" for entry in entries[1:]), "", f"  {legend}")
    rows = (*shown.rows[: composer.first], *menu, *shown.rows[composer.end :])
    for spec in (HARNESSES["pi"], bare("pi")):
        assert seen(capture, Screen(rows, rows), spec=spec).word is not LaneWord.IDLE


@every_program
def test_a_program_behind_a_shell_is_not_there(program: str) -> None:
    for capture in idle(program)[:1]:
        for shell in SHELLS:
            assert seen(capture, command=shell).detail is Detail.MISSING


# Single programs.


def named(program: str, state: str) -> Capture:
    return next(capture for capture in of(program) if capture.state == state)


def test_codex_without_its_title_is_not_known_to_be_idle() -> None:
    capture = named("codex", "inline-working-streaming")
    assert seen(capture).word is LaneWord.WORKING
    assert seen(capture, title="").word is LaneWord.UNKNOWN
    assert seen(named("codex", "idle-fresh"), title="").word is LaneWord.UNKNOWN


def test_aider_is_at_work_while_its_cursor_is_hidden() -> None:
    capture = named("aider", "idle-after-slow")
    assert seen(capture).detail is Detail.READY
    assert seen(capture, cursor=False).word is LaneWord.WORKING


TEXTS = (
    ("opencode", "typed", "STUB:hang,secs=6 go"),
    ("opencode", "pasted-10kB", "[Pasted ~200 lines]"),
    ("codex", "interrupted-with-queue", "queued by tab"),
    ("pi", "pasted-10kB", "[paste #1 +201 lines]"),
    ("pi", "pasted-multiline", 'STUB:text first line\n\nthird line with `ticks` $HOME "q"\n- a\n- b\nlast line'),
    ("gemini", "pasted-enter-became-newline", "STUB:text hello\nsecond\nthird line"),
    ("qwen", "interrupted-with-queue", "typed while working"),
    ("qwen", "pasted-10kB", "[Pasted Content 10010 chars]"),
    ("claude", "pasted-10kB", "[Pasted text #8 +200 lines]"),
    ("opencode", "idle-fresh", ""),
    ("gemini", "idle-fresh", ""),
)


@pytest.mark.parametrize(("program", "state", "text"), TEXTS)
def test_what_stands_in_a_composer(program: str, state: str, text: str) -> None:
    composer = find_composer(screen_of(named(program, state)), HARNESSES[program])
    assert composer is not None and composer.text == text


def test_a_draft_in_a_box_without_a_status_row_is_a_draft() -> None:
    shown = screen_of(named("opencode", "typed"))
    rows = tuple(row for row in shown.rows if "Build · Stub" not in row)
    composer = find_composer(Screen(rows, rows), HARNESSES["opencode"])
    assert composer is not None and composer.text == "STUB:hang,secs=6 go"


@every_program
def test_the_mark_of_a_large_paste_is_recognised(program: str) -> None:
    spec = HARNESSES[program]
    for capture in of(program):
        if capture.state == "pasted-10kB":
            composer = find_composer(screen_of(capture), spec)
            assert composer is not None and spec.composer is not None
            assert any(mark.fullmatch(composer.text) for mark in spec.composer.paste_marks), composer.text


# The files.


def test_a_file_that_does_not_fit_the_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"notes\.txt: expected the name of a recorded screen"):
        captures(tmp_path, "mine")
    (tmp_path / "notes.txt").rename(tmp_path / "1__idle__80x24.txt")
    (tmp_path / "META.tsv").write_text(
        "1__idle__80x24\tmine|a | title|alt=0|curflag=1|win=x\nbroken\n", encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"META\.tsv:2: expected"):
        captures(tmp_path, "mine")
    (tmp_path / "META.tsv").write_text("1__idle__80x24\tmine|a | title|alt=0|curflag=1|win=x\n", encoding="utf-8")
    (capture,) = captures(tmp_path, "mine")
    assert (capture.command, capture.title, capture.cursor_visible) == ("mine", "a | title", True)
    assert (capture.version, capture.state, capture.columns, capture.rows) == ("1", "idle", 80, 24)
    assert captures(tmp_path.parent, tmp_path.name)[0].name == capture.name
    assert captures(tmp_path / "none", "mine") == ()
