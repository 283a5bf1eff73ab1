"""Words, options, errors and exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from loop_orchestrator import __version__
from loop_orchestrator.cli import command
from loop_orchestrator.cli import main as program
from loop_orchestrator.cli.words import ALIASES, ALONE, FIRST_STEPS, GROUPS, WORDS, members
from loop_orchestrator.process.run import run
from tests.cli.conftest import Loop, loop_outside


def test_help_shows_at_most_ten_first_steps_and_each_of_them_is_a_word(loop: Loop) -> None:
    ran = loop("--help")
    assert ran.code == 0
    assert len(FIRST_STEPS) <= 10
    for name in FIRST_STEPS:
        assert name in WORDS or name in GROUPS
        assert f"\n  {name} " in ran.out
    assert "examples:" in ran.out


def test_help_all_shows_every_word(loop: Loop) -> None:
    ran = loop("help", "all")
    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_has_help_with_examples_of_itself(loop: Loop, name: str) -> None:
    ran = loop(*name.split(), "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"usage: loop {name}")
    examples = ran.out.partition("\nexamples:\n")[2].splitlines()
    assert examples
    assert all("loop" in example for example in examples)
    assert loop("help", *name.split()).out == ran.out


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_shows_its_words(loop: Loop, group: str) -> None:
    assert loop(group).code == (0 if group in ALONE else 2)
    ran = loop(group, "--help")
    assert ran.code == 0
    assert all(name in ran.out for name in members(group))


def test_every_alias_leads_to_a_word() -> None:
    assert all(name in WORDS for name in ALIASES.values())


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("statsu",), "loop status"),
        (("mail", "lst"), "loop mail list"),
        (("engine", "aprove"), "loop engine approve"),
        (("lane_status",), "loop lane-status"),
    ],
)
def test_a_misspelt_word_names_the_nearest(loop: Loop, words: tuple[str, ...], meant: str) -> None:
    ran = loop(*words)
    assert ran.code == 2
    assert f"did you mean: {meant}\n" in ran.err
    assert ran.out == ""


def test_the_version_is_that_of_the_package(loop: Loop) -> None:
    assert loop("--version").out == f"loop-orchestrator {__version__}\n"


def test_without_a_word_the_first_steps_are_shown_as_a_usage_error(loop: Loop) -> None:
    ran = loop()
    assert ran.code == 2
    assert "first steps:" in ran.out


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "--project-root", "{root}", "mail", "list"),
        ("mail", "--json", "--project-root={root}", "list"),
        ("mail", "list", "--project-root", "{root}", "--json"),
    ],
)
def test_common_options_stand_before_inside_or_after_the_word(
    loop: Loop, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = loop(*(word.format(root=tmp_path) for word in words))
    assert ran.code == 0
    assert ran.document == {"contract_version": 1, "messages": []}


def test_a_wrong_option_is_one_line_and_a_hint(loop: Loop) -> None:
    ran = loop("mail", "send", "--nonsense")
    assert ran.code == 2
    first, second = ran.err.splitlines()
    assert first.startswith("loop: error: loop mail send: ")
    assert second == "  try: loop mail send --help"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("up", "--no-atach"), "; did you mean --no-attach?"),
        (("mail", "wait", "--to", "ann", "--timout", "1"), "; did you mean --timeout?"),
        (("resolve", "op", "hapened"), "; did you mean happened?"),
        (("help", "stauts"), "; did you mean: loop status"),
    ],
)
def test_a_misspelt_option_or_choice_names_the_nearest(loop: Loop, words: tuple[str, ...], meant: str) -> None:
    ran = loop(*words)
    assert ran.code == 2
    first, second = ran.err.splitlines()
    assert first.endswith(meant)
    assert second.startswith("  try: loop ")


def test_every_mistake_of_a_config_is_a_line(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes:\n  web: {harnes: claude}\nengine: {aproval: manual}\n")
    ran = loop("status")
    assert ran.code == 2
    lines = [line for line in ran.err.splitlines() if line.startswith("loop: error: lane-config.yaml:")]
    assert len(lines) >= 2
    assert "did you mean harness" in lines[0]
    assert ran.err.splitlines()[-1] == "  try: mend it, then: loop validate"


def test_a_message_of_an_error_cannot_act_on_the_terminal(loop: Loop) -> None:
    assert "\\x1b[2J" in loop("\x1b[2J").err


def test_an_unexpected_error_leaves_a_report_and_names_it(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(command, "load_command", broken)
    ran = loop("status")
    assert ran.code == 1
    assert "unexpected RuntimeError: a defect" in ran.err
    report = Path(ran.err.splitlines()[-1].partition("details: ")[2])
    assert "a defect" in report.read_text()
    assert report.is_relative_to(os.environ["XDG_STATE_HOME"])
    assert report.stat().st_mode & 0o077 == 0


def test_an_interrupt_from_the_keyboard_ends_with_130(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "load_command", interrupted)
    ran = loop("status")
    assert (ran.code, ran.err) == (130, "")


def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path) -> None:
    command = f"{sys.executable} -m loop_orchestrator help all | true; exit ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": ""}
    done = run(["bash", "-c", command], env=env, timeout_s=30)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("entry", "words", "usage"),
    [
        (program.main_engine, ("status", "--help"), "loop engine status"),
        (program.main_tmux, ("--help",), "loop up"),
        (program.main_tmux, ("--session", "s", "add-lane", "--help"), "loop lane add"),
        (program.main_tmux, ("list-lanes", "--help"), "loop lane list"),
        (program.main_lane_status, ("--help",), "loop lane-status"),
        (program.main_dispatch, ("--help",), "loop send"),
        (program.main_digest, ("--help",), "loop digest"),
    ],
)
def test_each_program_is_its_word(
    entry: object,
    words: tuple[str, ...],
    usage: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["loop-x", *words])
    assert callable(entry)
    assert entry() == 0
    assert capsys.readouterr().out.startswith(f"usage: {usage}")


HEAVY = (
    *("yaml", "markdown_it", "libtmux", "filelock", "psutil", "watchfiles", "prompt_toolkit", "shtab", "redact_secret"),
    *("asyncio", "ctypes", "subprocess", "hashlib", "secrets", "difflib", "importlib.resources"),
    *("loop_orchestrator.engine.brain", "loop_orchestrator.actions.registry"),
)


@pytest.mark.parametrize("words", ["engine status", "mail list", "status", "task list", "engine crash-points"])
def test_quick_words_import_nothing_heavy(shop: Path, words: str) -> None:
    assert loop_outside("engine", "status").code == 0, "the compiled copy of the config is there from now on"
    code = (
        "import sys; from loop_orchestrator.cli.main import main;"
        f"code = main({words.split()!r});"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules)); sys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    from tests.support.waiting import eventually

    def imported() -> bool:
        done = run([sys.executable, "-c", code], env=env, timeout_s=30)
        assert done.code == 0, done.stderr
        return not set(done.stderr.decode().split()) & set(HEAVY)

    eventually(imported, what="a config that has come to rest is read from its compiled copy")
