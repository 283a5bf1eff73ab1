"""The wiki as the engine's memory: mail gets into it in each mode, once, whenever the engine is killed."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_watch import watching
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

WEB = "{web: {harness: actor}}"
ANSWERED = ("ingest.answered", "ingest.recorded")
"""Points of a batch that a lane was asked about, after its answer."""

DOCS = "{docs: {harness: rehearsal}, web: {harness: actor}}"
QUICK = "approval: manual, min_cycle_interval_s: 0.1"

FILING = ("filing.archived", "filing.filed")
"""Points of filing decisions; tests/cli/test_engine_ingest.py kills at those of taking mail in."""


def dealt_with(scratch: Scratch, subject: str, sender: str = "web") -> str:
    file = scratch.ok("mail", "send", "--from", sender, "--to", "coord", "--subject", subject, "--body", "text").strip()
    scratch.ok("mail", "ack", file)
    return file


def wiki(scratch: Scratch, page: str) -> str:
    path = scratch.root / "ops-wiki" / page
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def mail_pages(scratch: Scratch) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (scratch.root / "ops-wiki").glob("[ml]*/*.md"))


def waiting(scratch: Scratch) -> list[str]:
    """Decisions that were filed and needed a person."""
    return [str(one.payload["decision"]) for one in scratch.events("decision.filed") if one.payload["waiting"]]


def cycle(scratch: Scratch, times: int = 1) -> None:
    for _ in range(times):
        scratch.ok("engine", "once", codes=(0, 3, 4))  # 4: the daemon runs one


def killed_at(scratch: Scratch, point: str) -> None:
    killed = scratch.run("engine", "once", env={"LOOP_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, (point, killed.stderr)


def test_mail_becomes_a_page_an_index_line_a_log_entry_and_a_filed_decision_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=QUICK)
    scratch.ok("init")
    with watching(scratch):
        scratch.ok("mail", "send", "--from", "web", "--to", "coord", "--subject", "odd thing", "--body", "look")
        eventually(lambda: len(waiting(scratch)) == 1)
        assert mail_pages(scratch) == "", "nobody has dealt with it"
        code, said = scratch.person("approve", *waiting(scratch))
        assert code == 0, said
        eventually(lambda: scratch.events("ingest.closed"))
        cycle(scratch, 10)
    (closed,) = scratch.events("ingest.closed")
    assert isinstance(closed.payload["files"], list)
    (file,) = map(str, closed.payload["files"])
    assert mail_pages(scratch).count(f"### {file.removesuffix('.md')}\n") == 1
    assert wiki(scratch, "log.md").count(file) == 1
    assert wiki(scratch, "index.md").count("](mail/") == 1
    checkpoint = wiki(scratch, "checkpoint.md")
    assert checkpoint.count("### d-") == 1 and "odd thing" in checkpoint.partition("coord-decisions")[2]
    assert scratch.run("wiki-lint").returncode == 0
    status = scratch.json("status")["ingest"]
    assert isinstance(status, dict) and status["waiting"] == 0 and status["last"]["outcome"] == "taken"
    assert "wiki: last 1 taken" in scratch.ok("status")


def test_a_cycle_killed_while_mail_is_taken_in_loses_nothing_and_does_nothing_twice(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=QUICK)
    scratch.ok("init")
    files = [dealt_with(scratch, f"number {number}") for number in range(2)]
    killed_at(scratch, "ingest.page-written")
    cycle(scratch, 2)
    for file in files:
        assert mail_pages(scratch).count(f"### {file.removesuffix('.md')}\n") == 1
        assert wiki(scratch, "log.md").count(file) == 1
    assert len(scratch.events("ingest.closed")) == 1


@pytest.mark.parametrize("point", FILING)
def test_killed_while_a_decision_is_filed_it_stands_there_once(boot: Boot, point: str) -> None:
    scratch = boot(lanes=WEB, engine="approval: auto, checkpoint: {keep_decisions: 1}")
    scratch.ok("init")
    for number in range(2):
        scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", f"n{number}", "--body", "x")
        if number == 0:
            cycle(scratch)
        else:
            killed_at(scratch, point)
        eventually(lambda: scratch.lane_state("web") == "idle")
    cycle(scratch, 2)
    ids = [str(event.payload["decision"]) for event in scratch.events("decision.filed")][:2]
    filed = wiki(scratch, "checkpoint.md") + wiki(scratch, "decisions-archive.md")
    assert [filed.count(f"### {id}:") for id in ids] == [1, 1]
    assert f"### {ids[0]}:" in wiki(scratch, "decisions-archive.md")


def test_a_message_killed_in_its_quarantine_is_moved_by_the_next_cycle_and_comes_back_by_hand(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual, ingest: {tries: 1}")
    scratch.ok("init")
    file = dealt_with(scratch, "header: x")
    scratch.ok("state", "loop", "header", "--set", "name=Header")
    page = scratch.root / "ops-wiki" / "loops" / "header.md"
    page.write_text("# Header\n\n```\nopen\n")
    killed_at(scratch, "ingest.quarantining")
    cycle(scratch, 2)
    assert "could not be taken into the wiki" in scratch.ok("mail", "list", "--failed")
    assert "1 message could not be taken into the wiki" in scratch.ok("status")
    assert page.read_text() == "# Header\n\n```\nopen\n"
    page.write_text("# Header\n")
    scratch.ok("engine", "ingest", "--again")
    assert page.read_text().count(f"### {file.removesuffix('.md')}\n") == 1
    assert "could not be taken" not in scratch.ok("status")
    assert scratch.json("mail", "list", "--failed")["failed"] == []


def test_a_docs_lane_is_asked_once_through_the_gate_and_its_answer_ends_the_batch(boot: Boot) -> None:
    scratch = boot(lanes=DOCS, engine=f"{QUICK}, ingest: {{mode: lane}}")
    scratch.ok("init")
    files = [dealt_with(scratch, f"number {number}") for number in range(2)]
    with watching(scratch):
        cycle(scratch, 3)
        (filed,) = waiting(scratch)
        assert not scratch.events("delivery.closed"), "in mode manual a person is asked first"
        later = dealt_with(scratch, "later")
        code, said = scratch.person("approve", filed)
        assert code == 0, said
        eventually(lambda: scratch.events("ingest.closed"), limit_s=60)
    (closed,) = scratch.events("ingest.closed")
    assert (closed.payload["outcome"], closed.payload["files"]) == ("taken", files)
    assert closed.payload["note"] == "2 of 2 are named in pages of the wiki"
    assert all(file in wiki(scratch, "log.md") and file in mail_pages(scratch) for file in files)
    assert "](mail/i-" in wiki(scratch, "index.md")
    eventually(lambda: begun(scratch) == 2, what="the next batch")
    rows = {row["file"]: row for row in ledger(scratch)}
    assert {row["outcome"] for name, row in rows.items() if "-docs-to-" in name} == {"answer"}
    assert later not in rows, "it is in the next batch, which waits for a yes"
    assert scratch.events("ingest.begun")[0].payload["batch"] == closed.payload["batch"]


def begun(scratch: Scratch) -> int:
    """Batches that were begun, after one more cycle: the lane is asked as soon as it is ready."""
    cycle(scratch)
    return len(scratch.events("ingest.begun"))


def ledger(scratch: Scratch) -> list[dict[str, str]]:
    return [json.loads(line) for line in (scratch.root / ".loop/ingest/ledger.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("point", ["ingest.begun", "decision.filed", "delivery.accepted", *ANSWERED])
def test_killed_while_a_lane_is_asked_it_is_asked_once_all_the_same(boot: Boot, point: str) -> None:
    scratch = boot(lanes=DOCS, engine="approval: auto, ingest: {mode: lane}")
    scratch.ok("init")
    file = dealt_with(scratch, "x")

    def asked() -> int:
        return sum(event.payload["to"] == "coord" and "ingest i-" in str(event.payload["subject"])
                   for event in scratch.events("mail.sent"))  # fmt: skip

    if point in ANSWERED:
        cycle(scratch)
        eventually(lambda: asked() == 1)
    killed_at(scratch, point)

    def closed() -> bool:
        (scratch.root / ".loop/ingest/notes.json").unlink(missing_ok=True)  # no wait after a failed delivery
        cycle(scratch)
        return bool(scratch.events("ingest.closed"))

    eventually(closed, limit_s=60)
    assert asked() == 1
    first = ledger(scratch)[0]
    assert (first["file"], first["outcome"]) == (file, "taken")


def test_a_lane_that_never_answers_is_put_before_a_person(boot: Boot) -> None:
    lanes = "{docs: {harness: actor}, web: {harness: actor}}"
    scratch = boot(lanes=lanes, engine="approval: auto, ingest: {mode: lane, answer_s: 0.1}")
    scratch.ok("init")
    file = dealt_with(scratch, "x")
    cycle(scratch, 3)
    (closed,) = scratch.events("ingest.closed")
    assert closed.payload["outcome"] == "unanswered"
    assert "a lane was asked to take 1 message into the wiki and did not" in scratch.ok("status")
    assert len(scratch.events("ingest.begun")) == 1
    scratch.ok("engine", "ingest", "--again", "--mode", "rules")
    assert mail_pages(scratch).count(f"### {file.removesuffix('.md')}\n") == 1


def test_a_lane_that_there_is_not_is_said_and_no_decision_is_made_of_it(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine="approval: auto, ingest: {mode: lane}")
    scratch.ok("init")
    dealt_with(scratch, "x")
    cycle(scratch, 3)
    assert "there is no lane docs" in scratch.ok("status")
    assert not [one for one in scratch.events("decision.filed") if one.payload["verdicts"] != ["safe"]]
    assert len(scratch.events("wiki.blocked")) == 1


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


def test_a_brain_writes_what_it_makes_of_mail_once(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "brain.py").write_text(BRAIN)
    ingest = f"{{mode: headless, command: [{sys.executable}, {tmp_path / 'brain.py'}]}}"
    scratch = boot(lanes=WEB, engine=f"approval: auto, ingest: {ingest}")
    scratch.ok("init")
    file = dealt_with(scratch, "x")
    cycle(scratch, 3)
    page = wiki(scratch, "loops/header.md")
    assert page.count("It works.") == 1 and page.count(f"`{file}`") == 1
    assert wiki(scratch, "log.md").count(file) == 1 and wiki(scratch, "index.md").count("](loops/header.md)") == 1
    assert len(scratch.events("ingest.closed")) == 1
    called = [event.payload["brain"] for event in scratch.events("brain.called")]
    assert called.count("ingest-command") == 1
    assert (tmp_path / "asked").read_text() == "x"


def test_the_wiki_is_looked_at_and_reviewed_once_in_an_interval(boot: Boot) -> None:
    scratch = boot(lanes=DOCS, engine="approval: auto, min_cycle_interval_s: 0.1, lint: {enabled: true, every: 1h}")
    scratch.ok("init")
    (scratch.root / "ops-wiki" / "loops" / "lost.md").write_text("# Lost\n\n[x](nowhere.md)\n")
    (scratch.root / "tasks" / "T0001-bad.md").write_text("no front matter\n")
    with watching(scratch):
        eventually(lambda: scratch.events("delivery.closed"))
    with watching(scratch):
        eventually(lambda: len(scratch.events("tasks.linted")) == 2)
    (linted,) = scratch.events("wiki.linted")
    assert any("nowhere.md" in str(one) for one in linted.payload["findings"])  # type: ignore[union-attr]
    assert wiki(scratch, "log.md").count("] lint | ") == 1 and "nowhere.md" in wiki(scratch, "log.md")
    (closed,) = scratch.events("delivery.closed")
    assert "by lint in mode auto" in scratch.ok("engine", "show", str(closed.payload["op"]).rpartition("-")[0])
    said = scratch.ok("status")
    assert "when it was looked at last; loop wiki-lint" in said and "task files: 1 error" in said


def test_a_daemon_killed_after_the_log_of_a_look_says_it_once(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual, lint: {enabled: true}")
    scratch.ok("init")
    (scratch.root / "ops-wiki" / "loops" / "lost.md").write_text("# Lost\n")
    killed = scratch.run("engine", "watch", "--foreground", env={"LOOP_CRASH_AT": "lint.said"})
    assert killed.returncode == -signal.SIGKILL
    with watching(scratch):
        eventually((scratch.root / ".loop/lint.json").is_file)
    assert wiki(scratch, "log.md").count("] lint | ") == 1
    assert len(scratch.events("wiki.linted")) == 1


def test_an_agent_may_not_take_mail_in_and_looking_writes_nothing(boot: Boot) -> None:
    scratch = boot(lanes=WEB, engine=QUICK)
    scratch.ok("init")
    file = dealt_with(scratch, "x")
    in_web = {"LOOP_LANE": "web", "LOOP_SESSION": "scratch", "LOOP_PROJECT_ROOT": str(scratch.root)}
    refused = scratch.run("engine", "ingest", env=in_web)
    assert refused.returncode == 1 and "an agent may not take mail into the wiki" in refused.stderr
    assert "1 processed, 1 of them to be taken into the wiki" in scratch.ok("wiki-pending")
    assert file in scratch.ok("engine", "ingest", "--dry-run") and mail_pages(scratch) == ""
    assert not (scratch.root / ".loop" / "ingest").exists()
    assert scratch.run("engine", "ingest", "--mode", "ruls").returncode == 2
    assert scratch.run("engine", "ingest", "--mode", "headless").returncode == 2
    assert scratch.json("engine", "ingest")["messages"] != []
