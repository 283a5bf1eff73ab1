"""Makes the recorded day: 24 hours, a scene in each, the same on every machine.

``python -m tests.support.day.history`` writes the file. A line of it is one thing that happens: when (``at``, the time
of day), ``what``, and to whom. Lines of the same minute happen together. An hour leaves nothing open that another one
needs, so that some hours alone are a history too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Line = Mapping[str, str | int]

FILE = Path(__file__).parents[2] / "flows" / "day.jsonl"

IMPLEMENTATION = ("web", "api")
VALIDATION = "validate-left"
DOCS = "docs"
LANES = (*IMPLEMENTATION, VALIDATION, DOCS)

EXPIRES_S = 3600
"""How long a decision of this day may wait."""

ASK_S = 1200
"""How long an answer of a lane may take."""

LINES = 500
"""How many things happen in the whole day."""


class Hour:
    """The lines of one hour; ids of tasks and numbers of letters say which hour they are of."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: list[Line] = []
        self.random = random.Random(number)
        self._letters = 0

    def add(self, minute: int, what: str, **fields: str | int) -> None:
        self.lines.append({"at": f"{self.number:02}:{minute:02}", "what": what, **fields})

    def task(self, minute: int, which: int, end: str = "done", **fields: str | int) -> str:
        """A task that is worked on and proved. end: what a person makes of it five minutes later; empty: nothing."""
        id = f"T{self.number:02}{which:02}"
        self.add(minute, "task", id=id, **fields)
        if end:
            self.add(minute + 5, f"task-{end}", id=id)
        return id

    def wish(self, minute: int, lane: str, *, read: bool = True) -> None:
        """A person writes to a lane, which answers; read: the person puts the answer away."""
        subject = f"wish {self._letter()}"
        self.add(minute, "wish", lane=lane, subject=subject)
        if read:
            self.add(minute + 2, "read", lane=lane, subject=subject)

    def note(self, minute: int) -> None:
        """A word from one lane to another, which is put away at once, or to the coordinator, which stays until the hour
        is tidied up."""
        sender, recipient = self.random.sample([*LANES, "coord"], 2)
        if sender == "coord":
            sender, recipient = recipient, sender
        self.add(minute, "note", sender=sender, lane=recipient, subject=f"note {self._letter()}")

    def letter(self, minute: int, sender: str, lane: str) -> None:
        """A lane writes to another one, which answers; the first puts the answer away."""
        self.add(minute, "letter", sender=sender, lane=lane, subject=f"letter {self._letter()}")

    def question(self, minute: int, end: str) -> None:
        """A person asks what only a person can say; end: approve, reject, or nothing."""
        subject = f"question {self._letter()}"
        self.add(minute, "question", subject=subject)
        if end:
            self.add(minute + 3, end, of=subject)

    def _letter(self) -> str:
        self._letters += 1
        return f"{self.number:02}-{self._letters}"


def _a_chain_of_tasks(hour: Hour) -> None:
    first = hour.task(2, 1)
    hour.task(4, 2, after=first)


def _a_pause(hour: Hour) -> None:
    hour.add(10, "pause")
    hour.task(12, 1, end="")
    hour.wish(13, DOCS, read=False)
    hour.add(20, "resume")
    hour.add(22, "task-done", id=f"T{hour.number:02}01")


def _a_program_that_dies(hour: Hour) -> None:
    hour.add(10, "exit", lane="api", status=3)
    hour.add(20, "recovered", lane="api")
    hour.task(25, 1)


def _approved_early(hour: Hour) -> None:
    risky = hour.task(10, 1, end="", risky=1)
    hour.add(11, "approve", of=risky)
    hour.add(15, "task-done", id=risky)


def _approved_late(hour: Hour) -> None:
    risky = hour.task(2, 1, end="", risky=1)
    hour.add(45, "approve", of=risky)
    hour.add(46, "task-done", id=risky)


def _rejected(hour: Hour) -> None:
    risky = hour.task(10, 1, end="", risky=1)
    hour.add(15, "task-drop", id=risky)
    hour.add(15, "reject", of=risky)


def _nobody_answers(hour: Hour) -> None:
    risky = hour.task(1, 1, end="", risky=1)
    hour.add(1, "expire", of=risky)
    hour.add(58, "too-late", of=risky)
    hour.add(58, "approve", of=risky)
    hour.add(59, "task-done", id=risky)


def _an_answer(hour: Hour) -> None:
    hour.add(10, "ask", lane="api", question=f"Which port {hour.number}?", answer="port")


def _no_answer(hour: Hour) -> None:
    hour.add(10, "ask", lane="web", question=f"Which colour {hour.number}?", answer="none")
    hour.add(40, "no-answer", question=f"Which colour {hour.number}?")


def _a_late_answer(hour: Hour) -> None:
    hour.add(5, "ask", lane="web", question=f"Which colour {hour.number}?", answer="none")
    hour.add(35, "no-answer", question=f"Which colour {hour.number}?")
    hour.add(45, "late-answer", lane="web", question=f"Which colour {hour.number}?")


def _a_killed_daemon(hour: Hour) -> None:
    hour.add(10, "kill-daemon")
    hour.task(12, 1, end="")
    hour.wish(13, "web", read=False)
    hour.add(20, "start-daemon")
    hour.add(22, "task-done", id=f"T{hour.number:02}01")


def _killed_at_work(hour: Hour) -> None:
    hour.task(10, 1, end="", unfinished=1)
    hour.add(10, "kill-daemon")
    hour.add(15, "start-daemon")
    hour.add(17, "task-done", id=f"T{hour.number:02}01")
    hour.add(20, "kill-daemon")
    hour.add(22, "start-daemon", crash_at="route.claimed")
    hour.task(22, 2, end="")
    hour.add(22, "dies")
    hour.add(25, "start-daemon")
    hour.add(27, "task-done", id=f"T{hour.number:02}02")


def _killed_in_a_pause(hour: Hour) -> None:
    hour.add(10, "pause")
    hour.task(11, 1, end="")
    hour.add(12, "kill-daemon")
    hour.add(20, "start-daemon")
    hour.add(25, "resume")
    hour.add(27, "task-done", id=f"T{hour.number:02}01")


def _a_limit_of_a_lane(hour: Hour) -> None:
    hour.add(10, "limit", lane="web")
    hour.add(12, "approve", of="limit web")
    hour.add(30, "limit-over", lane="web")


def _a_clock_put_forward(hour: Hour) -> None:
    hour.task(10, 1)
    hour.add(20, "clock", by_s=7200)
    hour.task(25, 2)


def _a_clock_put_back(hour: Hour) -> None:
    hour.task(10, 1)
    hour.add(20, "clock", by_s=-7200)
    hour.task(25, 2)
    hour.wish(30, "api")


def _a_broken_config(hour: Hour) -> None:
    hour.add(10, "break-config")
    hour.task(15, 1, end="")
    hour.add(25, "mend-config")
    hour.add(30, "approve", of="config")
    hour.add(32, "task-done", id=f"T{hour.number:02}01")


def _a_limit_of_the_brain(hour: Hour) -> None:
    hour.add(10, "brain-limit", minutes=30)
    hour.task(12, 1)
    hour.wish(20, DOCS)
    hour.add(45, "brain-limit-over")


def _a_killed_server(hour: Hour) -> None:
    hour.add(10, "kill-server")
    hour.add(14, "approve", of="missing")
    hour.add(20, "up")
    hour.task(25, 1)


def _given_up(hour: Hour) -> None:
    hour.add(10, "exit", lane=DOCS, status=127)
    hour.add(14, "approve", of=f"exit {DOCS}")
    hour.add(20, "restart", lane=DOCS)
    hour.wish(25, DOCS)


def _not_proved(hour: Hour) -> None:
    task = hour.task(10, 1, end="", unproved=1)
    hour.add(14, "approve", of=f"unproved {task}")


def _given_away(hour: Hour) -> None:
    hour.task(10, 1, end="drop", role="nobody")
    hour.task(12, 2, end="")


def _questions(hour: Hour) -> None:
    hour.question(10, "approve")
    hour.question(20, "")


def _two_questions_at_once(hour: Hour) -> None:
    hour.question(10, "")
    hour.question(10, "")
    hour.letter(30, "web", "api")


def _a_no(hour: Hour) -> None:
    hour.question(10, "reject")
    hour.letter(20, "api", DOCS)


SCENES = (
    _a_chain_of_tasks,
    _a_pause,
    _a_program_that_dies,
    _approved_early,
    _an_answer,
    _a_killed_daemon,
    _a_limit_of_a_lane,
    _rejected,
    _questions,
    _nobody_answers,
    _a_clock_put_forward,
    _a_clock_put_back,
    _a_broken_config,
    _a_limit_of_the_brain,
    _a_killed_server,
    _no_answer,
    _killed_at_work,
    _given_up,
    _a_no,
    _not_proved,
    _given_away,
    _killed_in_a_pause,
    _a_late_answer,
    _two_questions_at_once,
)
"""What each hour of the day is about."""

_LATE = 12
"""The hour in which a person, beside all else, answers late and in time."""

_STATED = 8
"""The minute of an hour in which the state file changes."""

_QUIET = frozenset({13})
"""Hours in which nobody writes notes: the brain that stands in then asks a person about each."""


def _hour(number: int, notes: int) -> list[Line]:
    hour = Hour(number)
    SCENES[number](hour)
    hour.add(_STATED, "state", objective=f"objective of hour {number}")
    hour.task(47, 8)
    hour.wish(48, hour.random.choice(LANES))
    if notes:
        hour.add(57, "tidy")
    if number == _LATE:
        late = Hour(number)
        _approved_late(late)
        hour.lines += [{**line, **_second(line)} for line in late.lines]
    for _ in range(notes):
        hour.note(hour.random.choice((7, 23, 33, 43, 53)))
    return sorted(hour.lines, key=lambda line: str(line["at"]))


def _second(line: Line) -> dict[str, str]:
    """Beside another task of the same hour."""
    return {name: str(line[name]).replace("01", "09") for name in ("id", "of") if name in line}


def day() -> tuple[Line, ...]:
    """The whole day, in order."""
    noted = [number for number in range(24) if number not in _QUIET]
    bare = sum(len(_hour(number, 0)) for number in range(24)) + len(noted)
    each, more = divmod(LINES - bare, len(noted))
    counts = {number: each + (place < more) for place, number in enumerate(noted)}
    return tuple(line for number in range(24) for line in _hour(number, counts.get(number, 0)))


def read(hours: Iterable[int]) -> tuple[Line, ...]:
    """The recorded lines of these hours."""
    wanted = set(hours)
    return tuple(line for line in _recorded() if int(str(line["at"])[:2]) in wanted)


def _recorded() -> Iterator[Line]:
    for text in FILE.read_text(encoding="utf-8").splitlines():
        yield json.loads(text)


def written() -> str:
    """The content of the file."""
    return "".join(json.dumps(line) + "\n" for line in day())


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
