"""The brain of the day: a program of its own that knows nothing but the prompt. It hands over mail and ready tasks, has
work proved, asks a person about what only a person can say, and puts what files of ``plan/`` say beside that.

Every call is a line of ``brain-calls``. While there is a file ``brain-limit`` it says that, and answers nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

Action = dict[str, object]

TOKENS_IN, TOKENS_OUT = 1000, 100
"""What a call costs, whatever it says."""

MOST = 8
"""Actions of one decision."""

LANE = re.compile(
    r"^- (?P<name>\S+) \(role (?P<role>[\w-]+), .*?\): (?P<word>[\w-]+)/(?P<detail>[\w-]+)(?P<more>.*)$", re.M
)
MAIL = re.compile(
    r"^(?P<file>\S+\.md): says it is from (?P<sender>\S+), to (?P<to>\S+), .* ago(?P<handed> \(its text.*)?\n"
    r"`+untrusted\nsubject: \"(?P<subject>[^\"\n]*)\"",
    re.M,
)
TASK = re.compile(
    r"^- (?P<id>T\d{4}) \[(?P<status>[\w-]+)\] \"(?P<title>[^\"]*)\", role (?P<role>[\w-]+), "
    r"file (?P<file>\S+?)(?P<more>,.*)?$",
    re.M,
)


def main() -> None:
    prompt = sys.stdin.read()
    limit = Path("brain-limit")
    if limit.exists():
        sys.exit(limit.read_text())
    with Path("brain-calls").open("a") as calls:
        calls.write("call\n")
    actions = list(Prompt(prompt).actions())[:MOST]
    sys.stderr.write(f"Token usage: {TOKENS_IN:,} input, {TOKENS_OUT:,} output\n")
    block = json.dumps({"version": 1, "critique": "by the day's brain", "actions": actions})
    sys.stdout.write(f"```decision\n{block}\n```\n")


class Prompt:
    """What it says, and the lanes that are free."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.before_a_person = text[text.rindex("## Before a person") :]
        self.claimed = re.findall(r"^- (\S+): d-", self.before_a_person, re.M)
        self.lanes = {found["name"]: found for found in LANE.finditer(text)}
        self.free = [
            name
            for name, found in self.lanes.items()
            if ", may be typed into" in found["more"] and ", has T" not in found["more"] and name not in self.claimed
        ]

    def actions(self) -> Iterator[Action]:
        for path in sorted(Path("plan").glob("*.json")):
            action = json.loads(path.read_text())
            if self.take(action["lane"]):
                path.rename(path.with_suffix(".done"))
                yield action
        for task in TASK.finditer(self.text):
            yield from self.about_a_task(task)
        for mail in MAIL.finditer(self.text):
            yield from self.about_mail(mail)
        for name, lane in self.lanes.items():
            if lane["word"] == "errored" and not is_coming_back(lane):
                yield from self.ask(f"Lane {name} is {lane['detail']}", f"lane:{name}:{lane['detail']}")

    def about_a_task(self, task: re.Match[str]) -> Iterator[Action]:
        id, title, more = task["id"], task["title"], task["more"] or ""
        if task["status"] == "review" and "handed to" not in more and "proved" not in more:
            lane = self.take(role="validation")
            if lane:
                yield dispatch(lane, f"Prove task {id}: {title.split()[0]}.", task=id, purpose="prove")
        elif task["status"] == "open" and more.endswith("ready") and f"- work:{id}: d-" not in self.before_a_person:
            lane = self.take(role=task["role"])
            if lane:
                yield dispatch(lane, f"Task {id}: {title}.", task=id)
        if "not-proved" in more:
            yield from self.ask(f"{id} was not proved", f"proof:{id}")

    def about_mail(self, mail: re.Match[str]) -> Iterator[Action]:
        if mail["subject"].startswith("note"):
            return
        if mail["to"] == "coord" and mail["subject"].startswith("question"):
            yield from self.ask(f"{mail['sender']} asks: {mail['subject']}", f"mail:{mail['file']}")
        elif not mail["handed"] and self.take(mail["to"]):
            text = f'You have mail from {mail["sender"]}: "{mail["subject"]}". Read .loop/messages/{mail["file"]}.'
            yield dispatch(mail["to"], text, message=mail["file"])

    def take(self, name: str = "", role: str = "") -> str:
        """A free lane of this name or role, which is not free any more; empty if there is none."""
        for lane in self.free:
            if lane == name or self.lanes[lane]["role"] == role:
                self.free.remove(lane)
                return lane
        return ""

    def ask(self, summary: str, about: str) -> Iterator[Action]:
        if about not in self.before_a_person:
            yield {"kind": "escalate", "summary": summary, "about": about, "rationale": "only a person can say"}


def is_coming_back(lane: re.Match[str]) -> bool:
    """Its program ended and is started again without anybody."""
    return lane["detail"] == "exited" and "not started again any more" not in lane["more"]


def dispatch(lane: str, payload: str, **more: str) -> Action:
    return {"kind": "dispatch", "lane": lane, "payload": payload, "wait_ready": True, "rationale": "it is next", **more}


if __name__ == "__main__":
    main()
