"""What a report must say of a day, worked out from its lines alone; and a report in the same words.

Only what the lines cannot know is left out of the comparison: ids, times in file names, pids, who sat at which
terminal, and which of the lanes of one role was free.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.support.day.history import ASK_S, EXPIRES_S, IMPLEMENTATION, LANES, VALIDATION, Line

PARTS = ("not_done", "done", "unanswered", "unusual", "lanes")
"""The parts of ``loop report --json`` that are lists of lines."""

_MASKS = (
    (re.compile(r"d-\d{8}T\d+-[0-9a-f]+"), "D"),
    (re.compile(r"\d{8}-\d{6}-([\w-]+?-to-[\w-]+?)(\.\d+)?\.md"), r"\1.md"),
    (re.compile(r"pid \d+, started \S+"), "pid P"),
    (re.compile(r"(rejected|approved) by [^:]*"), r"\1 by a person"),
    (re.compile(r"started: .*", re.S), "started"),
)
_ANY = re.compile(rf"\b({'|'.join(IMPLEMENTATION)})\b(?=-to-coord| was asked|$)|(?<=by )({'|'.join(IMPLEMENTATION)})$")


def masked(what: str, why: str) -> str:
    """A line of a report without what only the run knows."""
    for pattern, by in _MASKS:
        what, why = pattern.sub(by, what), pattern.sub(by, why)
    if what.startswith(("dispatch", "steer", "ran,", "action", "task")):
        what = _ANY.sub("one of the role", what)
        why = re.sub(rf"report: ({'|'.join(IMPLEMENTATION)})-to-", "report: one of the role-to-", why)
    return f"{what} | {why}"


def told(document: Mapping[str, object]) -> dict[str, Counter[str]]:
    """The parts of a report's document, each line as often as it says that it happened."""
    found: dict[str, Counter[str]] = {}
    for part in PARTS:
        lines = document[part]
        assert isinstance(lines, list)
        found[part] = Counter()
        for line in lines:
            found[part][masked(line["what"], line["why"])] += line["times"]
    return found


@dataclass
class Implied:
    """The parts of a report, as the lines of a day imply them."""

    not_done: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    unusual: Counter[str] = field(default_factory=Counter)
    lanes: Counter[str] = field(default_factory=Counter)
    failed_calls: int = 0
    """calls of the brain of which nobody knows what they cost"""
    ends: dict[str, str] = field(default_factory=dict)
    """what a decision is about -> the kind of the event that ended it; empty: it still waits"""
    words: dict[str, list[str]] = field(default_factory=lambda: {lane: ["booted"] for lane in LANES})
    """what happened to each lane, in its order"""

    @property
    def parts(self) -> dict[str, Counter[str]]:
        return {part: getattr(self, part) for part in PARTS}

    def add(self, part: Counter[str], what: str, why: str = "", times: int = 1) -> None:
        part[masked(what, why)] += times


def implied(lines: Iterable[Line]) -> Implied:
    """What a report of these lines must say."""
    result, known = Implied(), tuple(lines)
    reader = _Reader(result, known)
    for line in known:
        given = {name: value for name, value in line.items() if name not in ("at", "what")}
        step = getattr(reader, "_" + str(line["what"]).replace("-", "_"))
        step(_minutes(line), **given)
    for lane, words in result.words.items():
        if set(words) - {"booted", "good again"}:
            counts = Counter(words)
            said = [word if count == 1 else f"{word} {count} times" for word, count in counts.items()]
            result.add(result.lanes, f"{lane}: {', '.join(said)}")
    return result


def _minutes(line: Line) -> int:
    hours, minutes = map(int, str(line["at"]).split(":"))
    return 60 * hours + minutes


class _Reader:
    """One method for each thing that can happen."""

    def __init__(self, result: Implied, lines: tuple[Line, ...]) -> None:
        self.result = result
        self.ends = 60 * (_minutes(lines[-1]) // 60 + 1)
        self.tasks = {str(line["id"]): line for line in lines if line["what"] == "task"}
        self.subjects = {str(line["subject"]) for line in lines if line["what"] == "question"}
        self.answered = {str(line["of"]) for line in lines if line["what"] in ("approve", "reject")}
        self.ended = {str(line["id"]) for line in lines if str(line["what"]).startswith("task-")}

    def _handed(self, lane: str) -> None:
        self.result.add(self.result.done, f"dispatch {lane}", "started: x")

    def _worked(self) -> None:
        self._handed("web")
        self._handed(VALIDATION)

    def _task(self, at: int, id: str, risky: int = 0, unproved: int = 0, role: str = "", **other: object) -> None:
        if risky:
            self.result.ends[id] = ""
        elif not role:
            self._worked()
        if unproved:
            self.result.ends[f"unproved {id}"] = ""
            proof = f"not-proved, says {VALIDATION}: 20310504-000000-{VALIDATION}-to-coord.md"
            self.result.add(self.result.not_done, f"task {id} was not proved", proof)
        if id not in self.ended and not role:
            report = "report: 20310504-000000-web-to-coord.md"
            proof = f"; proved, says {VALIDATION}: 20310504-000000-{VALIDATION}-to-coord.md"
            self.result.add(self.result.done, f"task {id} is review, by web", report + ("" if unproved else proof))

    def _task_done(self, at: int, id: str) -> None:
        evidence = (
            "report: 20310504-000000-web-to-coord.md; "
            f"proved, says {VALIDATION}: 20310504-000000-{VALIDATION}-to-coord.md"
        )
        self.result.add(self.result.done, f"task {id} is done, by person", evidence)

    def _task_drop(self, at: int, id: str) -> None:
        self.result.add(self.result.not_done, f"task {id} is dropped, by person", "given up")

    def _wish(self, at: int, lane: str, subject: str) -> None:
        self._handed(lane)
        what = f"mail {lane} to human: Re: {subject}"
        self.result.add(self.result.unanswered, what, f"20310504-000000-{lane}-to-human.md")

    def _read(self, at: int, lane: str, subject: str) -> None:
        del self.result.unanswered[f"mail {lane} to human: Re: {subject} | {lane}-to-human.md"]

    def _note(self, at: int, **of: object) -> None: ...

    def _tidy(self, at: int) -> None: ...

    def _state(self, at: int, objective: str) -> None: ...

    def _letter(self, at: int, sender: str, lane: str, subject: str) -> None:
        self._handed(lane)
        self._handed(sender)

    def _question(self, at: int, subject: str) -> None:
        self.result.add(self.result.unanswered, f"mail human to coord: {subject}", "20310504-000000-human-to-coord.md")
        if subject in self.answered:
            return
        self.result.ends[subject] = ""
        if 60 * (self.ends - at) > EXPIRES_S + 300:
            self.result.ends[subject] = "decision.expired"
            self.result.add(self.result.not_done, "action 0 of D, escalate", "nobody answered in time")
        else:
            self.result.add(self.result.unanswered, f"a person is asked: human asks: {subject}", "D")

    def _approve(self, at: int, of: str) -> None:
        self.result.ends[of] = "decision.approved"
        if of in self.tasks:
            self._worked()
            self.result.add(self.result.unusual, "ran, destructive: dispatch web", "approved by ann")
        elif of in self.subjects:
            del self.result.unanswered[f"mail human to coord: {of} | human-to-coord.md"]

    def _reject(self, at: int, of: str) -> None:
        self.result.ends[of] = "decision.rejected"
        what = "action 0 of D, " + ("dispatch web" if of in self.tasks else "escalate")
        self.result.add(self.result.not_done, what, "rejected by ann: not now")

    def _expire(self, at: int, of: str) -> None:
        self.result.ends[f"old {of}"] = "decision.expired"
        self.result.add(self.result.not_done, "action 0 of D, dispatch web", "nobody answered in time")

    def _too_late(self, at: int, of: str) -> None: ...

    def _ask(self, at: int, lane: str, question: str, answer: str) -> None:
        self.result.add(self.result.done, f"steer {lane}", "started: x")

    def _no_answer(self, at: int, question: str) -> None:
        why = f"it did not answer within {ASK_S // 60}m"
        self.result.add(self.result.unanswered, "lane web was asked (D-0)", why)

    def _late_answer(self, at: int, lane: str, question: str) -> None:
        line = f"lane {lane} was asked (D-0) | it did not answer within {ASK_S // 60}m"
        self.result.unanswered[line] -= 1

    def _exit(self, at: int, lane: str, status: int) -> None:
        if status == 127:
            self.result.ends[f"exit {lane}"] = ""
        self.result.words[lane] += ["ended", "given up"] if status == 127 else ["ended", "started again"]

    def _recovered(self, at: int, lane: str) -> None:
        self.result.words[lane].append("good again")

    def _restart(self, at: int, lane: str) -> None:
        self.result.words[lane] += ["started again", "good again"]

    def _limit(self, at: int, lane: str) -> None:
        self.result.ends[f"limit {lane}"] = ""
        self.result.words[lane].append("rate-limited")

    def _limit_over(self, at: int, lane: str) -> None: ...

    def _kill_server(self, at: int) -> None:
        self.result.ends["missing"] = ""
        for words in self.result.words.values():
            words.append("missing")

    def _up(self, at: int) -> None:
        for words in self.result.words.values():
            words.append("booted")

    def _kill_daemon(self, at: int) -> None: ...

    def _dies(self, at: int) -> None: ...

    def _start_daemon(self, at: int, crash_at: str = "") -> None:
        self.result.add(self.result.unusual, "the daemon took over from one that was killed", "pid 1, started then")

    def _pause(self, at: int) -> None:
        self.result.add(self.result.unusual, "engine.paused: paused by person")

    def _resume(self, at: int) -> None: ...

    def _clock(self, at: int, by_s: int) -> None: ...

    def _break_config(self, at: int) -> None:
        self.result.ends["config"] = ""

    def _mend_config(self, at: int) -> None: ...

    def _brain_limit(self, at: int, minutes: int) -> None:
        self.result.failed_calls += 1
        why = f"it ended with status 1: usage limit reached, try again in {minutes} minutes"
        self.result.add(self.result.not_done, "brain command gave no reply (quota)", why)

    def _brain_limit_over(self, at: int) -> None: ...
