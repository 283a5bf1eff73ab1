"""What is wrong is said where a person looks, with what to do; once it is mended, the deck goes on by itself."""

from __future__ import annotations

from tests.flows.conftest import Boot
from tests.flows.test_deck_decisions import decided, deck, press, see, shown, type_text
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, api: {harness: actor}}"


def write_config(scratch: Scratch, text: str) -> str:
    """Put another config in the place of the one that is returned."""
    path = scratch.root / "lane-config.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return before


def test_a_config_that_nobody_accepted_lets_nothing_run_and_the_deck_says_what_to_do(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = decided(scratch, "T0001")
    with deck(scratch):
        see(scratch, "yes or no?")
        press(scratch, "Enter")
        see(scratch, "y approves and N rejects action 0")
        write_config(scratch, f"lanes: {LANES}\nengine: {{approval: full}}\n")
        press(scratch, "y")
        screen = see(scratch, "Not done: the config of", "is not accepted on this machine", "loop trust, at a terminal")
        assert "▌" not in screen, "a notice lies over what the screen says"
        assert not scratch.events("decision.approved", "item.started")
        code, said = scratch.person("trust", "--accept")
        assert code == 0, said
        press(scratch, "y")
        see(scratch, "LANE", "STATE")
    (approved,) = scratch.events("decision.approved")
    assert approved.payload["decision"] == decision


def test_a_deck_over_a_broken_config_says_which_line_and_goes_on_once_it_is_mended(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    good = write_config(scratch, "lanes: 7\n")
    with deck(scratch):
        screen = see(scratch, "not seen: lane-config.yaml:1: lanes: expected", "the first line says why")
        assert "Nothing needs you" not in screen and "No lane runs" not in screen
        press(scratch, "n")
        see(scratch, "no lane can be added now", "lane-config.yaml:1")
        write_config(scratch, good)
        see(scratch, "nothing needs you", "web ○ ready", "api ○ ready")
        press(scratch, "n")
        see(scratch, "A new lane", "Enter shows what can run in it")
        type_text(scratch, "tom")
        see(scratch, "Name tom")
        press(scratch, "Tab", "Enter")
        see(scratch, "actor: Rehearsal")


def test_lanes_that_are_gone_say_so_with_what_to_do_and_are_there_again_after_it(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    with deck(scratch):
        see(scratch, "web ○ ready")
        scratch.tmux("kill-server")
        see(scratch, "2 need you", "web ✗ missing", "lane api is gone")
        press(scratch, "Enter")
        see(scratch, "✗ missing", "In a terminal: loop up")
        press(scratch, "R")
        see(scratch, "Start the program of", "y yes")
        press(scratch, "y")
        see(scratch, "was not restarted", "loop up")
        code, said = scratch.person("up", "--no-attach", "--boot-check", "30")
        assert code == 0, said
        eventually(lambda: "In a terminal" not in shown(scratch), limit_s=30, what="the lane is there again")
        press(scratch, "Escape")
        see(scratch, "nothing needs you", "web ○ ready", "api ○ ready")


def test_without_an_engine_the_deck_shows_sends_and_says_what_does_not_come(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    with deck(scratch):
        see(scratch, "engine off", "web ○ ready")
        press(scratch, "c")
        see(scratch, "a cycle was asked for", "no engine runs", "loop watch")
        press(scratch, "Escape")
        eventually(lambda: "a cycle was asked for" not in shown(scratch), limit_s=30, what="Esc takes the notice away")
        press(scratch, "p")
        see(scratch, "the engine is paused", "no cycle starts until p is pressed")
        see(scratch, "· engine pause")  # in the first line, which is cut there
        press(scratch, "p")
        see(scratch, "the engine goes on")
        press(scratch, "s")
        see(scratch, "Steer web")
        type_text(scratch, "without an engine")
        see(scratch, "without an engine")
        press(scratch, "C-s")
        eventually(lambda: scratch.events("delivery.closed"), limit_s=30, what="the text is sent")
    told = [event.kind for event in scratch.events("engine.paused", "engine.resumed")]
    assert told == ["engine.paused", "engine.resumed"]


def test_a_session_that_was_never_booted_says_how_to(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    scratch.tmux("set-environment", "-g", "LOOP_SESSION", "another", socket="person")
    with deck(scratch):
        see(scratch, "No lane runs.", "loop up boots those of the config")
        scratch.env["LOOP_SESSION"] = "another"
        code, said = scratch.person("up", "--no-attach", "--boot-check", "30")
        assert code == 0, said
        see(scratch, "web ○ ready", "api ○ ready")
