"""An agent in a lane takes part by what `loop brief` and AGENTS.md print; what is a person's is refused there."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

from loop_orchestrator.operations.init import AGENTS_SECTION
from tests.flows.conftest import Boot
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

SECTION = (Path(__file__).parents[2] / "AGENTS.md").read_text(encoding="utf-8").partition("# For agents in lanes")[2]


def test_the_page_for_agents_is_the_one_that_init_writes() -> None:
    assert SECTION.partition("\n- ")[2] == AGENTS_SECTION.partition("\n- ")[2]


LANES = "{coord: {cmd: sleep 1000}, web: {harness: actor, role: implementation}}"
SCRIPT = """
boot_s: 0.05
default:
  steps:
    - run: [sh, typed.sh]
"""
"""An agent that runs what stands in a file, whatever it is told."""


def in_lane(scratch: Scratch, commands: list[str]) -> list[tuple[str, int, str]]:
    """Each command as it stands, run by the agent in lane web: with its exit code and what it printed."""
    said = [scratch.root / f"said-{uuid4().hex}" for _ in commands]
    lines = [
        f"{{\n{command}\n}} >{out} 2>&1\necho $? >{out}.code\n" for command, out in zip(commands, said, strict=True)
    ]
    (scratch.root / "typed.sh").write_text("".join(lines) + f"mv {said[-1]}.code {said[-1]}.done; exit\n")
    scratch.ok("send", "web", "Run `loop brief` and take part.", "--wait-ready")
    eventually(Path(f"{said[-1]}.done").exists, limit_s=60, what="the commands of the agent in the lane")
    Path(f"{said[-1]}.done").rename(f"{said[-1]}.code")
    codes = [int(Path(f"{out}.code").read_text()) for out in said]
    return [(command, code, out.read_text()) for command, code, out in zip(commands, codes, said, strict=True)]


def mail_to_web(scratch: Scratch, count: int) -> list[str]:
    return [
        scratch.ok("mail", "send", "--from", "coord", "--to", "web", "--subject", f"s{number}", "--body", "b").strip()
        for number in range(count)
    ]


def test_every_command_of_the_brief_and_of_the_page_works_in_a_lane_as_it_is_printed(boot: Boot) -> None:
    scratch = boot(lanes=LANES, script=SCRIPT, engine=None)
    scratch.ok("init")
    write_task(scratch.root, "T0001")
    mail_to_web(scratch, 2)
    ((_, code, text),) = in_lane(scratch, ["loop brief"])
    assert code == 0, text
    assert "You are lane web of session scratch, in the role implementation." in text
    commands = re.findall(r"(?m)^  (loop .*)$", text)
    assert len(commands) >= 9
    assert [one for one in in_lane(scratch, commands) if one[1] != 0] == []
    assert scratch.mail("web", "T0001 in-progress") == scratch.mail("web", "T0001 review") == 1
    assert scratch.mail("web", "Question") == 1

    shown, waiting = mail_to_web(scratch, 2)
    page = re.findall(r"`(loop [^`]+)`", SECTION)
    assert len(page) >= 10
    commands = [one.replace("FILE", shown) for one in page]
    assert [one for one in in_lane(scratch, commands) if one[1] != 0] == []
    assert scratch.mail("web", "T0001 review") == 2
    processed = {path.name for path in (scratch.root / ".loop/messages/processed").iterdir()}
    assert shown in processed
    assert waiting not in processed
    assert len([*(scratch.root / "docs/adr").glob("000[12]-what-should-be-decided.md")]) == 2


def test_a_lane_proposes_and_only_a_person_accepts(boot: Boot) -> None:
    scratch = boot(lanes=LANES, script=SCRIPT, engine=None)
    (scratch.root / "record.md").write_text("it went well\n")
    propose = 'loop adr new "Use tmux" --verify-record record.md --rollback record.md'
    tried = in_lane(
        scratch,
        [
            propose,
            "loop adr accept 1",
            "env -u LOOP_LANE setsid -w loop adr accept 1",
            "loop-adr reject --dir docs/adr 1",
        ],
    )
    assert [code for _, code, _ in tried] == [0, 1, 1, 1], tried
    assert "was not accepted" in tried[1][2]
    (file,) = (scratch.root / "docs/adr").iterdir()
    before = file.read_text()
    assert "status: Proposed\n" in before
    assert len(scratch.events("adr.refused")) == 3

    code, said = scratch.person("adr", "accept", "1")
    assert (code, said) == (0, "0001 is Accepted: Use tmux\n")
    assert file.read_text() == before.replace("status: Proposed", "status: Accepted")
    (event,) = scratch.events("adr.accepted")
    assert event.payload["verify_record"] == "record.md"
    code, said = scratch.person("adr", "accept", "1", "--json")
    assert code == 1
    assert f"{file}:2: status: ADR 0001 is Accepted" in said
