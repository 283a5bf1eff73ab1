"""What keeps an empty composer from meaning ready, and what a user's pattern may say, for programs nobody knows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from loop_orchestrator.model.harness import ComposerRule, Frame, HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, LaneState
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import find_composer
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screenrules import RereadScreens, screen_signals
from tests.support.builders import NOW

LINE = "─" * 60
AGENT = HarnessSpec(
    name="some",
    title="Some",
    kind=HarnessKind.AGENT,
    launch=("some",),
    composer=ComposerRule(line=re.compile(r"^> ?(?P<text>.*)$"), frame=Frame.LINES, below=4),
)
HOMELY = replace(AGENT, composer=None, idle_home=(re.compile("(?m)^ready> *$"),))


def read(*rows: str, spec: HarnessSpec = AGENT, title: str = "", cursor: bool | None = None) -> LaneState:
    return classify(Screen(rows, rows), spec, NOW, title=title, cursor_visible=cursor)


def around(*above: str, below: tuple[str, ...] = ("  some 1 · /project",), typed: str = "") -> tuple[str, ...]:
    return ("  earlier", "", *above, "", LINE, f"> {typed}", LINE, *below, "")


SIGNS = (
    "✻ Reticulating… (4s · ↓ 15 tokens)",
    "⠧ Thinking",
    "── ⠧ Working ──────────────",
    " * Compacting conversation...",
    "Working (12s • esc to interrupt)",
    "press escape to cancel",
    "■■■⬝⬝⬝⬝  esc interrupt",
    "API error · retrying in 5s · attempt 4/10",
    "Overloaded, reconnecting 1/5",
    "3 queued messages",
    "Do you want to proceed?",
    "❯ 1. Yes",
    "› 2. No, and tell it why (esc)",
    "Run it? (y/n)",
    "Run shell command? (Y)es/(N)o [Yes]:",
    "Enter to select · ↑/↓ to navigate · Esc to cancel",
    "Press Enter to continue",
    "Allow once   Allow always   Reject",
    "● API Error: 500 internal",
    " Error: 429: {}",
    "✕ something went wrong",
    "■ stream disconnected",
    "litellm.AuthenticationError: no",
    "  ⎿  Invalid API key · Please run /login",
    "You've hit your limit · resets 3pm",
    "5-hour limit reached ∙ resets 3pm",
    "Your credit balance is too low",
    "unexpected status 401 Unauthorized",
    "You exceeded your current quota",
    "Not logged in",
    "Connection refused",
    "There's an issue with the selected model (x)",
    "· 思考中 (12s · esc 取消)",
    "● 错误: 429",
    "Navigate: ↑/↓   Resume: Enter",
)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_above_or_below_an_empty_composer_is_not_ready_and_says_why(sign: str) -> None:
    for screen in (around(sign), around("● an answer", sign), around(below=("  some 1", sign))):
        state = read(*screen)
        assert state.detail is Detail.DRIFTED, screen
        assert sign.split()[-1] in state.evidence[0].seen


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_further_up_is_conversation(sign: str) -> None:
    assert read(*around(sign, "", "● All done.")).detail is Detail.READY


@pytest.mark.parametrize("sign", ["● API Error: 500 internal", " Error: 429: {}", "✕ something went wrong"])
@pytest.mark.parametrize("recap", ["✻ Cooked for 0s", "  Worked for 10s • 19:16", "▣  Build · model · 9.0s"])
def test_the_line_that_says_how_long_a_turn_took_does_not_hide_its_failure(sign: str, recap: str) -> None:
    assert read(*around(sign, "", recap)).detail is Detail.DRIFTED
    assert read(*around(sign, "", "● All done.", "", recap)).detail is Detail.READY


def test_a_menu_below_an_empty_composer_or_in_its_place_is_not_idle() -> None:
    assert read(*around(below=("  → Dark mode", "    Light mode"))).detail is Detail.DRIFTED
    menu = ("", "→ one", "  two", "  (1/9)", "  Enter to select · Esc to cancel")
    assert read("", LINE, "> ", *menu, LINE, "  some 1").detail is Detail.DRIFTED
    assert read("", LINE, "> write", "", "- a list", "- of things (1/9)", LINE, "  some 1").detail is Detail.DRAFT


def test_where_the_cursor_is_tells_where_the_keys_go() -> None:
    spec = replace(AGENT, shows_cursor=True)
    box = ("     word", "", "   ┃   Settings          esc  ", "", "   ┃   Search", "", "  some text")
    shown = Screen(around(*box), around(*box))
    row = next(index for index, text in enumerate(shown.rows) if text.startswith(">"))

    def at(cursor_row: int | None, *, visible: bool | None = True) -> Detail:
        return classify(shown, spec, NOW, cursor_visible=visible, cursor_row=cursor_row).detail

    assert at(row) is Detail.READY
    assert at(3) is at(row, visible=False) is at(None) is at(row, visible=None) is Detail.DRIFTED
    assert read(*shown.rows).detail is Detail.DRIFTED


def test_completions_are_no_part_of_the_footer_and_their_rows_no_signs() -> None:
    assert AGENT.composer is not None
    spec = replace(AGENT, composer=replace(AGENT.composer, completions=(re.compile(r"^[*+] \S"),)))
    listed = tuple(f"* entry{number} does this…" for number in range(9))
    assert read(*around(below=listed, typed="@"), spec=spec).detail is Detail.DRAFT
    assert read(*around(below=listed, typed="see @ent"), spec=spec).detail is Detail.DRAFT
    assert read(*around(below=listed[:3], typed="see"), spec=spec).detail is Detail.DRIFTED
    assert read(*around(below=listed, typed="@")).detail is Detail.DRIFTED


def test_a_sign_that_wraps_is_a_sign() -> None:
    state = read(*around(below=("  some 1 · a long footer · esc to", "  interrupt")))
    assert state.detail is Detail.DRIFTED


@pytest.mark.parametrize(
    "answer",
    [
        ("● I fixed the handling of 401 and of rate limits; see src/auth.py.", "  Tests pass."),
        ("● Done. Would you like me to go on with T0002?",),
        ("✻ Churned for 12s · done 6:59 PM",),
        ("  1. first", "  2. second"),
        ("● The menu now says yes or no.", "  Retries are counted."),
        ("  Worked for 10s • 19:16",),
        ("● The error came from a missing file, which I added.",),
        ("● Rate limiting now works: the second request is refused (12s).", "  No test failed"),
        ("● I added retrying of failed requests, with a queue of messages to send.",),
        ("  - Unauthorized requests are refused", "  - Users who are not logged in see the page", "  - and so on…"),
        ("● The context window is drawn again; it returns status 404 now.",),
        ("● Shall I proceed?",),
        ("  The function was overloaded; the API key is read from the environment.",),
    ],
)
def test_an_answer_that_speaks_of_such_things_is_an_answer(answer: tuple[str, ...]) -> None:
    assert read(*around(*answer)).detail is Detail.READY


def test_a_draft_beside_a_sign_is_not_known_to_be_idle_and_what_is_drafted_is_no_sign() -> None:
    assert read(*around(typed="Press Enter to continue, (y/n)?")).detail is Detail.DRAFT
    assert read(*around(below=("  tab to queue message",), typed="more")).detail is Detail.DRIFTED


def test_a_title_may_be_the_only_sign() -> None:
    for title in ("⠧ work", "[ ! ] Action Required | work", "✦  Working… (work)"):
        assert read(*around(), title=title).detail is Detail.DRIFTED
    assert read(*around(), title="✳ some").detail is Detail.READY


def test_rows_that_the_data_calls_harmless_are_no_signs_and_hide_none() -> None:
    spec = replace(AGENT, harmless=(re.compile("^■ Interrupted"), re.compile("^▣ ")))
    assert read(*around("■ Interrupted by you"), spec=spec).detail is Detail.READY
    assert read(*around("✕ went wrong", "", "▣ model"), spec=spec).detail is Detail.DRIFTED


def test_a_users_pattern_says_idle_weakly_and_only_where_nothing_speaks_against_it() -> None:
    state = read("banner", "ready>", spec=HOMELY)
    assert state.detail is Detail.READY and state.confidence < 0.5
    assert read("banner", "ready>", "⠧ Thinking", spec=HOMELY).detail is Detail.DRIFTED
    assert read("banner", spec=HOMELY).detail is Detail.DRIFTED
    assert read(*around(), spec=replace(HOMELY, composer=AGENT.composer, idle_home=())).detail is Detail.READY


def test_a_program_that_prints_line_by_line_has_its_composer_at_the_end() -> None:
    rule = ComposerRule(line=re.compile(r"^> ?(?P<text>.*)$"), frame=Frame.UNDER)
    spec = replace(AGENT, composer=rule, hides_cursor=True)
    assert read("hello", LINE, "> ", "", spec=spec).detail is Detail.READY
    assert read("hello", LINE, "> one", "> ", spec=spec).detail is Detail.DRAFT
    assert read("hello", LINE, "> one", "", "an answer", spec=spec).detail is Detail.DRIFTED
    assert read("hello", LINE, "> ", spec=spec, cursor=False).detail is Detail.BUSY
    assert read("> quoted", "> ", spec=spec).detail is Detail.DRIFTED


def test_a_composer_between_lines_is_the_lowest_and_may_hold_blank_rows_and_a_label_above() -> None:
    shown = ("── label ─" + "─" * 30, "> one", "", "  two", LINE, "  footer")
    screen = Screen(("> not this", LINE, "> nor this", LINE, *shown), ("> not this", LINE, "> nor this", LINE, *shown))
    composer = find_composer(screen, AGENT)
    assert composer is not None and composer.text == "one\n\ntwo" and composer.first == 5
    cut = Screen(shown[1:], shown[1:])
    assert find_composer(cut, AGENT) is None


def test_a_composer_between_a_question_and_a_row_of_help_ends_the_screen() -> None:
    rule = ComposerRule(line=re.compile(r"^(?:What now\?|Esc Enter: send)(?P<text>)$"), frame=Frame.FENCED)
    spec = replace(AGENT, composer=rule)

    def text(*rows: str) -> str | None:
        composer = find_composer(Screen(rows, rows), spec)
        return None if composer is None else composer.text

    assert text("What now?", "", "", "Esc Enter: send", "") == ""
    assert text("What now?", "one", "", "  two", "", "Esc Enter: send") == "one\n\n  two"
    assert text("What now?", "one", "an answer") is None
    assert text("What now?", "Esc Enter: send") is None


def test_a_screen_that_is_read_again_says_the_same_at_the_time_of_the_look() -> None:
    again, later = RereadScreens(), NOW + timedelta(seconds=5)
    for rows in (around(), around("Working…"), around(typed="draft")):
        screen = Screen(rows, rows)
        for title, row in (("", None), ("other", None), ("other", 3)):
            for at in (NOW, later):
                expected = screen_signals(screen, title, AGENT, at, booting=False, cursor_row=row)
                assert again(screen, title, AGENT, at, booting=False, cursor_row=row) == expected
