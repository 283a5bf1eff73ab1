"""What is known about harnesses, what their programs say of themselves, and how rules score on recorded screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses.recorded import captures
from loop_orchestrator.harnesses.registry import PACKAGED, load_harnesses
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.operations.harness_test import score
from loop_orchestrator.operations.harnesses import (
    Checkup,
    Health,
    Machine,
    checkup,
    checkups,
    field_of,
    fields_of,
    harness_named,
    is_packaged,
    probe,
    replaced,
)
from tests.support.builders import NOW
from tests.support.packaged import packaged_harnesses

MINE = """\
name: mine
title: Mine
kind: agent
launch: [mine, --quiet]
foreground: [mine]
verified: ["3.1"]
auth: key
version_argv: [mine, --version]
oneshot: {argv: [mine, -p], env: {FEWER: "1"}}
composer:
  line: '^>(?: (?P<text>.*))?$'
rules:
  - {name: busy, detail: busy, region: bottom, any: ['^working']}
"""

Reads = Callable[..., HarnessSpec]


@pytest.fixture
def reads(tmp_path: Path) -> Reads:
    def read(more: str = "", *, text: str = MINE, name: str = "mine") -> HarnessSpec:
        folder = tmp_path / "harnesses"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text + more, encoding="utf-8")
        return load_harnesses(folder)[name]

    return read


@pytest.fixture
def installs(tmp_path: Path) -> Callable[[str], Machine]:
    """Puts a program ``mine`` on a PATH of its own; the machine that has it."""

    def install(script: str) -> Machine:
        program = tmp_path / "bin" / "mine"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return machine(tmp_path, program.parent)

    return install


def machine(home: Path, *folders: Path, env: Mapping[str, str] | None = None) -> Machine:
    return Machine({"PATH": ":".join(map(str, folders)), "HOME": str(home), **(env or {})})


def test_a_misspelt_name_gets_the_nearest(reads: Reads) -> None:
    found = {"mine": reads()}
    assert harness_named(found, "mine") is found["mine"]
    with pytest.raises(UsageError, match="there is no harness mien; did you mean mine"):
        harness_named(found, "mien")


def test_every_value_has_a_dotted_key_and_is_plain(reads: Reads) -> None:
    fields = fields_of(reads())
    assert fields["launch"] == ["mine", "--quiet"]
    assert fields["kind"] == "agent"
    assert fields["oneshot.env"] == {"FEWER": "1"}
    assert fields["composer.line"] == "^>(?: (?P<text>.*))?$"
    assert fields["rules.busy.any"] == ["^working"]
    assert fields["rules.busy.detail"] == "busy"
    assert field_of(reads(), "verified") == ["3.1"]
    with pytest.raises(UsageError, match=r"no field composer\.lin; did you mean composer\.line"):
        field_of(reads(), "composer.lin")


def test_what_there_is_not_is_nothing() -> None:
    shell = packaged_harnesses()["shell"]
    assert (field_of(shell, "oneshot"), field_of(shell, "rules"), field_of(shell, "skills_dir")) == (None, [], "")


def test_it_is_known_which_packaged_file_a_project_replaces(reads: Reads) -> None:
    own, over = reads(), reads(text="name: shell\ntitle: My shell\nkind: shell\n", name="shell")
    assert (is_packaged(own), replaced(own)) == (False, None)
    assert (is_packaged(over), replaced(over)) == (False, PACKAGED / "shell.yaml")
    packaged = packaged_harnesses()["shell"]
    assert (is_packaged(packaged), replaced(packaged)) == (True, None)


@pytest.mark.parametrize(
    ("script", "version", "verified", "note"),
    [
        ("echo 'mine 3.1 (build 7)'", "3.1", True, ""),
        ("echo 'warning: 2 things' >&2; echo mine-cli 3.2.0-rc.1", "3.2.0-rc.1", False, ""),
        ("echo 3.1 >&2", "3.1", True, ""),
        ("echo 3.1; exit 4", "", False, "exit status 4"),
        ("echo nothing", "", False, "names no version"),
    ],
)
def test_a_program_is_asked_for_its_version(
    reads: Reads, installs: Callable[[str], Machine], script: str, version: str, verified: bool, note: str
) -> None:
    found = probe(reads(), installs(script))
    assert found.path.endswith("/bin/mine")
    assert (found.version, found.verified) == (version, verified)
    assert note in found.note


def test_a_program_that_hangs_has_no_version(
    reads: Reads, installs: Callable[[str], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loop_orchestrator.operations.harnesses.ASK_S", 0.2)
    found = probe(reads(), installs("exec /bin/sleep 60"))
    assert (found.version, found.note) == ("", "mine did not say its version within 0.2 s")
    asked = reads("health_argv: [mine, health]\n")
    assert checkup(asked, installs("exec /bin/sleep 60")).word is Health.UNHEALTHY


def test_a_program_that_is_not_there_is_missing(reads: Reads, tmp_path: Path) -> None:
    assert probe(reads(), machine(tmp_path)).note == "mine is not on PATH"
    assert checkup(reads("health_argv: [mine]\n"), machine(tmp_path)) == Checkup(Health.MISSING, "mine is not on PATH")


def test_health_is_told_by_the_probe_and_without_one_by_the_traces(
    reads: Reads, installs: Callable[[str], Machine], tmp_path: Path
) -> None:
    here = installs('test "$1" = health && exit ${MINE_STATUS:-0}')
    assert checkup(reads(), here).word is Health.OK
    traced = reads("logged_in: [.mine/key]\n")
    assert checkup(traced, here).word is Health.UNAUTHENTICATED
    (tmp_path / ".mine").mkdir()
    (tmp_path / ".mine/key").touch()
    assert checkup(traced, here).word is Health.OK
    asked = reads("health_argv: [mine, health]\n")
    assert checkup(asked, here).word is Health.OK
    assert checkup(reads(text=MINE.partition("composer:")[0]), here).word is Health.OK
    failing = Machine({**here.env, "MINE_STATUS": "3"})
    assert checkup(asked, failing).word is Health.UNAUTHENTICATED
    needs_no_login = reads("health_argv: [mine, health]\n", text=MINE.replace("auth: key", "auth: none"))
    assert checkup(needs_no_login, failing) == Checkup(
        Health.UNHEALTHY, "mine health ended with status 3: exit status 3"
    )


def test_what_is_built_in_and_the_shell_are_always_there(tmp_path: Path) -> None:
    nothing = Machine({"HOME": str(tmp_path), "PATH": "/nowhere"})
    found = packaged_harnesses()
    for name in ("rehearsal", "shell"):
        assert checkup(found[name], nothing).word is Health.OK
    assert probe(found["rehearsal"], machine(tmp_path)).verified


def test_a_probe_of_the_project_runs_only_if_it_was_accepted(
    reads: Reads, installs: Callable[[str], Machine], tmp_path: Path
) -> None:
    here, ran = installs(f": >{tmp_path}/ran"), tmp_path / "ran"
    spec = reads("health_argv: [mine]\n")
    (refused,) = checkups([spec], here, may_ask=False)
    assert refused.word is Health.UNHEALTHY and "not accepted" in refused.reason
    assert not ran.exists()
    assert [one.word for one in checkups([spec], here, may_ask=True)] == [Health.OK]
    assert ran.exists()
    assert checkups([], here, may_ask=True) == ()


SCREENS = {
    "3.1__idle-fresh__80x24": "> ",
    "3.1__working-streaming__80x24": "working\n> ",
    "3.1__approval-shell__80x24": "Allow it?",
    "3.2__working-tool__80x24": "> ",
    "3.2__typed__80x24": "working\n> draft",
}
"""Read right, right, unknown, wrongly idle, and wrong but not idle."""


def test_each_screen_is_right_unknown_or_wrong_and_wrongly_idle_is_counted_apart(reads: Reads, tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    folder.mkdir()
    for name, text in SCREENS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    scored = score(reads(), captures(folder, "mine"), NOW)
    assert (scored.screens, scored.right, scored.unknown, scored.wrong, scored.wrongly_idle) == (5, 2, 1, 2, 1)
    assert sorted(scored.versions) == ["3.1", "3.2"]
    grave = next(miss for miss in scored.misses if miss.wrongly_idle)
    assert (grave.screen, grave.state.rule) == ("3.2__working-tool__80x24", "composer")
    assert not scored.passed


@pytest.mark.parametrize(("wrong", "passed"), [({"idle-fresh": "working\n> "}, True), ({"working-tool": "> "}, False)])
def test_one_miss_in_fifty_passes_unless_it_is_wrongly_idle(
    reads: Reads, tmp_path: Path, wrong: dict[str, str], passed: bool
) -> None:
    folder = tmp_path / "screens"
    folder.mkdir()
    for columns in range(80, 129):
        (folder / f"3.1__idle-fresh__{columns}x24.txt").write_text("> ", encoding="utf-8")
    for state, text in wrong.items():
        (folder / f"3.1__{state}__200x24.txt").write_text(text, encoding="utf-8")
    scored = score(reads(), captures(folder, "mine"), NOW)
    assert (scored.screens, scored.right, scored.passed) == (50, 49, passed)
    (folder / "3.1__typed__99x24.txt").write_text("> ", encoding="utf-8")
    assert not score(reads(), captures(folder, "mine"), NOW).passed
