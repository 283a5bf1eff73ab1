"""What a report says of events, gathered in one pass; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneWord
from loop_orchestrator.model.report import Gathered, Line, Spend
from loop_orchestrator.model.sentences import sentence_of, words_of

FREE = "rules"
"""The brain that costs nothing."""

_PEOPLE = frozenset({"person", "human"})
_REFUSALS = ".refused"
_UNUSUAL = frozenset(
    {
        "decision.edited",
        "harness.drift",
        "policy.replaced",
        "dialog.answered",
        "snapshot.forgotten",
        "snapshot.restored",
        "log.removing",
        "engine.paused",
        "watch.stale",
    }
)
"""Kinds of which a person is told beside refusals, takeovers, and changes of the config."""


def gather(
    events: Iterable[Event], *, destructive: Callable[[str, int], bool], named: Callable[[str, int], str]
) -> Gathered:
    """Read every event once.

    destructive: asked for an action whose decision was filed before these events. named: what an action of a decision
    is, such as ``dispatch web``; empty where that is not known any more.
    """
    found = _Gatherer(destructive, named)
    for event in events:
        found.take(event)
    return found.result()


class _Gatherer:
    def __init__(self, destructive: Callable[[str, int], bool], named: Callable[[str, int], str]) -> None:
        self.destructive = destructive
        self.named = named
        self.count = 0
        self.not_done: dict[str, Line] = {}
        self.done: dict[str, Line] = {}
        self.unanswered: dict[str, Line] = {}
        self.unusual: dict[str, Line] = {}
        self.lanes: dict[str, Counter[str]] = {}
        self.lane_last: dict[str, tuple[Event, str]] = {}
        self.about: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.replied: Counter[str] = Counter()
        self.usage: list[Mapping[str, object]] = []
        self.verdicts: dict[str, list[str]] = {}
        self.approved: dict[str, str] = {}
        self.reports: dict[tuple[str, str], str] = {}
        """sender and task of a mail that says that the task is ready for review -> its file"""
        self.worked: dict[str, str] = {}
        """task -> the report that brought it into review"""
        self.proofs: dict[str, str] = {}

    def take(self, event: Event) -> None:
        self.count += 1
        handler = _HANDLERS.get(event.kind)
        if handler is not None:
            handler(self, event, {name: words_of(value) for name, value in event.payload.items()})
        if event.kind.endswith(_REFUSALS) or event.kind.startswith("config.") or event.kind in _UNUSUAL:
            self.add(self.unusual, event, f"{event.kind}: {sentence_of(event)}")

    def add(self, part: dict[str, Line], event: Event, what: str, why: str = "", *, key: str = "") -> None:
        """A line, or once more the line with the same words or key."""
        key = key or f"{what}\n{why}"
        known = part.pop(key, None)
        times = known.times + 1 if known else 1
        part[key] = Line(seq=event.seq, at=event.at, what=what, why=why, times=times)

    def settle(self, part: dict[str, Line], event: Event, key: str, what: str, why: str) -> None:
        """The last word on one thing."""
        for other in (self.not_done, self.done):
            other.pop(key, None)
        part[key] = Line(seq=event.seq, at=event.at, what=what, why=why)

    def result(self) -> Gathered:
        lanes = tuple(self._lane_line(name) for name in self.lanes if self._is_told(name))
        return Gathered(
            events=self.count,
            not_done=_in_order(self.not_done.values()),
            done=_in_order(self.done.values()),
            unanswered=_in_order(self.unanswered.values()),
            unusual=_in_order(self.unusual.values()),
            lanes=_in_order(lanes),
            spend=self._spend(),
            about=self.about,
        )

    def _is_told(self, name: str) -> bool:
        return bool(self.lanes[name].keys() - {"booted", "good again"})

    def _lane_line(self, name: str) -> Line:
        event, why = self.lane_last[name]
        counts = [f"{word} {_times(count)}" if count > 1 else word for word, count in self.lanes[name].items()]
        return Line(seq=event.seq, at=event.at, what=f"{name}: {', '.join(counts)}", why=why)

    def _spend(self) -> Spend:
        calls = sum(self.calls.values())
        told = [_numbers(one) for one in self.usage]
        silent = max(0, calls - len(told))  # failed, or still under way

        def total(name: str) -> tuple[float, int]:
            known = [one[name] for one in told]
            return sum(value for value in known if value is not None), silent + known.count(None)

        (inputs, no_inputs), (outputs, no_outputs), (usd, no_usd) = map(
            total, ("input_tokens", "output_tokens", "cost_usd")
        )
        return Spend(
            calls=calls,
            by_brain=dict(self.calls),
            input_tokens=None if no_inputs else int(inputs),
            output_tokens=None if no_outputs else int(outputs),
            usd=None if no_usd else round(usd, 6),
            known_tokens=int(inputs + outputs),
            known_usd=round(usd, 6),
            unpriced=no_usd,
        )


Said = Mapping[str, str]


def _item_closed(found: _Gatherer, event: Event, said: Said) -> None:
    key, words = f"item {said['decision']} {said['idx']}", f"{said['kind']} {said['target']}".strip()
    if said["status"] == "done":
        if said["kind"] not in ("stop", "escalate"):
            found.settle(found.done, event, key, words, said["note"])
        verdicts = found.verdicts.get(said["decision"])
        idx = int(said["idx"])
        ran = verdicts[idx] == "destructive" if verdicts and idx < len(verdicts) else None
        if ran is None:
            ran = said["kind"] not in ("stop", "escalate") and found.destructive(said["decision"], idx)
        if ran and said["kind"] != "escalate":
            by = found.approved.get(said["decision"])
            found.add(found.unusual, event, f"ran, destructive: {words}", f"approved by {by}" if by else "")
    else:
        status = "outcome not known" if said["status"] == "unknown" else said["status"]
        found.settle(found.not_done, event, key, f"{words}: {status}", said["note"])
        found.about[said["decision"]] = event.seq


def _decision_filed(found: _Gatherer, event: Event, said: Said) -> None:
    verdicts = event.payload["verdicts"]
    found.verdicts[said["decision"]] = [str(one) for one in verdicts] if isinstance(verdicts, list) else []
    if said["waiting"]:
        found.about[said["decision"]] = event.seq
    for idx, verdict in enumerate(found.verdicts[said["decision"]]):
        if verdict == "blocked":
            words = found.named(said["decision"], idx)
            what = f"action {idx} of {said['decision']}" + (f", {words}" if words else "")
            found.settle(found.not_done, event, f"item {said['decision']} {idx}", what, "blocked by the gate")


def _decision_approved(found: _Gatherer, event: Event, said: Said) -> None:
    found.approved[said["decision"]] = said["by"]
    _answered(found, said)


def _decision_refused(found: _Gatherer, event: Event, said: Said) -> None:
    """Rejected, or nobody answered in time."""
    who = f"rejected by {said['by']}" if "by" in said else "nobody answered in time"
    reason = said.get("reason", "")
    why = f"{who}: {reason}" if reason else who
    for idx in said["items"].split(", "):
        key = f"item {said['decision']} {idx}"
        words = found.named(said["decision"], int(idx))
        what = f"action {idx} of {said['decision']}" + (f", {words}" if words else "")
        found.settle(found.not_done, event, key, what, why)
    _answered(found, said)


def _answered(found: _Gatherer, said: Said) -> None:
    """A person said yes or no to some actions, or nobody did in time; logs of before do not say which asked what."""
    for idx in ("", *said["items"].split(", ")):
        found.unanswered.pop(f"escalated {said['decision']} {idx}", None)


def _escalated(found: _Gatherer, event: Event, said: Said) -> None:
    line = Line(seq=event.seq, at=event.at, what=f"a person is asked: {said['summary']}", why=said["decision"])
    found.unanswered[f"escalated {said['decision']} {said.get('idx', '')}"] = line


def _archived(found: _Gatherer, event: Event, said: Said) -> None:
    for key in [key for key in found.unanswered if key.startswith(f"escalated {said['decision']} ")]:
        del found.unanswered[key]


def _asked(why: str) -> Callable[[_Gatherer, Event, Said], None]:
    def note(found: _Gatherer, event: Event, said: Said) -> None:
        what = f"lane {said['lane']} was asked ({said['ask']})"
        limit = format_age(float(said["timeout_s"]))
        found.unanswered[f"ask {said['ask']}"] = Line(seq=event.seq, at=event.at, what=what, why=why.format(limit))

    return note


def _ask_over(found: _Gatherer, event: Event, said: Said) -> None:
    found.unanswered.pop(f"ask {said['ask']}", None)


def _mail_sent(found: _Gatherer, event: Event, said: Said) -> None:
    task, _, word = said["subject"].partition(" ")
    if word == "review":
        found.reports[said["from"], task] = said["file"]
    what = f"mail {said['from']} to {said['to']}: {said['subject']}"
    if said["to"] in _PEOPLE or said["from"] in _PEOPLE:
        found.unanswered[f"mail {said['file']}"] = Line(seq=event.seq, at=event.at, what=what, why=said["file"])
        found.about[said["file"]] = event.seq


def _mail_acked(found: _Gatherer, event: Event, said: Said) -> None:
    found.unanswered.pop(f"mail {said['file']}", None)


def _mail_failed(found: _Gatherer, event: Event, said: Said) -> None:
    found.add(found.not_done, event, f"{said['file']} is no message", said["reason"])


def _delivery_closed(found: _Gatherer, event: Event, said: Said) -> None:
    key, words = f"delivery {said['op']}", f"text to {said['lane']} ({said['op']})"
    found.about[said["op"]] = event.seq
    decision, _, idx = said["op"].rpartition("-")
    item = f"item {decision} {idx}"
    if item in found.not_done or item in found.done or decision in found.verdicts:
        return  # its item says the same
    if said["status"] == "unknown":
        found.settle(found.not_done, event, key, words, "nobody knows whether it arrived")
    elif said["status"] == "not-delivered":
        found.settle(found.not_done, event, key, words, f"not delivered; it ended at step {said['step']}")


def _delivery_resolved(found: _Gatherer, event: Event, said: Said) -> None:
    key = f"delivery {said['op']}"
    known = found.not_done.get(key)
    if known is not None and said["outcome"] != "not-delivered":
        found.settle(found.done, event, key, known.what, f"{said['by']} said: {said['outcome']}")


def _delivery_dropped(found: _Gatherer, event: Event, said: Said) -> None:
    words = f"text in line for {said['lane']} ({said['op']})"
    found.settle(found.not_done, event, f"delivery {said['op']}", words, f"dropped by {said['by']}: {said['reason']}")


def _brain_called(found: _Gatherer, event: Event, said: Said) -> None:
    if said["brain"] != FREE:
        found.calls[said["brain"]] += 1


def _brain_replied(found: _Gatherer, event: Event, said: Said) -> None:
    usage = event.payload["usage"]
    if said["brain"] != FREE:
        found.usage.append(usage if isinstance(usage, dict) else {})


def _brain_failed(found: _Gatherer, event: Event, said: Said) -> None:
    usage = event.payload.get("usage")
    if isinstance(usage, dict) and said["brain"] != FREE:
        found.usage.append(usage)
    what = f"brain {said['brain']} gave no reply ({said['failure']})"
    found.add(found.not_done, event, what, said["reason"], key=f"brain {said['brain']} {said['failure']}")


def _task_moved(found: _Gatherer, event: Event, said: Said) -> None:
    task, now = said["task"], said["now"]
    key, what = f"task {task}", f"task {task} is {now}, by {said['by']}"
    if now == "review":
        found.worked[task] = found.reports.get((said["by"], task), "")
    elif now not in ("done", "dropped"):  # what was said of work that begins anew says nothing about the new work
        found.worked.pop(task, None)
        found.proofs.pop(task, None)
    evidence = [f"report: {found.worked[task]}"] if found.worked.get(task) else []
    evidence += [found.proofs[task]] if task in found.proofs else []
    if now == "done":
        found.settle(found.done, event, key, what, "; ".join(evidence))
    elif now == "review":
        found.settle(found.done, event, key, what, "; ".join(evidence))
        found.about[task] = event.seq
    elif now == "dropped":
        found.settle(found.not_done, event, key, what, "given up")
    else:
        found.done.pop(key, None)


def _task_proved(found: _Gatherer, event: Event, said: Said) -> None:
    task = said["task"]
    found.proofs[task] = f"{said['answer']}, says {said['by']}: {said['file']}"
    known = found.done.get(f"task {task}")
    if said["answer"] not in ("proved", "yes"):
        found.settle(found.not_done, event, f"proof {task}", f"task {task} was not proved", found.proofs[task])
    elif known is not None:
        found.not_done.pop(f"proof {task}", None)
        found.done[f"task {task}"] = replace(known, why="; ".join(filter(None, (known.why, found.proofs[task]))))


def _task_unassigned(found: _Gatherer, event: Event, said: Said) -> None:
    what = f"task {said['task']} did not reach {said['lane']}"
    found.add(found.not_done, event, what, key=f"unassigned {said['task']}")


def _crash(found: _Gatherer, event: Event, said: Said) -> None:
    found.add(found.not_done, event, f"{said['what']} failed", said["reason"])


def _cycle_unseen(found: _Gatherer, event: Event, said: Said) -> None:
    found.add(found.not_done, event, f"{said['what']} could not be seen", said["reason"])


def _lane(word: str) -> Callable[[_Gatherer, Event, Said], None]:
    def note(found: _Gatherer, event: Event, said: Said) -> None:
        name = said["lane"]
        found.lanes.setdefault(name, Counter())[word] += 1
        status = f"exit status {said['exit_status']}" if said.get("exit_status") else ""
        found.lane_last[name] = event, said.get("reason", "") or status
        found.about[name] = event.seq
        if word == "given up":
            found.settle(found.not_done, event, f"lane {name}", f"lane {name} was given up", said["reason"])
        elif word in ("good again", "booted"):
            found.not_done.pop(f"lane {name}", None)

    return note


def _lane_changed(found: _Gatherer, event: Event, said: Said) -> None:
    """A lane that failed, and not by its program's end, which is an event of its own."""
    failed = Detail(said["now"]) if said["now"] in frozenset(Detail) else Detail.READY
    if WORD_OF[failed] is LaneWord.ERRORED and failed is not Detail.EXITED:
        _lane(failed.value)(found, event, said)


def _watch_started(found: _Gatherer, event: Event, said: Said) -> None:
    if said["took_over"]:
        found.add(found.unusual, event, "the daemon took over from one that was killed", said["took_over"])


def _adr(word: str) -> Callable[[_Gatherer, Event, Said], None]:
    def note(found: _Gatherer, event: Event, said: Said) -> None:
        found.settle(found.done, event, f"adr {said['adr']}", f"ADR {said['adr']} {word} by {said['by']}", said["file"])

    return note


_HANDLERS: Mapping[str, Callable[[_Gatherer, Event, Said], None]] = {
    "item.closed": _item_closed,
    "decision.filed": _decision_filed,
    "decision.approved": _decision_approved,
    "decision.rejected": _decision_refused,
    "decision.expired": _decision_refused,
    "decision.archived": _archived,
    "escalated": _escalated,
    "ask.made": _asked("it has {} to answer"),
    "ask.timed-out": _asked("it did not answer within {}"),
    "ask.replied": _ask_over,
    "ask.withdrawn": _ask_over,
    "mail.sent": _mail_sent,
    "mail.acked": _mail_acked,
    "mail.failed": _mail_failed,
    "delivery.closed": _delivery_closed,
    "delivery.resolved": _delivery_resolved,
    "delivery.dropped": _delivery_dropped,
    "brain.called": _brain_called,
    "brain.replied": _brain_replied,
    "brain.failed": _brain_failed,
    "task.moved": _task_moved,
    "task.proved": _task_proved,
    "task.unassigned": _task_unassigned,
    "crash": _crash,
    "observe.incomplete": _cycle_unseen,
    "lane.added": _lane("booted"),
    "lane.changed": _lane_changed,
    "lane.exited": _lane("ended"),
    "lane.restarted": _lane("started again"),
    "lane.gave-up": _lane("given up"),
    "lane.recovered": _lane("good again"),
    "watch.started": _watch_started,
    "adr.accepted": _adr("accepted"),
    "adr.rejected": _adr("rejected"),
    "adr.superseded": _adr("superseded"),
}
"""Kind -> what it adds to a report."""


def _in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.seq))


def _times(count: int) -> str:
    return f"{count} times"


def _numbers(usage: Mapping[str, object]) -> dict[str, float | None]:
    """Counts of one call; None for what its program did not tell."""
    names = ("input_tokens", "output_tokens", "cost_usd")
    found = {name: usage.get(name) for name in names}
    return {name: value if isinstance(value, int | float) else None for name, value in found.items()}
