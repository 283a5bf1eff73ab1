"""SIGTERM in the middle of something: the daemon ends soon, leaves no process, and the next one goes on right.

The seconds that each end took are a property of its test, for ``pytest --junitxml FILE -o junit_family=xunit1``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import Boot
from tests.support.daemons import Daemon, daemon
from tests.support.kills import REPEATS, REPOSITORY
from tests.support.listeners import listener
from tests.support.scratch import FAST_SCRIPT, Scratch, write_task
from tests.support.waiting import eventually

WEB = "{web: {harness: actor}}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"
GOT = FAST_SCRIPT.replace(
    "answers:", "answers:\n  - when: 'the-one-text'\n    steps:\n      - mail: {to: coord, subject: got, body: x}"
)

BRAIN = """\
import os, pathlib, signal, subprocess, sys, time
here = pathlib.Path(__file__).parent
prompt = sys.stdin.read()
asked = here / "asked"
with asked.open("a") as file:
    file.write("x")
if "hang" in sys.argv and asked.stat().st_size == 1:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    for own in (False, True):
        subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=own)
    (here / "hangs").touch()
    time.sleep(600)
if (here / "do").exists():
    exec((here / "do").read_text())
if (here / "wiki").exists():
    print((here / "wiki").read_text())
    sys.exit()
reply = here / "reply"
said = reply.read_text() if reply.exists() else "  - {kind: stop, rationale: r}"
reply.unlink(missing_ok=True)
print("```decision\\nversion: 1\\ncritique: c\\nactions:\\n" + said + "\\n```")
"""

DISPATCH = "  - {kind: dispatch, lane: web, payload: the-one-text, wait_ready: true, rationale: r}"

Stop = Callable[[Daemon], None]


@pytest.fixture
def stop(record_property: Callable[[str, object], None]) -> Stop:
    """Tell a daemon to stop, see that nothing is left of it, and note how long that took."""

    def told(one: Daemon) -> None:
        record_property("stopped_s", round(one.told_to_stop(), 3))

    return told


@pytest.fixture(autouse=True, params=range(REPEATS))
def again() -> None:
    """LOOP_KILL_REPEATS=20 for the long run."""


def brain(folder: Path, *words: str, reply: str = DISPATCH) -> str:
    """argv of a brain that says the reply once, and that nothing is left to do then."""
    folder.mkdir(exist_ok=True)
    (folder / "brain.py").write_text(BRAIN)
    (folder / "reply").write_text(reply)
    return f"[{', '.join([sys.executable, str(folder / 'brain.py'), *words])}]"


def with_brain(folder: Path, *words: str, reply: str = DISPATCH) -> str:
    return f"{ENGINE}, brain: {{use: command, command: {brain(folder, *words, reply=reply)}}}"


def at_rest(scratch: Scratch) -> bool:
    """No cycle is under way, and no decision is open."""
    return no_cycle_runs(scratch) and not list((scratch.session_dir / "engine" / "decisions").glob("*.json"))


def no_cycle_runs(scratch: Scratch) -> bool:
    begun = scratch.events("cycle.started")
    return not begun or any(one.trace == begun[-1].trace for one in scratch.events("cycle.ended"))


def closed(scratch: Scratch, kind: str) -> list[object]:
    """How the items of a kind ended."""
    return [event.payload["status"] for event in scratch.events("item.closed") if event.payload["kind"] == kind]


def check_receipts(scratch: Scratch) -> None:
    """Each delivery has one end, and nothing is open."""
    ended = [event.payload["op"] for event in scratch.events("delivery.closed")]
    assert len(ended) == len(set(ended))
    receipts = [json.loads(path.read_bytes()) for path in (scratch.session_dir / "deliveries").glob("*.json")]
    assert all(one["status"] not in ("open", "accepted") for one in receipts), receipts


def test_during_the_call_of_a_brain_that_hears_nothing_and_has_children(boot: Boot, tmp_path: Path, stop: Stop) -> None:
    scratch = boot(lanes=WEB, engine=with_brain(tmp_path / "b", "hang"), script=GOT)
    with daemon(scratch) as one:
        write_task(scratch.root, "T0001")
        eventually((tmp_path / "b" / "hangs").exists)
        assert len([each for each in one.started() if "brain.py" in str(each.cmdline())]) == 1
        stop(one)
    assert not scratch.events("decision.filed")
    with daemon(scratch) as after:
        eventually(lambda: scratch.mail("web", "got") == 1)
        eventually(lambda: at_rest(scratch))
        stop(after)
    assert scratch.mail("web", "got") == 1
    assert closed(scratch, "dispatch") == ["done"]
    check_receipts(scratch)


def dealt_with(scratch: Scratch, subject: str) -> str:
    file = scratch.ok("mail", "send", "--from", "web", "--to", "coord", "--subject", subject, "--body", "text").strip()
    scratch.ok("mail", "ack", file)
    return file


def pages(scratch: Scratch) -> str:
    found = sorted((scratch.root / "ops-wiki").glob("[ml]*/*.md"))
    return "".join(path.read_text(encoding="utf-8") for path in found)


def calls_for_a_cycle(scratch: Scratch) -> None:
    scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", "a wish", "--body", "please")


def asked(scratch: Scratch, lane: str) -> int:
    """Texts that reached a lane."""
    ended = [event.payload for event in scratch.events("delivery.closed")]
    return sum(one["lane"] == lane and one["status"] in ("submitted", "started") for one in ended)


def taken(scratch: Scratch) -> list[str]:
    """Files of the messages that the closed batches took in, one for each time."""
    done = [event.payload["files"] for event in scratch.events("ingest.closed") if event.payload["outcome"] == "taken"]
    return sorted(str(file) for files in done if isinstance(files, list) for file in files)


def test_while_a_lane_is_asked_to_take_mail_into_the_wiki(boot: Boot, stop: Stop) -> None:
    lanes = "{docs: {harness: rehearsal}, web: {harness: actor}}"
    scratch = boot(lanes=lanes, engine=f"{ENGINE}, ingest: {{mode: lane}}")
    scratch.ok("init")
    files = [dealt_with(scratch, f"number {number}") for number in range(2)]
    with daemon(scratch) as one:
        calls_for_a_cycle(scratch)
        eventually(lambda: asked(scratch, "docs"))
        stop(one)
    assert not taken(scratch)
    with daemon(scratch) as after:
        eventually(lambda: taken(scratch), limit_s=60)
        stop(after)
    assert taken(scratch) == sorted(files)
    assert len(scratch.events("ingest.begun")) == asked(scratch, "docs") == 1
    check_receipts(scratch)


def test_during_the_call_of_a_brain_that_takes_mail_into_the_wiki(boot: Boot, tmp_path: Path, stop: Stop) -> None:
    command = brain(tmp_path / "b", "hang")
    scratch = boot(lanes=WEB, engine=f"{ENGINE}, ingest: {{mode: headless, command: {command}}}")
    scratch.ok("init")
    file = dealt_with(scratch, "x")
    edit = f"{{page: loops/header.md, section: Outcome, sources: [{file}], text: It works.}}"
    (tmp_path / "b" / "wiki").write_text(f"```wiki\nversion: 1\nedits:\n  - {edit}\n```\n")
    with daemon(scratch) as one:
        calls_for_a_cycle(scratch)
        eventually((tmp_path / "b" / "hangs").exists)
        stop(one)
    assert not taken(scratch)
    with daemon(scratch) as after:
        eventually(lambda: taken(scratch))
        stop(after)
    assert taken(scratch) == [file]
    assert (scratch.root / "ops-wiki/loops/header.md").read_text().count("It works.") == 1
    assert (tmp_path / "b" / "asked").read_text() == "xx"
    assert not scratch.events("brain.failed", "wiki.blocked")


MANY = 100


def test_while_the_rules_take_many_messages_into_the_wiki(boot: Boot, stop: Stop) -> None:
    scratch = boot(lanes=WEB, engine=f"{ENGINE}, sweep_interval_s: 1, ingest: {{batch: 5}}")
    scratch.ok("init")
    processed = scratch.root / ".loop" / "messages" / "processed"
    names = [
        f"20261101-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-web-to-coord.md" for number in range(MANY)
    ]
    for number, name in enumerate(names):
        (processed / name).write_text(f"---\nsubject: number {number}\n---\n\ntext\n")
    stops = 0
    while len(taken(scratch)) < MANY:
        with daemon(scratch) as one:
            some = len(taken(scratch))
            eventually(lambda some=some: len(taken(scratch)) > some)  # type: ignore[misc]
            if stops < 3:
                stop(one)
                stops += 1
            else:
                eventually(lambda: len(taken(scratch)) == MANY, limit_s=60)
    assert stops == 3
    assert taken(scratch) == names
    written = pages(scratch)
    assert [name for name in names if written.count(f"### {name.removesuffix('.md')}\n") != 1] == []
    log = (scratch.root / "ops-wiki/log.md").read_text()
    assert [name for name in names if log.count(name) != 1] == []


def accepted(scratch: Scratch) -> None:
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said


def keeper(scratch: Scratch, name: str, *words: str) -> str:
    """Adds a harness of an agent that keeps every byte it gets, in NAME.bytes; its config as a lane."""
    agent = REPOSITORY / "tests/support/recording_agent.py"
    argv = json.dumps(["{python}", str(agent), str(scratch.root / f"{name}.bytes"), *words])
    (scratch.root / ".loop/harnesses" / f"{name}.yaml").write_text(
        f"name: {name}\ntitle: {name}\nkind: agent\nlaunch: {argv}\nforeground: [python, python3]\n"
        "idle_settle_s: 0.05\nharmless: ['.']\n"
        "composer: {line: '^>(?: (?P<text>.*))?$', frame: last, settle_s: 0, clear: [C-u]}\n"
    )
    accepted(scratch)
    scratch.ok("lane", "add", name, "--harness", name)
    eventually(lambda: scratch.lane_state(name) == "idle")
    return name


def pasted(scratch: Scratch, lane: str) -> int:
    return (scratch.root / f"{lane}.bytes").read_bytes().count(b"\x1b[200~the-one-text\x1b[201~")


@pytest.mark.parametrize("in_line", [False, True])
@pytest.mark.parametrize("word", ["deaf", "blind"])
def test_during_a_delivery_that_is_not_proved_yet(
    boot: Boot, tmp_path: Path, stop: Stop, word: str, in_line: bool
) -> None:
    """deaf: Enter does nothing, so that proof is waited for. blind: it does not show what was pasted, so that Enter is
    not pressed yet.
    """
    reply = "  - {kind: dispatch, lane: it, payload: the-one-text, wait_ready: true, rationale: r}"
    scratch = boot(lanes=WEB, engine=with_brain(tmp_path / "b", reply=reply))
    lane = keeper(scratch, "it", word)
    with daemon(scratch) as one:
        if in_line:
            (tmp_path / "b" / "reply").unlink()
            scratch.ok("send", "--queue", lane, "the-one-text")
        else:
            write_task(scratch.root, "T0001")
        eventually(lambda: pasted(scratch, lane))
        if word == "deaf":
            eventually(lambda: b"\x1b[201~\r" in (scratch.root / f"{lane}.bytes").read_bytes())
        stop(one)
    (ended,) = scratch.events("delivery.closed")
    assert (ended.payload["lane"], ended.payload["status"]) == (lane, "unknown")
    op = str(ended.payload["op"])
    with daemon(scratch) as after:
        write_task(scratch.root, "T0002")
        cycles = len(scratch.events("cycle.ended"))
        eventually(lambda: len(scratch.events("cycle.ended")) > cycles and at_rest_but_for(scratch, op))
        stop(after)
    assert pasted(scratch, lane) == 1
    assert len(scratch.events("delivery.closed")) == 1
    assert f"loop resolve {op} " in scratch.ok("status")
    code, said = scratch.person("resolve", op, "did-not")
    assert code == 0, said
    with daemon(scratch) as last:
        eventually(lambda: at_rest(scratch))
        stop(last)
    assert pasted(scratch, lane) == 1
    assert closed(scratch, "dispatch") == ([] if in_line else ["unknown", "failed"])


def at_rest_but_for(scratch: Scratch, op: str) -> bool:
    """No cycle is under way, and no decision is open but that of a delivery."""
    left = {path.stem for path in (scratch.session_dir / "engine" / "decisions").glob("*.json")}
    return no_cycle_runs(scratch) and left <= {op.rpartition("-")[0]}


def test_while_a_lane_boots_that_a_decision_adds(boot: Boot, tmp_path: Path, stop: Stop) -> None:
    add = "  - {kind: add_lane, window: helper, harness: slow, brief: the-one-text, rationale: r}"
    scratch = boot(lanes=WEB, engine=with_brain(tmp_path / "b", reply=add), script=GOT)
    actor = (scratch.root / ".loop/harnesses/actor.yaml").read_text()
    slow = actor.replace("name: actor", "name: slow").replace("--script", '--boot-s, "4", --script')
    (scratch.root / ".loop/harnesses/slow.yaml").write_text(slow)
    accepted(scratch)
    with daemon(scratch) as one:
        write_task(scratch.root, "T0001")
        eventually(lambda: any(event.payload["lane"] == "helper" for event in scratch.events("lane.added")))
        stop(one)
    assert closed(scratch, "add_lane") == ["failed"]
    (tmp_path / "b" / "reply").write_text(DISPATCH.replace("web", "helper"))
    with daemon(scratch) as after:
        eventually(lambda: scratch.mail("helper", "got"))
        eventually(lambda: at_rest(scratch))
        stop(after)
    assert scratch.mail("helper", "got") == asked(scratch, "helper") == 1
    assert sum(event.payload["lane"] == "helper" for event in scratch.events("lane.added")) == 1
    assert closed(scratch, "dispatch") == ["done"]
    check_receipts(scratch)


def test_while_a_stop_looks_at_a_terminal_that_does_not_answer(boot: Boot, tmp_path: Path, stop: Stop) -> None:
    scratch = boot(lanes=WEB, engine=with_brain(tmp_path / "b", reply="  - {kind: stop, rationale: r}"))
    server = int(scratch.tmux("display-message", "-p", "#{pid}"))
    (tmp_path / "b" / "do").write_text(f"os.kill({server}, signal.SIGSTOP)")
    try:
        with daemon(scratch) as one:
            write_task(scratch.root, "T0001")
            eventually(lambda: scratch.events("item.started"))
            stop(one)
    finally:
        os.kill(server, signal.SIGCONT)
    (tmp_path / "b" / "do").unlink()
    with daemon(scratch) as after:
        eventually(lambda: at_rest(scratch) and len(closed(scratch, "stop")) > 1)
        stop(after)
    assert closed(scratch, "stop")[0] == "failed"
    assert closed(scratch, "stop")[-1] == "done"


HANGING_GIT = """\
#!{python}
import os, pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
if (here / "hang").exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (here / "hangs").touch()
    time.sleep(600)
os.execv("{git}", ["git", *sys.argv[1:]])
"""


def test_while_a_lane_is_started_again_and_git_hangs(boot: Boot, tmp_path: Path, stop: Stop) -> None:
    scratch = boot(lanes=WEB, engine=ENGINE)
    with (scratch.root / "lane-config.yaml").open("a") as config:
        config.write("restart: {waits_s: [0, 0, 0], settle_s: 0}\n")
    accepted(scratch)
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(HANGING_GIT.format(python=sys.executable, git=shutil.which("git")))
    program.chmod(0o755)
    scratch.env["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    with daemon(scratch) as one:
        eventually(lambda: scratch.events("control.connected"))
        (program.parent / "hang").touch()
        run = json.loads((scratch.session_dir / "lanes" / "web.run.json").read_bytes())
        os.killpg(run["pid"], signal.SIGKILL)
        eventually((program.parent / "hangs").exists)
        stop(one)
    (program.parent / "hang").unlink()
    with daemon(scratch) as after:
        eventually(lambda: scratch.events("lane.recovered"))
        stop(after)
    assert [event.payload["attempt"] for event in scratch.events("lane.restarted")] == [1]
    running = [one for one in psutil.process_iter() if str(scratch.root / "script.yaml") in " ".join(words(one))]
    assert len(running) == 1


def words(one: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        found = one.cmdline()
        return found if "loop_orchestrator.rehearsal" in found else []
    return []


def test_while_a_service_that_tells_a_person_never_answers(boot: Boot, stop: Stop) -> None:
    scratch = boot(lanes=WEB, engine="approval: manual, min_cycle_interval_s: 0.1")
    with listener() as service:
        service.hangs.set()
        with (scratch.root / "lane-config.yaml").open("a") as config:
            config.write("notify: {every_s: 0, services: {hook: {url_env: HOOK_URL, timeout_s: 120}}}\n")
        scratch.env["HOOK_URL"] = service.url
        accepted(scratch)
        with daemon(scratch) as one:
            write_task(scratch.root, "T0001")
            eventually(lambda: any("apprised" in str(each.cmdline()) for each in one.started()))
            stop(one)
        assert not scratch.events("notice.sent", "notice.failed", "crash")
        service.hangs.clear()
        with daemon(scratch) as after:
            eventually(lambda: scratch.events("notice.sent"))
            stop(after)
    decision = scratch.events("decision.filed")[0].payload["decision"]
    assert [one["message"].count(f"loop approve {decision}") for one in service.got] == [1]
