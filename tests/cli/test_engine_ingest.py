"""`loop engine ingest`: by hand, killed at every recorded step of it, and refused where it cannot be."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from loop_orchestrator.crash import CRASH_POINTS
from loop_orchestrator.operations.trust import accept
from tests.cli.conftest import Loop, loop_outside
from tests.support.builders import NOW
from tests.support.projects import project_at

STEPS = ("begun", "planned", "page-written", "indexed", "logged", "recorded")
ELSEWHERE = ("ingest.answered", "ingest.quarantining", "lint.said", "filing.archived", "filing.filed")
"""Points that tests/flows/test_ingest.py kills at."""

BRAIN = """
import pathlib, re, sys
prompt = sys.stdin.read()
(pathlib.Path(__file__).parent / "asked").open("a").write("x")
files = dict.fromkeys(re.findall(r"(?m)^(\\S+-to-coord(?:\\.\\d+)?\\.md): says", prompt))
print(f'''```wiki
version: 1
edits:
  - {{page: loops/header.md, section: Outcome, sources: [{", ".join(files)}], text: It works.}}
```''')
"""


@pytest.fixture
def wiki(loop: Loop, shop: Path) -> Path:
    (shop / "lane-config.yaml").write_text("engine: {approval: manual}\n")
    assert loop("init").code == 0
    return shop / "ops-wiki"


def dealt_with(loop: Loop, subject: str) -> str:
    sent = loop("mail", "send", "--from", "web", "--to", "coord", "--subject", subject, "--body", "b", "--json")
    file = str(sent.document["file"])
    assert loop("mail", "ack", file).code == 0
    return file


def written(wiki: Path) -> str:
    return "".join(path.read_text() for folder in ("mail", "loops") for path in wiki.glob(f"{folder}/*.md"))


def test_every_point_of_the_wiki_has_its_kill() -> None:
    here = {f"ingest.{step}" for step in STEPS} | set(ELSEWHERE)
    assert here == {point for point in CRASH_POINTS if point.startswith(("ingest.", "filing.", "lint."))}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_next_run_takes_everything_in_once(loop: Loop, wiki: Path, step: str) -> None:
    files = [dealt_with(loop, f"number {number}") for number in range(2)]
    killed = loop_outside("engine", "ingest", env={"LOOP_CRASH_AT": f"ingest.{step}"})
    assert killed.code == -signal.SIGKILL, killed.err
    for _ in range(3):
        assert loop("engine", "ingest").code == 0
    log = (wiki / "log.md").read_text()
    for file in files:
        assert written(wiki).count(f"### {file.removesuffix('.md')}\n") == 1
        assert log.count(file) == 1
    assert (wiki / "index.md").read_text().count("](mail/") == 1
    assert loop("status", "--json").document["ingest"]["waiting"] == 0  # type: ignore[index,call-overload]


@pytest.mark.parametrize("point", ["ingest.begun", "brain.charged", "ingest.planned", "ingest.page-written"])
def test_killed_while_a_brain_is_asked_its_answer_is_written_once(
    loop: Loop, wiki: Path, tmp_path: Path, point: str
) -> None:
    (tmp_path / "brain.py").write_text(BRAIN)
    argv = json.dumps([sys.executable, str(tmp_path / "brain.py")])
    (wiki.parent / "lane-config.yaml").write_text(f"engine: {{ingest: {{mode: headless, command: {argv}}}}}\n")
    refused = loop("engine", "ingest")
    assert refused.code != 0 and "mail is taken into the wiki by: " in refused.out + refused.err
    project = project_at(wiki.parent)
    accept(project.door, project.state_home, by="ann", now=NOW)
    file = dealt_with(loop, "x")
    killed = loop_outside("engine", "ingest", env={"LOOP_CRASH_AT": point})
    assert killed.code == -signal.SIGKILL, killed.err
    for _ in range(3):
        assert loop("engine", "ingest").code == 0
    page = (wiki / "loops" / "header.md").read_text()
    assert page.count("It works.") == 1 and page.count(f"`{file}`") == 1
    assert (wiki / "log.md").read_text().count(file) == 1
    assert (tmp_path / "asked").read_text() == "x"


def test_looking_writes_nothing_and_says_where_it_would_go(loop: Loop, wiki: Path) -> None:
    assert loop("engine", "ingest", "--dry-run").out == "no mail waits to be taken into the wiki\n"
    file = dealt_with(loop, "x")
    before = sorted(os.walk(wiki.parent))
    ran = loop("engine", "ingest", "--dry-run")
    assert ran.code == 0 and f"{file}  mail/{file[:4]}-{file[4:6]}.md" in ran.out
    assert loop("engine", "ingest", "--dry-run", "--json").document["messages"] == [
        {"file": file, "page": f"mail/{file[:4]}-{file[4:6]}.md", "note": None}
    ]
    assert sorted(os.walk(wiki.parent)) == before and written(wiki) == ""
    said = loop("engine", "ingest", "--json").document
    assert [one["outcome"] for one in said["messages"]] == ["taken"]  # type: ignore[union-attr,index,call-overload]


def test_what_cannot_be_is_refused_with_what_to_do(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("engine: {ingest: {mode: off}}\n")
    ran = loop("engine", "ingest")
    assert ran.code == 2 and "engine.ingest.mode is off" in ran.err and "--mode rules" in ran.err
    ran = loop("engine", "ingest", "--mode", "rules")
    assert ran.code == 1 and "there is no wiki" in ran.err and "loop init" in ran.err
    loop("init")
    ran = loop("engine", "ingest", "--mode", "headless")
    assert ran.code == 2 and "engine.ingest.brain" in ran.err
    assert loop("engine", "ingest", "--mode", "ruls").code == 2
    assert loop("engine", "ingest", "--again", "--dry-run").code == 2
    (shop / "lane-config.yaml").write_text("{}\n")
    assert "no engine" in loop("engine", "ingest").err
    assert "wiki:" not in loop("status").out


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("ingest: {mode: ruls}", "did you mean rules"),
        ("ingest: {mode: headless}", "headless needs a program"),
        ("ingest: {brain: rules}", "is no program"),
        ("ingest: {brain: clade}", "did you mean claude"),
        ("ingest: {mode: headless, brain: command}", "needs ingest.command"),
        ("ingest: {command: [x], brain: claude}", "command runs only with"),
        ("ingest: {mode: headless, brain: claude}, policy: {brain_allow: [codex]}", "not in policy.brain_allow"),
        ("lint: {every: 24}", "such as 24h"),
        ("lint: {every: soon}", "such as 24h"),
        ("checkpoint: {keep_decisions: 0}", "1"),
    ],
)
def test_a_mistake_in_the_config_is_named(loop: Loop, shop: Path, said: str, problem: str) -> None:
    (shop / "lane-config.yaml").write_text(f"engine: {{{said}}}\n")
    ran = loop("validate")
    assert ran.code == 2 and problem in ran.out + ran.err
