"""Harness data is read strictly, and a project's own files add to the packaged ones or replace them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loop_orchestrator.errors import ConfigError, UsageError
from loop_orchestrator.harnesses.registry import PACKAGED, Harnesses, load_harnesses
from loop_orchestrator.model.harness import HarnessKind
from loop_orchestrator.model.lane import Detail

MINE = """
name: mine
title: Mine
kind: agent
launch: [mine, --quiet]
composer:
  line: '^> (?P<text>.*)$'
rules:
  - {name: busy, detail: busy, region: bottom, any: ['^working']}
"""


AGENTS = (
    "aider amp claude codex cursor-agent droid forge gemini hermes mini-swe-agent openclaw opencode pi qwen rehearsal"
)


def test_the_packaged_harnesses_are_read() -> None:
    found = load_harnesses(None)
    assert set(found) == {path.stem for path in PACKAGED.glob("*.yaml")}
    others = {"llm": HarnessKind.BRAIN, "mprocs": HarnessKind.DASHBOARD, "shell": HarnessKind.SHELL}
    agents = {name for name, spec in found.items() if spec.kind is HarnessKind.AGENT}
    assert {name: spec.kind for name, spec in found.items() if name not in agents} == others
    assert agents == set(AGENTS.split())
    assert all(spec.origin == str(PACKAGED / f"{name}.yaml") for name, spec in found.items())


def test_the_users_pattern_reaches_the_agents_whose_screens_nobody_knows() -> None:
    found = Harnesses(None, idle_home=r"ready> $")
    assert [pattern.pattern for pattern in found["forge"].idle_home] == [r"ready> $"]
    found.check()
    assert {name for name, spec in found.items() if spec.idle_home} == {
        name for name, spec in found.items() if spec.is_agent and spec.composer is None
    }
    with pytest.raises(UsageError, match="LOOP_LANE_IDLE_HOME_PATTERN: expected a regular expression"):
        Harnesses(None, idle_home="(")


def test_an_agent_is_unattended_exactly_if_it_can_approve_by_itself() -> None:
    for spec in load_harnesses(None).values():
        assert (spec.autonomy == "unattended") == bool(spec.auto_approve_argv), spec.name
        assert spec.autonomy in ("none", "attended", "unattended")
        assert (spec.autonomy == "none") == (not spec.is_agent), spec.name
        assert spec.cost in ("none", "low", "medium", "high") and spec.drift in ("none", "low", "med", "high")
        assert spec.auth in ("none", "account", "gateway", "key") and spec.tags, spec.name


def test_a_project_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE, encoding="utf-8")
    (tmp_path / "shell.yaml").write_text("name: shell\ntitle: My shell\nkind: shell\n", encoding="utf-8")
    found = load_harnesses(tmp_path)
    assert found["mine"].launch == ("mine", "--quiet")
    assert found["mine"].rules[0].detail is Detail.BUSY
    assert found["mine"].verified == ()
    assert found["shell"].title == "My shell"
    assert "claude" in found


def test_a_folder_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert load_harnesses(tmp_path / "none") == load_harnesses(None)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("title: Mine", "titel: Mine"), 3, "titel: no such key; did you mean title?"),
        (("kind: agent", "kind: agnet"), 4, "kind: expected agent, shell, dashboard or brain"),
        (("detail: busy", "detail: bussy"), 9, "detail: expected ready, draft, busy"),
        (("['^working']", "['(working']"), 9, "expected a regular expression"),
        (("(?P<text>.*)", "(.*)"), 0, "composer.line: expected a group named text"),
        (("launch: [mine, --quiet]", ""), 0, "launch: a harness of kind agent needs"),
        (("kind: agent", "kind: brain"), 0, "oneshot: a brain needs this section"),
        (("name: mine", "name: yours"), 0, "name: expected the name of the file, mine"),
        (("any: ['^working']", "none: [x]"), 0, "rules[0]: expected at least one pattern in all or any"),
        (("composer:", "model_argv: [--model]\ncomposer:"), 0, "model_argv: expected {model}"),
        (("composer:", "composer:\n  clear: ['C-u; kill']"), 0, "composer.clear: expected names of keys"),
        (("composer:", "oneshot: {argv: [mine, '{prompt}']}\ncomposer:"), 0, "oneshot.argv: expected {prompt}"),
        (("composer:", "oneshot: {argv: [mine], output: json}\ncomposer:"), 0, "oneshot.reply: with output json"),
        (
            ("composer:", "oneshot: {argv: [mine], output: jsonl}\ncomposer:"),
            0,
            "oneshot.events: expected rules exactly if output is jsonl",
        ),
        (
            ("composer:", "oneshot: {argv: [mine], events: [{when: {t: a}, text: x}]}\ncomposer:"),
            0,
            "oneshot.events: expected rules exactly if output is jsonl",
        ),
        (
            ("composer:", "oneshot: {argv: [mine], output: jsonl, events: [{when: {t: a}, shows: x}]}\ncomposer:"),
            0,
            "oneshot.events: expected a rule with text",
        ),
        (
            (
                "composer:",
                "oneshot: {argv: [mine], output: jsonl, cost: c, events: [{when: {t: a}, text: x}]}\ncomposer:",
            ),
            0,
            "oneshot.cost: with output jsonl",
        ),
        (
            ("composer:", "oneshot: {argv: [mine], output: jsonl, events: [{when: {}, text: x}]}\ncomposer:"),
            0,
            "oneshot.events[0].when: expected at least one",
        ),
        (
            (
                "composer:",
                "oneshot: {argv: [mine], output: jsonl, events: [{when: {t: a}, of: {t: b}, text: x}]}\ncomposer:",
            ),
            0,
            "oneshot.events[0].of: expected each",
        ),
        (
            (
                "composer:",
                "oneshot: {argv: [mine], output: jsonl, events: [{when: {t: a}, quiet: true, reply: x}]}\ncomposer:",
            ),
            0,
            "oneshot.events[0].quiet: expected text",
        ),
        (
            ("composer:", "oneshot: {argv: [mine], output: jsonl, events: [{when: {t: a}, text: x.}]}\ncomposer:"),
            0,
            "oneshot.events[0].text: expected paths such as",
        ),
        (
            (
                "composer:",
                "oneshot: {argv: [x], output: jsonl, events: [{when: {t: a}, text: x, input_tokens: a*b}]}\ncomposer:",
            ),
            0,
            "oneshot.events[0].input_tokens: expected paths to add",
        ),
        (
            ("composer:", "oneshot: {argv: [mine], output: json, reply: r, output_tokens: 'a +'}\ncomposer:"),
            0,
            "oneshot.output_tokens: expected paths to add",
        ),
        (
            ("composer:", "dialogs: [{name: trust, asks: x, all: []}]\ncomposer:"),
            0,
            "dialogs[0].all: expected at least",
        ),
        (
            ("composer:", "dialogs: [{name: trust, asks: x, all: [y], choose: [Down]}]\ncomposer:"),
            0,
            "dialogs[0].chosen: expected a pattern",
        ),
        (
            ("composer:", "dialogs: [{name: trust, asks: x, all: [y], confirm: 'y;kill'}]\ncomposer:"),
            0,
            "dialogs[0].confirm: expected the name of a key",
        ),
        (("composer:", "origin: elsewhere\ncomposer:"), 6, "origin: no such key"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], line: int, says: str) -> None:
    assert change[0] in MINE
    file = tmp_path / "mine.yaml"
    file.write_text(MINE.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_harnesses(tmp_path)
    place = f"{file}:{line}: " if line else f"{file}: "
    assert any(problem.startswith(place) and says in problem for problem in raised.value.problems), (
        raised.value.problems
    )


def test_the_mistakes_of_every_file_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("name: [\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_harnesses(tmp_path)
    assert {problem.split(":")[0].rpartition("/")[2] for problem in raised.value.problems} == {
        "a.yaml",
        "b.yaml",
        "c.yaml",
    }


def with_copies(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a project's own harness, and that of the compiled copies of all, as if they were made later."""
    own, cache = tmp_path / "harnesses", tmp_path / "cache"
    own.mkdir()
    (own / "mine.yaml").write_text(MINE, encoding="utf-8")
    Harnesses(own, cache_dir=cache).check()
    for copy in cache.iterdir():
        later = copy.stat().st_mtime_ns + 1_000_000_000
        os.utime(copy, ns=(later, later))
    return own, cache


READ_IN_A_PROGRAM = """
import sys
from pathlib import Path
from loop_orchestrator.harnesses.registry import Harnesses
found = Harnesses(Path(sys.argv[1]), cache_dir=Path(sys.argv[2]))
print(found["mine"].title, found["claude"].title, "yaml" in sys.modules)
"""


def test_a_compiled_copy_is_read_without_yaml_and_says_the_same(tmp_path: Path) -> None:
    own, cache = with_copies(tmp_path)
    argv = [sys.executable, "-c", READ_IN_A_PROGRAM, str(own), str(cache)]
    done = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=30)
    assert done.stdout == "Mine Claude Code False\n"
    assert dict(Harnesses(own, cache_dir=cache)) == dict(load_harnesses(own))


def test_a_good_copy_is_not_written_again(tmp_path: Path) -> None:
    own, cache = with_copies(tmp_path)
    before = {copy: copy.stat().st_ino for copy in cache.iterdir()}
    Harnesses(own, cache_dir=cache).check()
    assert {copy: copy.stat().st_ino for copy in cache.iterdir()} == before


def test_an_edit_is_seen_and_a_copy_that_someone_changed_holds_nothing_that_a_file_could_not(tmp_path: Path) -> None:
    own, cache = with_copies(tmp_path)
    copy = cache / "harness-mine.json"
    later = copy.stat().st_mtime_ns
    copy.write_text(copy.read_text(encoding="utf-8").replace('"agent"', '"agnet"'), encoding="utf-8")
    os.utime(copy, ns=(later, later))
    assert Harnesses(own, cache_dir=cache)["mine"].kind is HarnessKind.AGENT
    (own / "mine.yaml").write_text(MINE.replace("title: Mine", "title: Same"), encoding="utf-8")
    assert Harnesses(own, cache_dir=cache)["mine"].title == "Same"


def test_looking_a_harness_up_reads_its_file_alone_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\n", encoding="utf-8")
    found = Harnesses(tmp_path, cache_dir=tmp_path / "cache")
    assert found["shell"].kind is HarnessKind.SHELL
    assert "bad" in found
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        _ = found["bad"]
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        found.check()


def test_who_acts_reads_the_files_themselves_and_no_copy_that_a_lane_could_have_written(tmp_path: Path) -> None:
    own, cache = with_copies(tmp_path)
    copy = cache / "harness-claude.json"
    later = copy.stat().st_mtime_ns
    copy.write_text(copy.read_text(encoding="utf-8").replace('"launch": ["claude"', '"launch": ["/bin/evil"'))
    os.utime(copy, ns=(later, later))
    found = Harnesses(own, cache_dir=cache)
    assert found["claude"].launch[0] == "/bin/evil"
    found.check()
    assert found["claude"].launch[0] == "claude"
