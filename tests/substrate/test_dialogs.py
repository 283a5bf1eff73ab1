"""Which start-up dialog stands on a screen, and which answer is chosen on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loop_orchestrator.harnesses.recorded import RECORDED
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.substrate.dialogs import dialog_of, is_chosen
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screens import parse_ansi
from tests.support.builders import NOW, a_lane
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()
CLAUDE, CODEX = HARNESSES["claude"], HARNESSES["codex"]
TRUST = (RECORDED / "claude/2.1.329__dialog-trust__120x40.ansi").read_text(encoding="utf-8")
KEY = """\
  Detected a custom API key in your environment

  ANTHROPIC_API_KEY: sk-ant-...z0123456789

  Do you want to use this API key?

    Yes
  ❯ No (recommended)

  Enter to confirm · Esc to cancel
"""
OLDER = """\
 Claude Code'll be able to read, edit, and execute files here.

 ❯ 1. Yes, I trust this folder
   2. No, exit

 Enter to confirm · Esc to cancel
"""
COMPOSER = f"{'─' * 60}\n❯\u00a0\n{'─' * 60}\n  ? for shortcuts\n"


def shows(text: str, spec: HarnessSpec = CLAUDE) -> Lane:
    screen = parse_ansi(text)
    return replace(a_lane(), state=classify(screen, spec, NOW, cursor_visible=False), screen=screen.rows)


@pytest.mark.parametrize(("text", "name"), [(TRUST, "trust"), (KEY, "api-key"), (OLDER, "trust")])
def test_a_dialog_is_known_by_its_text_and_the_choice_by_its_glyph(text: str, name: str) -> None:
    lane = shows(text)
    dialog = dialog_of(lane, CLAUDE)
    assert dialog is not None
    assert dialog.name == name
    assert is_chosen(dialog, lane.screen) is (text is OLDER)
    moved = text.replace("❯ No", "  No").replace("  Yes", "❯ Yes") if text is not OLDER else text
    assert is_chosen(dialog, shows(moved).screen)


def test_a_picture_of_a_dialog_in_a_conversation_is_none() -> None:
    assert dialog_of(shows(f"● It looks like this:\n{OLDER}\n{COMPOSER}"), CLAUDE) is None


def test_where_an_agent_asks_as_well_nothing_is_answered() -> None:
    lane = shows(OLDER)
    question = replace(lane.state.evidence[0], detail=Detail.APPROVAL)
    state = replace(lane.state, evidence=(*lane.state.evidence, question))
    assert dialog_of(replace(lane, state=state), CLAUDE) is None
    assert dialog_of(replace(lane, state=a_lane(detail=Detail.APPROVAL).state), CLAUDE) is None


def test_what_is_not_chosen_any_more_is_not_confirmed() -> None:
    dialog = dialog_of(shows(OLDER), CLAUDE)
    assert dialog is not None
    assert not is_chosen(dialog, shows(COMPOSER).screen)


def test_codex_asks_for_trust_in_a_folder_and_only_a_person_trusts_hooks() -> None:
    lane = shows((RECORDED / "codex/0.169.0__dialog-trust__60x15.ansi").read_text(encoding="utf-8"), CODEX)
    trust = dialog_of(lane, CODEX)
    assert trust is not None and (trust.name, trust.confirm) == ("trust", "Enter") and is_chosen(trust, lane.screen)
    back = [row.replace("› 1.", "  1.").replace("  2.", "› 2.") for row in lane.screen]
    assert dialog_of(shows("\n".join(back), CODEX), CODEX) == trust and not is_chosen(trust, back)
    lane = shows((RECORDED / "codex/0.169.0__dialog-hooks-review__120x40.ansi").read_text(encoding="utf-8"), CODEX)
    hooks = dialog_of(lane, CODEX)
    assert hooks is not None and (hooks.name, hooks.confirm) == ("hooks", "")


def test_claude_asks_about_auto_mode_and_only_a_person_answers() -> None:
    text = "  Make auto mode your default\n  permission mode?\n\n  ❯ Yes, set auto mode\n    No\n"
    dialog = dialog_of(shows(text), CLAUDE)
    assert dialog is not None and (dialog.name, dialog.confirm) == ("auto-mode", "")
