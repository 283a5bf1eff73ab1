"""`loop state`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Loop


@pytest.fixture
def state_file(shop: Path) -> Path:
    path = shop / ".loop/orchestrator-state.json"
    path.parent.mkdir(exist_ok=True)
    return path


def test_the_top_of_the_file_is_set_added_to_and_cleared(loop: Loop, state_file: Path) -> None:
    ran = loop("state", "set", "objective=A shop", "open_conflicts+=one", "mine:=5", "--json")
    assert ran.code == 0, ran.err
    assert (ran.document["objective"], ran.document["mine"]) == ("A shop", 5)
    assert 'open_conflicts: ["one", "two"]' in loop("state", "set", "open_conflicts+=two").out
    assert loop("state", "set", "--unset", "objective", "mine").code == 0
    found = json.loads(state_file.read_text())
    assert {key: found[key] for key in found if key != "updated_at"} == {
        "schema_version": 2,
        "open_conflicts": ["one", "two"],
        "loops": {},
    }


def test_a_loop_is_changed_key_by_key_and_removed(loop: Loop, state_file: Path) -> None:
    made = ("status=plan", "commits+=a", "deployed_to+=eu", "artifacts.spec=s.md", "canary_target=x")
    assert loop("state", "loop", "header", "--set", *made).code == 0
    ran = loop("state", "loop", "header", "--set", "commits+=b", "--unset", "canary_target", "--json")
    assert ran.code == 0, ran.err
    shape = ran.document["loop"]
    assert isinstance(shape, dict)
    assert (shape["commits"], shape["status"], shape["updated_by"]) == (["a", "b"], "plan", "person")
    assert "canary_target" not in json.loads(state_file.read_text())["loops"]["header"]
    assert loop("state", "loop", "header", "--remove", "--set", "a=b").code == 2
    assert loop("state", "loop", "header", "--remove").out == "removed header\n"
    assert json.loads(state_file.read_text())["loops"] == {}


def test_a_misspelt_loop_is_made_and_said_so(loop: Loop, state_file: Path) -> None:
    loop("state", "loop", "header", "--set", "status=plan")
    assert "there is a loop header too" in loop("state", "loop", "heder", "--set", "status=plan").err
    assert loop("state", "loop", "nothing", "--unset", "status").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("state", "set"), "nothing to change"),
        (("state", "set", "objective"), "key=text was expected"),
        (("state", "loop", "header", "--set", "status=implment"), "did you mean implement?"),
        (("state", "loop", "header", "--set", "commits=x"), "a list of texts was expected, found a text"),
        (("state", "set", "loops:={}"), "loops cannot be set by hand"),
    ],
)
def test_a_wrong_change_is_refused_before_anything_is_written(
    loop: Loop, state_file: Path, words: tuple[str, ...], message: str
) -> None:
    ran = loop(*words)
    assert (ran.code, message in ran.err) == (2, True), ran.err
    assert not state_file.exists()


def test_a_file_broken_by_hand_is_left_alone_and_its_place_is_named(loop: Loop, state_file: Path) -> None:
    state_file.write_text('{\n  "loops": {},\n  oops\n}\n')
    for words in (("state", "show"), ("state", "set", "objective=x"), ("state", "loop", "h", "--set", "status=plan")):
        ran = loop(*words)
        assert (ran.code, f"{state_file}:3:3: " in ran.err) == (1, True), ran.err
    assert state_file.read_text() == '{\n  "loops": {},\n  oops\n}\n'


def test_keys_that_nobody_spoke_of_keep_value_and_place(loop: Loop, state_file: Path) -> None:
    state_file.write_text('{"zeta": [1], "loops": {"h": {"z": 1, "status": "plan"}}, "alpha": null}')
    loop("state", "set", "objective=x")
    loop("state", "loop", "h", "--set", "status=verify")
    found = json.loads(state_file.read_text())
    assert list(found)[:3] == ["zeta", "loops", "alpha"]
    assert list(found["loops"]["h"])[:2] == ["z", "status"]
    assert (found["zeta"], found["alpha"], found["loops"]["h"]["z"]) == ([1], None, 1)


def test_a_state_file_that_is_a_link_stays_one_and_keeps_its_mode(loop: Loop, state_file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.json"
    real.write_text("{}")
    real.chmod(0o664)
    state_file.symlink_to(real)
    assert loop("state", "set", "objective=x").code == 0
    assert state_file.is_symlink()
    assert json.loads(real.read_text())["objective"] == "x"
    assert real.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("words", [("state", "set"), ("state", "loop")])
def test_the_help_shows_every_form_of_a_change(loop: Loop, words: tuple[str, ...]) -> None:
    out = loop(*words, "--help").out
    assert all(form in out for form in ("key=text", "key:=json", "key+=text", "--unset key", "examples:"))
