"""`loop hooks`: shown, agreed to, written, and taken out again exactly."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout
from tests.cli.conftest import Loop
from tests.stores.builders import lane as a_record

OWN = '{\n    "model": "x",\n    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say"}]}]}\n}\n'


@pytest.fixture
def settings(shop: Path) -> Path:
    """The user's settings of Claude Code, which nobody has written yet."""
    path = Path(os.environ["HOME"]) / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    return path


def test_nothing_is_written_unless_somebody_agrees(loop: Loop, settings: Path) -> None:
    settings.write_text(OWN)
    ran = loop("hooks", "install", "claude")
    assert ran.code == 1
    assert "+++ " in ran.err and "lane-signal --from-hook claude" in ran.err
    assert settings.read_text() == OWN


def test_what_is_installed_is_removed_letter_by_letter(loop: Loop, settings: Path) -> None:
    settings.write_text(OWN)
    settings.chmod(0o640)
    assert loop("hooks", "install", "claude", "--yes").code == 0
    installed = settings.read_text()
    assert (settings.stat().st_mode & 0o777, settings.with_name("settings.json.before-loop").read_text()) == (
        0o640,
        OWN,
    )
    assert json.loads(installed)["hooks"]["Stop"][0] == {"hooks": [{"type": "command", "command": "say"}]}
    again = loop("hooks", "install", "claude", "--yes")
    assert (again.code, again.out, settings.read_text()) == (0, "nothing to do: they are installed\n", installed)
    assert loop("hooks", "remove", "claude", "--yes").code == 0
    assert settings.read_text() == OWN
    assert [path.name for path in settings.parent.iterdir()] == ["settings.json"]


def test_a_file_that_was_made_for_hooks_goes_with_them(loop: Loop, settings: Path) -> None:
    assert loop("hooks", "install", "claude", "--yes", "--json").document["changed"] is True
    assert settings.stat().st_mode & 0o777 == 0o600
    assert loop("hooks", "remove", "claude", "--yes").code == 0
    assert not settings.exists()
    assert loop("hooks", "remove", "claude").out == "nothing to do: they are not installed\n"


def test_what_somebody_changed_meanwhile_stays(loop: Loop, settings: Path) -> None:
    settings.write_text('{"model": "x"}')
    loop("hooks", "install", "claude", "--yes")
    changed = json.loads(settings.read_text())
    changed["model"] = "y"
    settings.write_text(json.dumps(changed))
    ran = loop("hooks", "remove", "claude", "--yes")
    assert ran.code == 0
    assert json.loads(settings.read_text()) == {"model": "y"}
    copy = settings.with_name("settings.json.before-loop")
    assert str(copy) in ran.out and copy.read_text() == '{"model": "x"}'


def test_the_project_has_settings_of_its_own(loop: Loop, settings: Path, shop: Path) -> None:
    document = loop("hooks", "install", "codex", "--project", "--yes", "--json").document
    assert document["file"] == str(shop / ".codex" / "hooks.json")
    assert not settings.exists()
    files = loop("hooks", "show", "codex", "--json").document["hooks"][0]["files"]  # type: ignore[index,call-overload]
    assert [(file["scope"], file["installed"]) for file in files] == [("user", "no"), ("project", "yes")]  # type: ignore[index,call-overload,union-attr]


def test_another_folder_of_the_program_is_honoured(
    loop: Loop, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert loop("hooks", "install", "claude", "--yes").code == 0
    assert (tmp_path / "elsewhere" / "settings.json").exists()


def test_a_link_stays_a_link(loop: Loop, settings: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}\n")
    settings.symlink_to(real)
    assert loop("hooks", "install", "claude", "--yes").code == 0
    assert settings.is_symlink() and "lane-signal" in real.read_text()
    assert loop("hooks", "remove", "claude", "--yes").code == 0
    assert real.read_text() == "{}\n"


@pytest.mark.parametrize("words", [("install",), ("remove",), ("show",)])
def test_broken_settings_are_reported_with_their_place_and_left_alone(
    loop: Loop, settings: Path, words: tuple[str, ...]
) -> None:
    settings.write_text('{\n  "model": x\n}\n')
    ran = loop("hooks", *words, "claude", *(["--yes"] if words != ("show",) else []))
    assert ran.code == 1
    assert f"{settings}:2:12: " in ran.err
    assert settings.read_text() == '{\n  "model": x\n}\n'


def test_an_agent_may_not_change_hooks(loop: Loop, settings: Path, shop: Path) -> None:
    LaneStore(Layout(shop, "shop")).put(replace(a_record("web"), pane_pid=os.getpid()))
    for word in ("install", "remove"):
        ran = loop("hooks", word, "claude", "--yes")
        assert ran.code == 1
        assert "an agent may not change the hooks" in ran.err
    assert not settings.exists()


def test_what_is_known_is_shown_and_a_misspelt_name_names_the_nearest(loop: Loop, settings: Path) -> None:
    out = loop("hooks", "show").out
    assert all(f"\n{name}:" in f"\n{out}" for name in ("claude", "codex", "gemini", "qwen"))
    shown = loop("hooks", "show", "claude").out
    assert "PermissionRequest" in shown and "rate-limited where error is rate_limit" in shown
    ran = loop("hooks", "install", "claud")
    assert ran.code == 2
    assert "did you mean claude?" in ran.err
