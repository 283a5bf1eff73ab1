"""The project's config: what is read, what is refused and with which words, the host file, and the compiled copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loop_orchestrator.config.load import LoadedConfig, load
from loop_orchestrator.config.schema import Config, EngineConfig
from loop_orchestrator.errors import ConfigError, ExitCode
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.lane import LaneKind, Split

FULL = """\
lanes:
  coord: {harness: claude, model: big, auto_approve: true}
  ops-bottom:
    cmd: htop
    window: tools
    split: first
    role: watcher
    kind: worker
    repo: sub/dir
    env: {A: "1", B: two}
    outside: true
engine:
  approval: auto
  brain: {use: command, command: [my-brain, --fast], timeout_s: 2.5, max_calls_per_hour: 3, env: [KEY]}
  destructive: {max_dispatches_per_cycle: 2, max_lanes: 5, payload_patterns: ['drop\\s+table']}
  min_cycle_interval_s: 1
  trust: [github]
tmux: {socket: mine, width: 100, height: 30}
"""


def write(root: Path, text: str, *, host: str = "") -> Path:
    path = root / (f"lane-config.{host}.yaml" if host else "lane-config.yaml")
    path.write_text(text)
    return path


def read(root: Path, *, hostname: str = "here", harness_names: tuple[str, ...] = ()) -> LoadedConfig:
    return load(root, hostname=hostname, harness_names=harness_names)


def problems_of(root: Path, *, harness_names: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(root, harness_names=harness_names)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.problems


def test_without_a_file_all_is_default_and_no_engine_runs(project: Path) -> None:
    loaded = read(project)
    assert loaded.config == Config()
    assert loaded.config.engine is None
    assert loaded.config.lanes == ()
    assert loaded.files == ()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "lanes:\n"])
def test_an_empty_file_is_all_defaults(project: Path, text: str) -> None:
    path = write(project, text)
    assert read(project).config == Config()
    assert read(project).files == (path,)


def test_an_empty_engine_section_is_an_engine_with_its_defaults(project: Path) -> None:
    write(project, "engine:\n")
    engine = read(project).config.engine
    assert engine is not None
    assert (engine.approval, engine.brain.use, engine.brain.timeout_s) == (ApprovalMode.MANUAL, "rules", 300.0)
    assert (engine.brain.max_calls_per_hour, engine.destructive.max_dispatches_per_cycle) == (12, 4)


def test_every_key_of_a_full_file_is_read(project: Path) -> None:
    write(project, FULL)
    config = read(project).config
    coord, ops = (lane.to_spec(project) for lane in config.lanes)
    assert (coord.name, coord.harness, coord.model, coord.auto_approve) == ("coord", "claude", "big", True)
    assert (coord.window, coord.role, coord.kind, coord.cwd) == ("coord", "coordinator", LaneKind.STANDING, project)
    assert (ops.cmd, ops.window, ops.split, ops.role, ops.kind) == (
        "htop",
        "tools",
        Split.FIRST,
        "watcher",
        LaneKind.WORKER,
    )
    assert (ops.cwd, ops.env, ops.outside) == (project / "sub/dir", (("A", "1"), ("B", "two")), True)
    engine = config.engine
    assert engine is not None
    assert engine.approval is ApprovalMode.AUTO
    assert (engine.brain.use, engine.brain.command, engine.brain.env) == ("command", ("my-brain", "--fast"), ("KEY",))
    assert (engine.brain.timeout_s, engine.brain.max_calls_per_hour) == (2.5, 3)
    assert [pattern.pattern for pattern in engine.destructive.payload_patterns] == ["drop\\s+table"]
    assert (engine.min_cycle_interval_s, engine.sweep_interval_s, engine.trust) == (1.0, 60.0, ("github",))
    assert (config.tmux.socket, config.tmux.width, config.tmux.height) == ("mine", 100, 30)


@pytest.mark.parametrize(
    ("name", "harness", "place"),
    [
        ("coord", "pi", ("coord", Split.FIRST, "coordinator")),
        ("infra", "pi", ("infra", Split.FIRST, "implementation")),
        ("validate-left", "pi", ("validate", Split.FIRST, "validation")),
        ("validate-right", "pi", ("validate", Split.RIGHT, "validation")),
        ("ops-top", "shell", ("ops", Split.FIRST, "ops")),
        ("ops-bottom", "", ("ops", Split.BELOW, "ops")),
        ("docs", "pi", ("docs", Split.FIRST, "docs")),
        ("mine", "pi", ("mine", Split.FIRST, "implementation")),
        ("mine", "shell", ("mine", Split.FIRST, "ops")),
        ("mine", "", ("mine", Split.FIRST, "ops")),
    ],
)
def test_a_lane_that_says_no_place_gets_one_by_its_name(
    project: Path, name: str, harness: str, place: tuple[str, Split, str]
) -> None:
    write(project, f"lanes:\n  {name}: {{{f'harness: {harness}' if harness else 'cmd: top'}}}\n")
    (lane,) = read(project).config.lanes
    spec = lane.to_spec(project)
    assert (spec.window, spec.split, spec.role) == place


BAD = [
    ("lans: {}", "1: lans: no such key; did you mean lanes?"),
    ("zzz: 1", "1: zzz: no such key"),
    ("engine:\n  aproval: auto", "2: engine.aproval: no such key; did you mean approval?"),
    (
        "engine: {approval: atuo}",
        "1: engine.approval: expected manual, auto or full (got the text 'atuo'); did you mean auto?",
    ),
    ("engine: {approval: true}", "1: engine.approval: expected manual, auto or full (got true)"),
    (
        "engine:\n  brain:\n    timeout_s: soon",
        "3: engine.brain.timeout_s: expected a number of seconds, above 0 and at most 86400 (got the text 'soon')",
    ),
    (
        "engine: {brain: {timeout_s: 0}}",
        "1: engine.brain.timeout_s: expected a number of seconds, above 0 and at most 86400 (got the number 0)",
    ),
    (
        "engine: {keep_transcripts: 1.5}",
        "1: engine.keep_transcripts: expected a whole number, at least 1 and at most 100000 (got the number 1.5)",
    ),
    (
        "engine: {keep_transcripts: true}",
        "1: engine.keep_transcripts: expected a whole number, at least 1 and at most 100000 (got true)",
    ),
    (
        "engine: {min_cycle_interval_s: true}",
        "1: engine.min_cycle_interval_s: expected a number of seconds, at least 0 and at most 86400 (got true)",
    ),
    (
        "tmux: {width: true}",
        "1: tmux.width: expected a whole number of columns, at least 40 and at most 1000 (got true)",
    ),
    (
        "engine: {destructive: {payload_patterns: ['ok', '(']}}",
        "1: engine.destructive.payload_patterns[1]: expected a regular expression "
        "(got '(': missing ), unterminated subpattern at position 0)",
    ),
    (
        "engine: {brain: {use: command}}",
        "1: engine.brain: use: command needs a command, a list with the program and its arguments",
    ),
    (
        "engine: {brain: {command: [x]}}",
        "1: engine.brain: command runs only with use: command, or as a fallback (got use: rules)",
    ),
    (
        "engine:\n  brain:\n    fallback: [command]",
        "2: engine.brain: fallback: command needs a command, a list with the program and its arguments",
    ),
    (
        "engine:\n  brain: {use: codex, fallback: [rules, codex]}",
        "2: engine.brain: fallback names a brain twice, or the one of use",
    ),
    (
        "engine:\n  brain: {fallback: ['command:x'], command: [a]}",
        "2: engine.brain: command runs only with use: command, or as a fallback (got use: rules)",
    ),
    (
        "engine:\n  brain: {use: codex, prices: {codx: {input: 1, output: 2}}}",
        "2: engine.brain: prices: codx is no brain of use and fallback; did you mean codex?",
    ),
    (
        "engine:\n  brain: {use: codex, prices: {codex: {input: 1}}}",
        "2: engine.brain.prices.codex.output: this key is needed",
    ),
    ("engine:\n  brain: {use: codex, fallback: ['rules:x']}", "2: engine.brain: fallback: rules takes no model"),
    (
        "engine:\n  brain: {max_usd_per_day: -1}",
        "2: engine.brain.max_usd_per_day: expected a number of USD, at least 0 and at most 100000 (got the number -1)",
    ),
    ("engine:\n  brain:\n    model: x", "2: engine.brain: model needs a harness (got use: rules)"),
    ("engine: {brain: {use: command, command: x}}", "1: engine.brain.command: expected a list (got the text 'x')"),
    ("engine: {trust: [1]}", "1: engine.trust[0]: expected the name of a source (got the number 1); put it in quotes"),
    ("engine: [x]", "1: engine: expected a section of keys (got a list)"),
    ("just text", "1: expected a section of keys (got the text 'just text')"),
    ("lanes: [web]", "1: lanes: expected named sections (got a list)"),
    ("lanes:\n  web:", "2: lanes.web: exactly one of harness and cmd is needed (got neither)"),
    (
        "lanes:\n  web:\n    harness: pi\n    cmd: top",
        "2: lanes.web: exactly one of harness and cmd is needed (got both)",
    ),
    (
        "lanes: {web: {cmd: top, model: x}}",
        "1: lanes.web: model, auto_approve and answer_dialogs need a harness (got cmd)",
    ),
    (
        "lanes: {1st: {cmd: top}}",
        "1: lanes.1st: expected a name that fits [A-Za-z][A-Za-z0-9_-]* (got '1st')",
    ),
    ("lanes: {web: {cmd: top, name: x}}", "1: lanes.web.name: no such key"),
    ("lanes: {web: {cmd: 5}}", "1: lanes.web.cmd: expected text (got the number 5); put it in quotes"),
    ('lanes: {web: {cmd: "a\\0b"}}', "1: lanes.web.cmd: expected text (got the text 'a\\x00b')"),
    (
        "lanes: {web: {harness: pi, auto_approve: yes}}",
        "1: lanes.web.auto_approve: expected true or false (got the text 'yes'); did you mean true?",
    ),
    ("lanes: {web: {cmd: top, env: {A: 1}}}", "1: lanes.web.env.A: expected text (got the number 1); put it in quotes"),
    (
        "lanes: {web: {cmd: top, env: {A-B: x}}}",
        "1: lanes.web.env.A-B: expected a name that fits [A-Za-z_][A-Za-z0-9_]* (got 'A-B')",
    ),
    ("lanes: {web: {cmd: top, env: [x]}}", "1: lanes.web.env: expected a map of text to text (got a list)"),
    (
        "lanes: {web: {cmd: top, split: left}}",
        "1: lanes.web.split: expected first, right or below (got the text 'left')",
    ),
    (
        "lanes: {web: {cmd: top, window: 'a:b'}}",
        "1: lanes.web.window: expected a window name without : . # and not beginning with = @ % $ (got the text 'a:b')",
    ),
    (
        "lanes:\n  a: {cmd: top, window: w}\n  b: {cmd: top, window: w}",
        "3: lanes.b: needs split: right or below; lane a is first in its window",
    ),
    ("a: 1\na: 2", "2: column 1: the key 'a' stands here again, first on line 1"),
    ("a: [", "2: column 1: did not find expected node content"),
    ("tmux: !!python/name:os.system", "1: column 7: the tag tag:yaml.org,2002:python/name:os.system is not read"),
]


@pytest.mark.parametrize(("text", "line"), BAD)
def test_a_mistake_is_one_line_with_file_line_key_and_what_was_expected(project: Path, text: str, line: str) -> None:
    write(project, text + "\n")
    assert problems_of(project) == (f"lane-config.yaml:{line}",)


def test_a_harness_that_does_not_exist_is_named_where_it_stands(project: Path) -> None:
    write(project, "lanes:\n  web:\n    harness: claud\nengine:\n  brain: {use: rule}\n")
    assert problems_of(project, harness_names=("claude", "pi")) == (
        "lane-config.yaml:3: lanes.web.harness: no harness has this name (got 'claud'); did you mean claude?",
        "lane-config.yaml:5: engine.brain.use: no harness has this name (got 'rule'); did you mean rules?",
    )
    write(project, "engine:\n  brain:\n    use: claude\n    fallback:\n      - pi:some/model\n      - clade\n")
    assert problems_of(project, harness_names=("claude", "pi")) == (
        "lane-config.yaml:6: engine.brain.fallback: no brain has this name (got 'clade'); did you mean claude?",
    )
    write(project, "engine:\n  policy:\n    allow: [pi]\n    role_rules:\n      docs:\n        fallback: [pi, clade]\n")
    assert problems_of(project, harness_names=("claude", "pi")) == (
        "lane-config.yaml:6: engine.policy.role_rules.docs.fallback: no harness has this name (got 'clade');"
        " did you mean claude?",
    )
    write(project, "engine: {brain: {use: codex}, policy: {brain_allow: [claude]}}\n")
    assert problems_of(project) == ("lane-config.yaml:1: engine: brain codex is not in policy.brain_allow (claude)",)
    write(project, "lanes: {web: {harness: zz}}\nengine: {brain: {use: claude}}\n")
    assert problems_of(project, harness_names=("pi", "claude")) == (
        "lane-config.yaml:1: lanes.web.harness: no harness has this name (got 'zz'); there are claude, pi",
    )


def test_all_mistakes_of_both_files_are_reported_at_once_in_file_order(project: Path) -> None:
    write(project, "tmux: {wdth: 1}\nengine:\n  approval: atuo\nlanes:\n  web: {}\n  x: {harness: nope}\n")
    write(project, "engine:\n  approval: manual\n  trst: []\nlanes: {y: {cmd: 1}}\n", host="here")
    assert problems_of(project, harness_names=("pi",)) == (
        "lane-config.here.yaml:3: engine.trst: no such key; did you mean trust?",
        "lane-config.here.yaml:4: lanes.y.cmd: expected text (got the number 1); put it in quotes",
        "lane-config.yaml:1: tmux.wdth: no such key; did you mean width?",
        "lane-config.yaml:3: engine.approval: expected manual, auto or full (got the text 'atuo'); did you mean auto?",
        "lane-config.yaml:5: lanes.web: exactly one of harness and cmd is needed (got neither)",
        "lane-config.yaml:6: lanes.x.harness: no harness has this name (got 'nope'); there are pi",
    )


def test_two_files_that_are_no_yaml_are_both_reported(project: Path) -> None:
    write(project, "a: [\n")
    write(project, "a: 1\n b: 2\n", host="here")
    assert [problem.split(":")[0] for problem in problems_of(project)] == ["lane-config.here.yaml", "lane-config.yaml"]


def test_a_yaml_bomb_is_refused(project: Path) -> None:
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    write(project, "a0: &a0 [x, x, x, x]\n" + bomb)
    (problem,) = problems_of(project)
    assert "the aliases expand to more than 10000 values" in problem


def test_bytes_that_are_no_utf8_are_refused_with_their_line(project: Path) -> None:
    (project / "lane-config.yaml").write_bytes(b"# fine\ntmux: {socket: caf\xe9}\n")
    assert problems_of(project) == ("lane-config.yaml:2: column 19: is not UTF-8 text",)


def test_a_directory_or_a_pipe_in_place_of_the_file_is_refused_without_waiting(project: Path) -> None:
    (project / "lane-config.yaml").mkdir()
    os.mkfifo(project / "lane-config.here.yaml")
    assert problems_of(project) == (
        "lane-config.here.yaml: is not a regular file",
        "lane-config.yaml: is a directory, not a file",
    )


def test_a_link_to_nothing_is_refused_and_not_taken_for_no_config(project: Path) -> None:
    (project / "lane-config.yaml").symlink_to("gone.yaml")
    assert problems_of(project) == ("lane-config.yaml: cannot be read: No such file or directory",)


def test_a_config_file_asked_for_by_name_must_exist_and_brings_its_own_host_file(project: Path) -> None:
    other = project / "conf" / "other.yaml"
    with pytest.raises(ConfigError, match=r"^conf/other\.yaml: cannot be read: No such file or directory$"):
        load(project, lane_config=other, hostname="here")
    other.parent.mkdir()
    other.write_text("tmux: {width: 100}\n")
    (other.parent / "other.here.yaml").write_text("tmux: {height: 20}\n")
    write(project, "tmux: {socket: unread}\n")
    loaded = load(project, lane_config=other, hostname="here")
    assert (loaded.config.tmux.width, loaded.config.tmux.height, loaded.config.tmux.socket) == (100, 20, "loop")
    assert loaded.files == (other, other.parent / "other.here.yaml")


def test_the_host_file_is_laid_over_key_by_key_and_lists_replace(project: Path) -> None:
    write(project, FULL)
    write(
        project,
        "lanes:\n  coord: {model: small}\n  extra: {cmd: top}\n  ops-bottom:\n"
        "engine: {trust: [], brain: {command: [other]}}\n",
        host="here",
    )
    base = read(project, hostname="elsewhere").config
    loaded = read(project, hostname="here.example.org")
    assert [lane.name for lane in loaded.config.lanes] == ["coord", "ops-bottom", "extra"]
    coord, ops, _ = loaded.config.lanes
    assert (coord.harness, coord.model) == ("claude", "small")
    assert ops == base.lanes[1]
    assert loaded.config.engine is not None
    assert loaded.config.engine.trust == ()
    assert loaded.config.engine.brain.command == ("other",)
    assert loaded.config.engine.approval is ApprovalMode.AUTO
    assert loaded.files == (project / "lane-config.yaml", project / "lane-config.here.yaml")


def test_the_host_file_can_turn_a_harness_lane_into_a_command_lane(project: Path) -> None:
    write(project, "lanes: {web: {harness: pi}}\n")
    write(project, "lanes: {web: {harness: '', cmd: top}}\n", host="here")
    (web,) = read(project).config.lanes
    assert (web.harness, web.cmd) == ("", "top")


def test_a_host_file_alone_is_a_config(project: Path) -> None:
    path = write(project, "tmux: {socket: x}\n", host="here")
    loaded = read(project)
    assert loaded.config.tmux.socket == "x"
    assert loaded.files == (path,)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("cmd: htop", "cmd: htop -d 5", True),
        ("harness: claude", "harness: pi", True),
        ("auto_approve: true", "auto_approve: false", True),
        ("outside: true", "outside: false", True),
        ("repo: sub/dir", "repo: sub", True),
        ("B: two", "B: three", True),
        ("approval: auto", "approval: full", True),
        ("[my-brain, --fast]", "[my-brain]", True),
        ("[KEY]", "[KEY, OTHER]", True),
        ("drop", "drip", True),
        ("max_lanes: 5", "max_lanes: 50", True),
        ("trust: [github]", "trust: []", True),
        ("width: 100", "width: 101", False),
        ("window: tools", "window: other", False),
        ("min_cycle_interval_s: 1", "min_cycle_interval_s: 2", False),
        ("tmux:", "# words\ntmux:", False),
    ],
)
def test_the_digest_changes_with_what_runs_or_is_allowed_and_with_nothing_else(
    project: Path, old: str, new: str, changes: bool
) -> None:
    write(project, FULL)
    before = read(project).digest
    assert old in FULL
    write(project, FULL.replace(old, new))
    assert (read(project).digest != before) is changes


def caches(root: Path) -> list[Path]:
    return sorted((root / ".loop" / "cache").iterdir())


def load_and_settle(root: Path) -> Path:
    """Loads, and moves the compiled copy's time past the files' own, as if it had been made later."""
    read(root)
    (cache,) = caches(root)
    later = cache.stat().st_mtime_ns + 1_000_000_000
    os.utime(cache, ns=(later, later))
    return cache


READ_IN_A_PROGRAM = """
import json, sys
from pathlib import Path
from loop_orchestrator.config.load import load
loaded = load(Path(sys.argv[1]), hostname="here")
print(json.dumps({"yaml": "yaml" in sys.modules, "digest": loaded.digest, "width": loaded.config.tmux.width}))
"""


def read_in_a_program(root: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_A_PROGRAM, str(root)], capture_output=True, check=True, text=True, timeout=30
    )
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said


def test_the_compiled_copy_is_used_without_loading_yaml_and_says_the_same(project: Path) -> None:
    write(project, FULL)
    loaded = read(project)
    assert read_in_a_program(project)["yaml"] in (True, False)
    load_and_settle(project)
    said = read_in_a_program(project)
    assert said == {"yaml": False, "digest": loaded.digest, "width": 100}
    assert read(project) == loaded


def test_a_project_without_a_config_file_loads_no_yaml(project: Path) -> None:
    assert read_in_a_program(project)["yaml"] is False


def test_the_compiled_copy_is_readable_by_its_owner_alone(project: Path) -> None:
    write(project, FULL)
    read(project)
    (cache,) = caches(project)
    assert cache.stat().st_mode & 0o777 == 0o600
    assert cache.parent.stat().st_mode & 0o777 == 0o700


def test_an_edit_of_either_file_is_seen_even_with_the_same_size_and_time(project: Path) -> None:
    base = write(project, "tmux: {width: 100}\n")
    host = write(project, "tmux: {height: 20}\n", host="here")
    for path, text in ((base, "tmux: {width: 101}\n"), (host, "tmux: {height: 21}\n")):
        load_and_settle(project)
        old = path.stat()
        path.write_text(text)
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    config = read(project).config
    assert (config.tmux.width, config.tmux.height) == (101, 21)


def test_a_host_file_that_appears_or_goes_is_seen(project: Path) -> None:
    write(project, "tmux: {width: 100}\n")
    load_and_settle(project)
    host = write(project, "tmux: {width: 120}\n", host="here")
    load_and_settle(project)
    assert read(project).config.tmux.width == 120
    host.unlink()
    assert read(project).config.tmux.width == 100


def test_a_copy_made_at_the_moment_of_an_edit_is_not_trusted(project: Path) -> None:
    path = write(project, "tmux: {width: 100}\n")
    cache = load_and_settle(project)
    edited = path.stat().st_ctime_ns
    os.utime(cache, ns=(edited, edited))
    assert read_in_a_program(project)["yaml"] is True


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "5", "{}", '{"stamp": null}', "[" * 100_000, '{"stamp": [], "config": {}}']
)
def test_a_broken_compiled_copy_is_ignored_and_made_anew(project: Path, broken: str) -> None:
    write(project, FULL)
    good = load_and_settle(project)
    good.write_text(broken)
    assert read(project).config.tmux.width == 100
    load_and_settle(project)
    assert read_in_a_program(project)["yaml"] is False


def test_a_changed_compiled_copy_changes_the_digest_or_is_refused(project: Path) -> None:
    write(project, FULL)
    digest = read(project).digest
    cache = load_and_settle(project)
    text = cache.read_text()
    cache.write_text(text.replace("htop", "evil"))
    later = cache.stat().st_mtime_ns + 1_000_000_000
    os.utime(cache, ns=(later, later))
    assert read(project).digest != digest
    cache.write_text(text.replace('"width": 100', '"width": 1'))
    os.utime(cache, ns=(later, later))
    assert read(project).config.tmux.width == 100


def test_a_copy_is_no_way_around_the_harness_names(project: Path) -> None:
    write(project, "lanes: {web: {harness: pi}}\n")
    load_and_settle(project)
    assert problems_of(project, harness_names=("claude",)) == (
        "lane-config.yaml:1: lanes.web.harness: no harness has this name (got 'pi'); there are claude",
    )


def test_no_copy_is_made_outside_a_project_or_for_a_bad_config(project: Path, tmp_path: Path) -> None:
    write(tmp_path, FULL)
    read(tmp_path)
    assert not (tmp_path / ".loop").exists()
    write(project, "x: 1\n")
    problems_of(project)
    assert not (project / ".loop" / "cache").exists()


def test_a_copy_that_cannot_be_written_is_no_problem(project: Path) -> None:
    (project / ".loop" / "cache").write_text("in the way")
    write(project, FULL)
    assert read(project).config.tmux.width == 100
    (project / ".loop" / "cache").unlink()
    read(project)
    (cache,) = caches(project)
    cache.unlink()
    cache.mkdir()
    assert read(project).config.tmux.width == 100
    assert caches(project) == [cache]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("git push --force", True),
        ("git push -f origin main", True),
        ("git -C x push origin +main", True),
        ("git push --force-with-lease", True),
        ("git push origin main", False),
        ("rm -rf build", True),
        ("rm build -r", True),
        ("rm --recursive build", True),
        ("rm build.log", False),
        ("git reset --hard HEAD~1", True),
        ("reset --hard", True),
        ("git reset HEAD file", False),
        ("please fix the form and push your branch", False),
    ],
)
def test_the_default_payload_patterns_find_what_destroys_work(payload: str, found: bool) -> None:
    patterns = EngineConfig().destructive.payload_patterns
    assert any(pattern.search(payload) for pattern in patterns) is found
