"""Scripts: what is read, what is refused with its place, what is taken from the packaged one."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import ConfigError
from loop_orchestrator.prompts import fill, load_prompts
from loop_orchestrator.rehearsal.script import load_script, steered
from loop_orchestrator.rehearsal.steps import (
    Ack,
    Ask,
    Exit,
    Fail,
    Mail,
    RateLimit,
    Reply,
    Run,
    Say,
    Step,
    Think,
    Work,
    Write,
)

VALUES = {"lane": "web", "session": "s", "model": "-"}
TASK = {"task": "T0042", "title": "Do it. Twice", "file": "tasks/T0042-do-it.md", "lane": "web"}


def written(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_script(written(folder, text))
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def packaged(prompt: str) -> tuple[Step, ...]:
    return load_script(None).interactive.steps_for(prompt, VALUES)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("{think_s: 0.5}", Think(0.5)),
        ("{work_s: 1}", Work(1.0)),
        ("{mail: {to: coord, subject: s}}", Mail("coord", "s")),
        ("{mail: {to: coord, subject: s, body: b}}", Mail("coord", "s", "b")),
        ("{reply: {file: f.md, body: b}}", Reply("f.md", "b")),
        ("{ack: f.md}", Ack("f.md")),
        ("{write: {path: a/b, text: t}}", Write("a/b", "t")),
        ("{run: [git, status]}", Run(("git", "status"))),
        ("{ask: what}", Ask("what")),
        ("{say: text}", Say("text")),
        ("{error: overloaded}", Fail("overloaded")),
        ('{rate_limit: "12:30"}', RateLimit("12:30")),
        ("{exit: 3}", Exit(3)),
        ("{work_s: 0}", Work(0.0)),
        ('{say: ""}', Say("")),
    ],
)
def test_every_step_is_read(tmp_path: Path, text: str, step: Step) -> None:
    script = load_script(written(tmp_path, f"default: {{steps: [{text}]}}"))
    assert script.interactive.steps_for("anything", VALUES) == (step,)
    assert steered(f"before\nREHEARSE: [{text}]\nafter") == (step,)


def test_a_key_that_is_missing_is_taken_from_the_packaged_script(tmp_path: Path) -> None:
    script, default = load_script(written(tmp_path, "enter_refused_ms: 250")), load_script(None)
    assert script.enter_refused_s == 0.25
    assert (script.boot_s, script.interactive, script.oneshot) == (0.3, default.interactive, default.oneshot)


def test_the_first_answer_that_fits_is_taken_and_filled_in(tmp_path: Path) -> None:
    text = r"""
answers:
  - when: 'Task (?P<task>T\d+)( twice)?'
    steps: [{say: "{task} {1} {0} [{2}] {lane} {prompt} {{task}}"}, {run: [echo, "{task}"]}]
  - when: Task
    steps: [{say: second}]
default: {steps: [{say: "none: {prompt}"}]}
"""
    answers = load_script(written(tmp_path, text)).interactive
    assert answers.steps_for("do Task T7", VALUES) == (
        Say("T7 T7 Task T7 [] web do Task T7 {task}"),
        Run(("echo", "T7")),
    )
    assert answers.steps_for("Task 7", VALUES) == (Say("second"),)
    long = "a  b\n" * 30
    assert answers.steps_for(long, VALUES) == (Say("none: " + ("a b " * 30)[:60].rstrip()),)


def test_what_a_group_holds_is_not_filled_in_again(tmp_path: Path) -> None:
    answers = load_script(written(tmp_path, "answers: [{when: 'x(.*)', steps: [{say: '{1}'}]}]")).interactive
    assert answers.steps_for("x{lane}{{lane}}", VALUES) == (Say("{lane}{{lane}}"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("boot_s: fast", "script.yaml:1: boot_s: expected a number of seconds"),
        ("boot: 1", "script.yaml:1: boot: no such key; did you mean boot_s?"),
        ("answers:\n  - when: '('\n    steps: []", "script.yaml:2: answers[0].when: expected a regular expression"),
        ("answers:\n  - steps: []", "script.yaml:2: answers[0].when: this key is needed"),
        ("default:\n  steps:\n    - {}", "script.yaml:3: default.steps[0]: a step has exactly one of"),
        ("default:\n  steps:\n    - {say: a, work_s: 1}", "script.yaml:3: default.steps[0]: a step has exactly one of"),
        ("default:\n  steps:\n    - run: []", "script.yaml:3: default.steps[0]: run needs a program"),
        ("default:\n  steps:\n    - exit: 256", "script.yaml:3: default.steps[0].exit: expected"),
        ("default:\n  steps:\n    - mail: {to: a}", "script.yaml:3: default.steps[0].mail.subject: this key is needed"),
        ("default: {steps: [{say: '{prmpt}'}]}", "did you mean prompt?"),
        ("answers: [{when: 'a', steps: [{say: '{1}'}]}]", "nothing is known to put in for {1}"),
        ("oneshot: {default: {steps: [{ask: x}]}}", "oneshot.default.steps[0].ask: no such key"),
        ("a: [", "script.yaml:"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in found for found in problems(tmp_path, text)), problems(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "boot_s: -1\nenter_refused_ms: x\ndefalt: {}")) == 3


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load_script(tmp_path / "none.yaml")


def test_only_lines_that_begin_so_steer() -> None:
    assert steered("say REHEARSE: [{exit: 1}]") is None
    assert steered("REHEARSE: [{say: a}]\ntext\nREHEARSE: [{say: '{x}'}, {exit: 1}]") == (Say("a"), Say("{x}"), Exit(1))
    with pytest.raises(ConfigError, match=r"REHEARSE:1: steps\[0\]\.wrk_s: no such key; did you mean work_s\?"):
        steered("REHEARSE: [{wrk_s: 1}]")
    with pytest.raises(ConfigError, match="REHEARSE:1: "):
        steered("REHEARSE: [{say: *x}]")
    with pytest.raises(ConfigError, match="steps: expected a list"):
        steered("REHEARSE: say hello")


def test_a_handed_task_moves_to_review() -> None:
    steps = packaged(fill(load_prompts()["task_brief"], **TASK))
    mails = [step for step in steps if isinstance(step, Mail)]
    assert [(mail.to, mail.subject) for mail in mails] == [("coord", "T0042 in-progress"), ("coord", "T0042 review")]
    assert [step.path for step in steps if isinstance(step, Write)] == ["notes/T0042.md"]
    assert mails[0].body == "web begins T0042: Do it. Twice."


def test_a_handed_proof_is_reported() -> None:
    steps = packaged(fill(load_prompts()["prove_brief"], **TASK))
    assert [step.subject for step in steps if isinstance(step, Mail)] == ["T0042 proved"]
    assert Run(("git", "status", "--short")) in steps


@pytest.mark.parametrize(
    ("subject", "kind"),
    [('say "hi". Read me', Reply), ("T0042 proved", Reply), ("Task T0042: x", Reply), ("Re: say hi", Ack)],
)
def test_handed_mail_is_answered_once(subject: str, kind: type[Step]) -> None:
    file = "20261121-011530-ops-to-web.2.md"
    prompt = fill(load_prompts()["mail_brief"], project="", sender="ops", subject=subject, file=file, lane="web")
    answers = [step for step in packaged(prompt) if isinstance(step, Reply | Ack)]
    assert [(type(step), step.file) for step in answers] == [(kind, file)]


def test_any_other_prompt_is_done() -> None:
    assert packaged("please") == (Work(1.0), Say("Done: please"))
