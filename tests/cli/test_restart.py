"""`loop restart` where nothing has to be started to see what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Loop


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--timeout", "0"), "above 0"),
        (("--timeout", "soon"), "expected seconds"),
        (("--detach", "--foreground"), "exclude each other"),
        (("shpo",), "no session 'shpo'"),
        (("--detatch",), "did you mean --detach?"),
    ],
)
def test_wrong_usage_is_named_and_exits_2(loop: Loop, shop: Path, words: tuple[str, ...], said: str) -> None:
    wrong = loop("restart", *words)
    assert wrong.code == 2 and said in wrong.err


def test_the_timeout_of_the_environment_is_checked_too(loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOP_RESTART_TIMEOUT", "never")
    wrong = loop("restart", "--detach")
    assert wrong.code == 2 and "LOOP_RESTART_TIMEOUT" in wrong.err


def test_a_restart_that_is_under_way_is_busy_and_names_who_does_it(loop: Loop, shop: Path) -> None:
    from tests.support.projects import project_at

    loop("trust", "--accept")
    with project_at(shop).control.restart_lock():
        busy = loop("restart", "--detach")
    assert busy.code == 4 and "the restart of session shop's engine is held by" in busy.err


def test_stopping_where_none_runs_is_fine(loop: Loop, shop: Path) -> None:
    ran = loop("engine", "stop")
    assert (ran.code, ran.out) == (0, "no engine watches session shop\n")
    assert loop("engine", "stop", "--json").document["pid"] is None
