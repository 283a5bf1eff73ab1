"""The strict reader on types that the config itself does not use, and on harness data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from loop_orchestrator.config.problems import Problems, nearest
from loop_orchestrator.config.reader import keys_of, read_file, read_section
from loop_orchestrator.errors import ConfigError
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec, OutputFormat, PromptBy, Region
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.yamltext import Node, parse

HARNESS = """\
name: toy
title: A toy
kind: agent
launch: [toy, --run]
oneshot:
  argv: [toy, -p]
  prompt: argument
  output: json
  env: {NO_UPDATE: "1"}
composer:
  line: '^> (?P<text>.*)'
  settle_s: 1
rules:
  - name: spinner
    detail: busy
    region: bottom
    any: ['working', 'thinking']
"""


def tree(text: str) -> Node:
    node = parse(text, file="toy.yaml")
    assert node is not None
    return node


def lines(problems: Problems) -> list[str]:
    return [str(problem) for problem in sorted(problems.found)]


def test_harness_data_is_read_into_its_dataclass_as_it_is_declared() -> None:
    problems = Problems()
    spec = read_section(HarnessSpec, tree(HARNESS), problems, "", given={"origin": "toy.yaml"})
    problems.raise_any()
    assert spec is not None
    assert (spec.name, spec.kind, spec.launch, spec.origin) == ("toy", HarnessKind.AGENT, ("toy", "--run"), "toy.yaml")
    assert spec.oneshot is not None
    assert (spec.oneshot.prompt, spec.oneshot.output) == (PromptBy.ARGUMENT, OutputFormat.JSON)
    assert spec.oneshot.env == (("NO_UPDATE", "1"),)
    assert spec.composer is not None
    assert spec.composer.line == re.compile(r"^> (?P<text>.*)")
    assert (spec.composer.settle_s, type(spec.composer.settle_s)) == (1.0, float)
    (rule,) = spec.rules
    assert (rule.detail, rule.region) == (Detail.BUSY, Region.BOTTOM)
    assert [pattern.pattern for pattern in rule.any] == ["working", "thinking"]


def test_mistakes_deep_in_lists_of_sections_have_their_line_and_path() -> None:
    problems = Problems()
    text = HARNESS.replace("region: bottom", "regon: bottom").replace("'working'", "'('").replace("title: A toy\n", "")
    assert read_section(HarnessSpec, tree(text), problems, "") is None
    assert lines(problems) == [
        "toy.yaml:1: title: this key is needed",
        "toy.yaml:13: rules[0].region: this key is needed",
        "toy.yaml:15: rules[0].regon: no such key; did you mean region?",
        "toy.yaml:16: rules[0].any[0]: expected a regular expression "
        "(got '(': missing ), unterminated subpattern at position 0)",
    ]
    with pytest.raises(ConfigError) as caught:
        problems.raise_any()
    assert list(caught.value.problems) == lines(problems)


def test_a_value_that_is_given_may_not_stand_in_the_file() -> None:
    problems = Problems()
    read_section(HarnessSpec, tree(HARNESS + "origin: elsewhere\n"), problems, "", given={"origin": "toy.yaml"})
    assert lines(problems) == ["toy.yaml:18: origin: no such key"]


def test_a_rule_of_the_class_itself_is_a_problem_at_the_sections_key() -> None:
    @dataclass(frozen=True)
    class Pair:
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    problems = Problems()
    assert read_section(Pair, tree("low: 3\nhigh: 2\n"), problems, "pair") is None
    assert lines(problems) == ["toy.yaml:1: pair: low is above high"]


def test_a_type_that_no_file_can_give_is_refused_by_name() -> None:
    @dataclass(frozen=True)
    class Odd:
        when: complex

    with pytest.raises(TypeError, match="no key can have the type"):
        keys_of(Odd)


def test_a_file_that_cannot_be_read_is_a_problem_under_the_name_that_is_shown(tmp_path: Path) -> None:
    problems = Problems()
    assert read_file(tmp_path / "gone.yaml", problems, shown="data/gone.yaml") is None
    assert read_file(tmp_path, problems) is None
    assert lines(problems) == [
        f"{tmp_path}: is a directory, not a file",
        "data/gone.yaml: cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("aproval", "approval"),
        ("Approval", "approval"),
        ("max-lanes", "max_lanes"),
        ("validate_left", "validate-left"),
        ("zzz", ""),
    ],
)
def test_the_nearest_spelling_is_found_whatever_its_case_and_dashes(word: str, meant: str) -> None:
    assert nearest(word, ["approval", "max_lanes", "validate-left"]) == meant
