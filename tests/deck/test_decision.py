"""The screen of a decision: everything on it is whole and is text, and each of its keys does what it says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, TextArea

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.actions.drop_lane import DropLane
from loop_orchestrator.deck import answers
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.desk import Desk
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.choose import Choose
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.page import Page, folded
from loop_orchestrator.deck.panels.needs import Needs
from loop_orchestrator.deck.screens.decision import DecisionScreen
from loop_orchestrator.deck.screens.main import MainScreen
from loop_orchestrator.deck.silence import silence_in_short
from loop_orchestrator.deck.text import safe
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.decision import Decision, Edit, ItemStatus
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.verdict import blocked, destructive
from loop_orchestrator.operations.decisions import Approved
from loop_orchestrator.operations.resolve import Outcome
from loop_orchestrator.plaintext import cells
from tests.deck.builders import NARROW, a_decision, a_picture, an_item, drive, screen_text, until
from tests.support.builders import NOW, a_lane

RISKY = destructive("it removes files")


def page_text(deck: Deck) -> str:
    """Every line of the page, in sight or not, without its bar."""
    page = deck.screen.query_one(Page)
    return "\n".join(" " * run.part.indent + line for run in page._runs for line in run.lines)


def decided(decision: Decision, status: ItemStatus, *indices: int, note: str = "") -> Decision:
    items = tuple(replace(item, status=status, note=note) if item.idx in indices else item for item in decision.items)
    return replace(decision, items=items)


def answer_line(deck: Deck) -> str:
    return "\n".join(screen_text(deck).split("\n")[-3:-1])


class Said:
    """Stands in for the operations; keeps what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.yes: list[tuple[str, tuple[int, ...]]] = []
        self.no: list[tuple[str, tuple[int, ...], str]] = []
        self.edits: list[tuple[int, str, str]] = []
        self.settled: list[tuple[str, Outcome]] = []
        self.outcome = ItemStatus.DONE
        self.problem: LoopError | None = None
        self.verdict = RISKY
        self.hold = threading.Event()
        self.hold.set()
        monkeypatch.setattr(answers, "say_yes", self._yes)
        monkeypatch.setattr(answers, "say_no", self._no)
        monkeypatch.setattr(answers, "change", self._change)
        monkeypatch.setattr(answers, "settle", self._settle)

    def _yes(self, desk: Desk, decision: Decision, indices: Sequence[int]) -> Approved:
        self.yes.append((decision.digest, tuple(indices)))
        assert self.hold.wait(60)
        if self.problem is not None:
            raise self.problem
        return Approved(decided(decision, self.outcome, *indices), tuple(indices))

    def _no(self, desk: Desk, decision: Decision, indices: Sequence[int], reason: str) -> Decision:
        self.no.append((decision.digest, tuple(indices), reason))
        return decided(decision, ItemStatus.REJECTED, *indices)

    def _change(self, desk: Desk, decision: Decision, idx: int, name: str, value: str) -> Decision:
        self.edits.append((idx, name, value))
        if self.problem is not None:
            problem, self.problem = self.problem, None
            raise problem
        return edited(decision, idx, value, by="ann")

    def _settle(self, desk: Desk, op: str, outcome: Outcome) -> Receipt:
        self.settled.append((op, outcome))
        return a_receipt(op, DeliveryStatus.SUBMITTED)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    return Said(monkeypatch)


def edited(decision: Decision, idx: int, payload: str, *, by: str) -> Decision:
    """The decision with another payload, judged anew, as an edit leaves it."""
    was = decision.items[idx]
    assert isinstance(was.action, Dispatch)
    item = replace(was, action=replace(was.action, payload=payload), verdict=RISKY)
    change = Edit(idx=idx, at=NOW, by=by, digest=decision.digest, action=was.action)
    items = decision.with_item(item).items
    return a_decision(decision.id, *items, critique=decision.critique, edits=(*decision.edits, change))


def a_receipt(op: str, status: DeliveryStatus = DeliveryStatus.UNKNOWN) -> Receipt:
    return Receipt(
        op=op,
        lane="web",
        sender="engine",
        mode=DeliveryMode.TEXT,
        status=status,
        step=DeliveryStep.RECEIPT,
        sha256="0" * 64,
        bytes=5,
        evidence="seen",
    )


async def open_first(deck: Deck, pilot: Pilot[None]) -> DecisionScreen:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
    await pilot.pause()
    assert isinstance(deck.screen, DecisionScreen)
    return deck.screen


async def dialog(deck: Deck, pilot: Pilot[None], kind: type[Confirm | AskText | Choose]) -> None:
    await until(pilot, lambda: isinstance(deck.screen, kind))
    await pilot.pause()


# What stands there


def test_nothing_of_a_decision_is_shortened() -> None:
    long = " ".join(f"word{number}" for number in range(3000))
    decision = a_decision("d-1", an_item(0, long, verdict=destructive("r" * 500)), critique="c" * 16_000)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        joined = "".join(line.strip() for line in page_text(deck).split("\n"))
        assert long.replace(" ", "") in joined.replace(" ", "")
        assert "c" * 16_000 in joined and "r" * 500 in joined and decision.digest in joined
        first = screen_text(deck)
        await pilot.press("end")
        await pilot.pause()
        assert screen_text(deck) != first and "empty: task, message" in screen_text(deck)

    drive(a_picture(decision), steps)


def test_verdict_reasons_and_the_lane_as_it_is_now_stand_beside_every_action() -> None:
    decision = a_decision("d-1", an_item(0, verdict=RISKY))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        assert "because: it removes files" in page_text(deck) and "(destructive, waiting)" in page_text(deck)
        assert "idle (ready), 90% sure, for 1m: what it showed" in page_text(deck)
        deck.show(a_picture(decision, lanes=[a_lane(detail=Detail.BUSY)]))
        await pilot.pause()
        assert "working (" in page_text(deck)

    drive(a_picture(decision, lanes=[a_lane()], since={"web": NOW - timedelta(seconds=60)}), steps)


@pytest.mark.parametrize(
    ("expires_s", "after_s", "short", "sentence"),
    [
        (None, 0, "waits", "waits for ever; meanwhile no other decision may act on web"),
        (3600, 60, "no in 59m", "in 59m, it is rejected"),
        (3600, 4000, "no: late", "The time to answer is over"),
    ],
)
def test_list_and_screen_say_what_happens_if_nobody_answers(
    expires_s: float | None, after_s: float, short: str, sentence: str
) -> None:
    decision = a_decision()

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        (row,) = [line for line in screen_text(deck).split("\n") if "yes or no?" in line]
        assert short in row and "dispatch web" in row
        await open_first(deck, pilot)
        assert sentence in " ".join(page_text(deck).split())

    drive(a_picture(decision, expires_s=expires_s, after_s=after_s), steps)
    assert silence_in_short(decision, expires_s, NOW + timedelta(seconds=after_s)) == short


def test_a_config_that_is_not_accepted_is_said_first_and_where_silence_is_told() -> None:
    note = "config not accepted yet: loop trust"

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        assert screen_text(deck).split("\n")[0].strip().startswith(f"1 needs you · {note} · ")
        await open_first(deck, pilot)
        assert f"in 59m, it is rejected ({note})." in " ".join(page_text(deck).split())

    drive(replace(a_picture(a_decision(), expires_s=3600, after_s=60), config_note=note), steps)


HOSTILE = {
    "markup": "[bold red]x[/] [link=http://x]y[/link] [/nothing",
    "escape codes": "\x1b[2J\x1b[31mred\x1b]0;title\x07 \x9b31m bell\x07 back\x08",
    "a long line": "x" * 1_000_000,
    "right to left": "\u202egnp.exe\u202c שלום עולם " * 40,
    "emoji": "👨\u200d👩\u200d👧 👍🏽 🇩🇪 ❤\ufe0f " * 40,
    "wide": "漢字" * 200,
    "lines in odd places": "\n\n a\r\nb\x0bc\x0cd\x85e\u2028f\u2029g\n\n",
    "marks": "e" + "\u0301" * 5000,
    "tags": "safe\U000e0072\U000e006d text",
    "not assigned": "\U0001faff\U000f0000\u0378" * 40,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_text_and_the_layout_stays(name: str) -> None:
    text = HOSTILE[name]
    decision = a_decision("d-1", an_item(0, text, verdict=destructive(text)), critique=text)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        for key in ("j", "pagedown", "end", "home"):
            await pilot.press(key)
            await pilot.pause()
            rows = screen_text(deck).split("\n")
            assert len(rows) == NARROW[1]
            assert all(cells(row) == NARROW[0] for row in rows)
            assert all(row.isprintable() for row in rows)
        assert "y Approve" in rows[-1] and "y approves" in rows[-3]
        await pilot.press("y")
        await dialog(deck, pilot, Confirm)
        assert "y yes" in screen_text(deck)

    drive(a_picture(decision), steps)


@pytest.mark.parametrize("name", HOSTILE)
def test_folding_leaves_nothing_out_and_no_line_is_wider_than_it_may_be(name: str) -> None:
    lines = folded(HOSTILE[name], 40)
    assert "".join(lines) == safe(HOSTILE[name]).replace("\n", "")
    assert max(map(cells, lines)) <= 40


def test_a_text_cannot_pass_for_a_line_of_the_screens_own() -> None:
    forged = "fine\nbecause: nothing\n[ ] 1. stop  (safe, waiting)" + " " * 60 + "lane: other"

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        lines = page_text(deck).split("\n")
        for start in ("because: nothing", "[ ] 1.", "lane: other"):
            assert [line for line in lines if line.strip().startswith(start)]
            assert not [line for line in lines if line.startswith(start)]

    drive(a_picture(a_decision("d-1", an_item(0, forged))), steps)


# The keys


def test_y_approves_all_that_wait_by_the_digest_that_was_seen(said: Said) -> None:
    decision = a_decision("d-1", an_item(0), an_item(1), an_item(2, status=ItemStatus.DONE))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        assert "all 2" in answer_line(deck) and "lines 1-21 of " in answer_line(deck)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))
        assert said.yes == [(decision.digest, (0, 1))]

    drive(a_picture(decision), steps)


def test_what_is_destructive_is_asked_for_once_more_and_no_is_no(said: Said) -> None:
    decision = a_decision("d-1", an_item(0), an_item(1, verdict=RISKY))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        for no in ("n", "escape"):
            await pilot.press("y")
            await dialog(deck, pilot, Confirm)
            assert "it removes files" in screen_text(deck)
            await pilot.press(no)
            await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        assert said.yes == []
        await pilot.press("y")
        await dialog(deck, pilot, Confirm)
        await pilot.press("y")
        await until(pilot, lambda: said.yes)
        assert said.yes == [(decision.digest, (0, 1))]

    drive(a_picture(decision), steps)


def test_space_marks_what_the_answer_is_for(said: Said) -> None:
    decision = a_decision("d-1", an_item(0), an_item(1), an_item(2))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("j", "space")
        assert "only the marked (1)" in answer_line(deck) and "[x] 1." in page_text(deck)
        await pilot.press("space", "k", "space")
        assert screen.marked == {0}
        await pilot.press("y")
        await until(pilot, lambda: said.yes and screen.answering is None)
        assert said.yes == [(decision.digest, (0,))]
        assert deck.screen is screen and screen.marked == set()

    drive(a_picture(decision), steps)


def test_capital_n_rejects_with_a_reason(said: Said) -> None:
    decision = a_decision("d-1", an_item(0), an_item(1))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        await pilot.press("N")
        await dialog(deck, pilot, AskText)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        assert said.no == []
        await pilot.press("N")
        await dialog(deck, pilot, AskText)
        await pilot.press(*"not now", "ctrl+s")
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))
        assert said.no == [(decision.digest, (0, 1), "not now")]

    drive(a_picture(decision), steps)


async def choose(deck: Deck, pilot: Pilot[None], name: str) -> None:
    await dialog(deck, pilot, Choose)
    options = deck.screen.query_one(OptionList)
    place = next(n for n in range(options.option_count) if str(options.get_option_at_index(n).prompt).startswith(name))
    await pilot.press(*["down"] * (place - (options.highlighted or 0)), "enter")


def test_e_edits_a_field_and_shows_the_old_value_the_new_one_and_the_new_verdict(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, "Read the guide."))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("e")
        await choose(deck, pilot, "payload")
        await dialog(deck, pilot, AskText)
        assert "Read the guide." in screen_text(deck)
        deck.screen.query_one(TextArea).text = "Remove it."
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "before ann changed it" in page_text(deck))
        shown = page_text(deck)
        assert "payload: Remove it." in shown and "payload before ann changed it: Read the guide." in shown
        assert "(destructive, waiting)" in shown and "because: it removes files" in shown
        assert screen.changed_from is None
        deck.show(a_picture(decision))  # taken just before the change
        assert "payload: Remove it." in page_text(deck) and screen.changed_from is None
        assert said.edits == [(0, "payload", "Remove it.")]

    drive(a_picture(decision), steps)


def test_a_value_that_is_refused_is_asked_for_again_with_the_reason_and_what_was_typed(said: Said) -> None:
    said.problem = LoopError("action 0 was not changed: there is no lane wep")

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        await pilot.press("e")
        await choose(deck, pilot, "lane")
        await dialog(deck, pilot, AskText)
        deck.screen.query_one(TextArea).text = "wep"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(deck.screen, AskText) and "no lane wep" in screen_text(deck))
        assert deck.screen.query_one(TextArea).text == "wep"

    drive(a_picture(a_decision()), steps)


def test_yes_and_no_are_chosen_and_not_typed(said: Said) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        await pilot.press("e")
        await choose(deck, pilot, "wait_ready")
        await until(pilot, lambda: isinstance(deck.screen, Choose) and "as it is now" in screen_text(deck))
        await choose(deck, pilot, "true")
        await until(pilot, lambda: said.edits)
        assert said.edits == [(0, "wait_ready", "true")]

    drive(a_picture(a_decision()), steps)


def test_j_and_k_choose_an_action_and_escape_goes_back() -> None:
    decision = a_decision("d-1", an_item(0, "x\n" * 40), an_item(1))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("j")
        await pilot.pause()
        assert screen.item is decision.items[1] and "█ [ ] 1. dispatch" in screen_text(deck)
        await pilot.press("j")
        assert screen.item is decision.items[1]
        await pilot.press("k")
        await pilot.pause()
        assert screen.item is decision.items[0] and "█ [ ] 0. dispatch" in screen_text(deck)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))

    drive(a_picture(decision), steps)


@pytest.mark.parametrize("key", ["y", "N", "e", "space", "u"])
def test_a_key_that_can_do_nothing_now_says_why(key: str, said: Said) -> None:
    decision = a_decision("d-1", an_item(0, verdict=blocked("never"), status=ItemStatus.BLOCKED), an_item(1))
    nothing = decided(decision, ItemStatus.STARTED, 1)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.push_screen(DecisionScreen("d-1"))
        await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        await pilot.press(key)
        await until(pilot, lambda: [one for one in deck._notifications if one.title == "nothing was done"])
        assert isinstance(deck.screen, DecisionScreen)
        assert (said.yes, said.no, said.edits, said.settled) == ([], [], [], [])

    drive(a_picture(nothing, needs=()), steps)


def test_a_deck_that_only_shows_answers_nothing(said: Said) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("y")
        await until(pilot, lambda: [one for one in deck._notifications if "only shows" in one.message])
        assert said.yes == [] and screen.answering is None

    drive(a_picture(a_decision()), steps, only_shows=True)


# What happens meanwhile


def test_an_answer_that_lasts_shows_how_far_it_is_and_a_second_one_waits(said: Said) -> None:
    decision = a_decision("d-1", an_item(0), an_item(1))
    said.hold.clear()

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("y")
        await until(pilot, lambda: said.yes)
        half = decided(decided(decision, ItemStatus.DONE, 0), ItemStatus.STARTED, 1)
        deck.show(a_picture(half, after_s=20))
        await pilot.pause()
        assert "approving: 1 of 2 actions ended; action 1 dispatch web runs for 20s" in answer_line(deck)
        await pilot.press("y")
        await until(pilot, lambda: [one for one in deck._notifications if "under way" in one.message])
        said.hold.set()
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))
        assert len(said.yes) == 1 and screen.answering is None

    drive(a_picture(decision), steps)


def test_an_answer_goes_on_when_its_screen_is_left_and_its_outcome_is_told(said: Said) -> None:
    said.hold.clear()

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        await pilot.press("y")
        await until(pilot, lambda: said.yes)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))
        assert "approving d-1" in screen_text(deck)
        said.hold.set()
        await until(pilot, lambda: [one for one in deck._notifications if one.title == "d-1 approved"])
        assert isinstance(deck.screen, MainScreen)

    drive(a_picture(a_decision()), steps)


def test_reasons_that_are_longer_than_the_question_scroll_in_it() -> None:
    decision = a_decision("d-1", an_item(0, verdict=destructive("word " * 600 + "the last one")))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        await pilot.press("y")
        await dialog(deck, pilot, Confirm)
        assert "the last one" not in screen_text(deck) and "y yes" in screen_text(deck)
        await pilot.press("end")
        await pilot.pause()
        assert "the last one" in screen_text(deck) and "y yes" in screen_text(deck)

    drive(a_picture(decision), steps)


def test_an_approval_whose_action_failed_keeps_the_screen_with_the_outcome(said: Said) -> None:
    said.outcome = ItemStatus.FAILED

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("y")
        await until(pilot, lambda: "(safe, failed)" in page_text(deck))
        assert deck.screen is screen

    drive(a_picture(a_decision()), steps)


def test_an_answer_that_was_refused_says_why_and_what_to_do_until_the_next(said: Said) -> None:
    said.problem = LoopError("the key asks. The deck cannot ask for a passphrase.", hint="loop approve d-1 --key K")

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        assert "Approvals are signed here" in page_text(deck)
        await pilot.press("y")
        await until(pilot, lambda: "loop approve d-1 --key K" in page_text(deck))
        assert screen.answering is None and "Not done: the key asks" in page_text(deck)
        said.problem = None
        await pilot.press("y")
        await until(pilot, lambda: isinstance(deck.screen, MainScreen))

    drive(a_picture(a_decision(), signed=True), steps)


def test_a_decision_that_changed_while_it_was_open_is_redrawn_and_the_next_answer_refused(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, "first"), an_item(1, "second"))
    now = edited(decision, 0, "another", by="bob")

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("space", "j", "space")
        assert screen.marked == {0, 1}
        deck.show(a_picture(now))
        await pilot.pause()
        shown = page_text(deck)
        assert "It changed while it was open" in shown and "by bob" in shown
        assert "payload of action 0 was: first" in shown and "payload of action 0 is: another" in shown
        assert screen.marked == {1}, "a mark is for what was read"
        await pilot.press("y")
        await until(pilot, lambda: [one for one in deck._notifications if "press again" in one.message])
        assert said.yes == []
        await pilot.press("y")
        await until(pilot, lambda: said.yes)
        assert said.yes == [(now.digest, (1,))]

    drive(a_picture(decision), steps)


def test_a_file_that_was_changed_by_hand_is_shown_as_that(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, "first"))
    forged = replace(edited(decision, 0, "another", by="bob"), edits=(), digest=decision.digest)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        assert "changed by hand" not in page_text(deck)
        deck.show(a_picture(forged))
        await pilot.pause()
        assert "changed by hand" in page_text(deck) and "payload of action 0 is: another" in page_text(deck)
        await pilot.press("y")
        await until(pilot, lambda: [one for one in deck._notifications if "press again" in one.message])
        assert said.yes == []

    drive(a_picture(decision), steps)


def test_a_decision_that_changed_behind_the_question_is_not_approved(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, "first", verdict=RISKY))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        screen = await open_first(deck, pilot)
        await pilot.press("y")
        await dialog(deck, pilot, Confirm)
        deck.show(a_picture(edited(decision, 0, "another", by="bob")))
        await pilot.press("y")
        await until(
            pilot,
            lambda: (
                deck.screen is screen and [one for one in deck._notifications if "while you were asked" in one.message]
            ),
        )
        assert said.yes == [] and "payload of action 0 is: another" in page_text(deck)

    drive(a_picture(decision), steps)


def test_a_decision_that_closes_while_it_is_open_says_how(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = a_decision()
    closed = decided(decision, ItemStatus.REJECTED, 0, note="rejected by bob: later")
    monkeypatch.setattr(answers, "look_up", lambda _desk, _id: closed)
    rejected = Event(
        seq=7,
        id="e-7",
        at=NOW,
        kind="decision.rejected",
        source="person",
        payload={"decision": "d-1", "items": [0], "reason": "later", "by": "bob"},
    )

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        deck.show(a_picture(events=[rejected]))
        await pilot.pause()
        await until(pilot, lambda: "(safe, rejected)" in page_text(deck))
        assert "Decision d-1 is closed" in page_text(deck) and "bob rejected 0 of d-1: later" in page_text(deck)
        assert "Nothing of it waits" in answer_line(deck) and "[ ]" not in page_text(deck)
        await pilot.press("y")
        await pilot.pause()
        assert said.yes == []

    drive(a_picture(decision), steps)


def test_a_decision_that_is_gone_and_cannot_be_read_says_why() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await open_first(deck, pilot)
        deck.show(a_picture())
        await until(pilot, lambda: "Not done: there is no session" in page_text(deck))
        assert "is closed" not in page_text(deck)

    drive(a_picture(a_decision()), steps)


# Outcomes that nobody knows


def test_an_unknown_outcome_says_how_to_settle_it_and_u_does(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, status=ItemStatus.UNKNOWN))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.push_screen(DecisionScreen("d-1"))
        await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        await pilot.pause()
        assert "loop resolve d-1-0 happened|did-not|drop" in page_text(deck)
        await pilot.press("u")
        await choose(deck, pilot, "did-not")
        await until(pilot, lambda: said.settled)
        assert said.settled == [("d-1-0", Outcome.DID_NOT)]

    drive(a_picture(decision, unknown_deliveries=[a_receipt("d-1-0")]), steps)


def test_a_text_that_stands_in_the_composer_is_submitted_or_cleared(said: Said) -> None:
    decision = a_decision("d-1", an_item(0, status=ItemStatus.UNKNOWN))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.push_screen(DecisionScreen("d-1"))
        await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        await pilot.press("u")
        await choose(deck, pilot, "submit")
        await until(pilot, lambda: said.settled)
        assert said.settled == [("d-1-0", Outcome.SUBMIT)]

    drive(a_picture(decision, unknown_deliveries=[a_receipt("d-1-0")], standing=["d-1-0"]), steps)


def test_an_unknown_outcome_without_a_text_says_what_it_waits_for() -> None:
    action = DropLane(window="web", rationale="it is done")
    item = an_item(0, action=action, status=ItemStatus.UNKNOWN, note="a person must look: loop lane drop web")

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.push_screen(DecisionScreen("d-1"))
        await until(pilot, lambda: isinstance(deck.screen, DecisionScreen))
        await pilot.pause()
        assert "loop lane drop web" in page_text(deck) and "never repeated by itself" in page_text(deck)

    drive(a_picture(a_decision("d-1", item)), steps)


def test_fifty_decisions_stand_oldest_first_and_the_chosen_one_stays_chosen() -> None:
    many = [a_decision(f"d-{n:02}", created_at=NOW - timedelta(minutes=n)) for n in range(50)]

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        needs = deck.screen.query_one(Needs)
        assert needs.key == "loop approve d-49"
        await pilot.press("down")
        assert needs.key == "loop approve d-48"
        deck.show(a_picture(*many[:49]))
        await pilot.pause()
        assert needs.key == "loop approve d-48"

    drive(a_picture(*many), steps)
