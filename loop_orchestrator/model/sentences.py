"""Events as sentences: for a kind that has one, a template over the fields of its payload."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue

SENTENCES: Mapping[str, str] = {
    "session.up": "session up[: started {added}][: kept {adopted}]",
    "session.down": "session ended by {by}",
    "lane.added": "lane {lane} was booted[ as {role}][ with {harness}]",
    "lane.dropped": "lane {lane} was ended by {by}[; hand-off: {handoff}]",
    "lane.changed": "lane {lane} is {now}[; it was {was}]",
    "lane.exited": "the program of lane {lane} ended[ with {exit_status}]",
    "snapshot.made": "uncommitted work of {lane} was saved: {ref}",
    "snapshot.restored": "a snapshot of {lane} was written back by {by}: {ref}",
    "snapshot.forgotten": "{by} removed a snapshot of {lane}: {ref}",
    "worktree.made": "lane {lane} got a worktree on {branch}: {directory}",
    "worktree.removed": "the worktree of lane {lane} was removed: {directory}",
    "dialog.answering": "about to answer a start-up dialog of {lane} with yes: {dialog}",
    "dialog.answered": "a start-up dialog of {lane}: {outcome}: {dialog}",
    "lane.restarting": "starting lane {lane} again, attempt {attempt}: {reason}",
    "lane.restarted": "lane {lane} was started again, attempt {attempt}",
    "lane.restart-postponed": "the restart of lane {lane} waits: {reason}",
    "lane.recovered": "lane {lane} is good again after attempt {attempt}",
    "lane.gave-up": "lane {lane} was given up after attempt {attempt}: {reason}",
    "signal.refused": "a process outside its pane would have spoken for lane {lane} (pid {pid}): {reason}",
    "harness.drift": "{harness} {version} in lane {lane} shows screens that no rule knows; tried on {verified}",
    "watch.stale": "the engine runs another program than what is installed",
    "notice.sent": "{service} told a person of {things}",
    "notice.failed": "{service} did not tell a person of {things}: {reason}",
    "ingest.begun": "mail is taken into the wiki ({mode}): {files}",
    "ingest.closed": "mail for the wiki: {outcome}[, on {pages}][; {note}]",
    "ingest.quarantined": "{file} could not be taken into the wiki: {reason}",
    "wiki.blocked": "{what} did not work and is tried again: {reason}",
    "wiki.linted": "the wiki was looked at: {page_count} pages, {findings} findings",
    "tasks.linted": "files of tasks: {errors} errors, {warnings} warnings",
    "mail.sent": "{from} to {to}: {subject}",
    "mail.acked": "{by} dealt with {file}",
    "mail.failed": "{file} is no message: {reason}",
    "delivery.queued": "{op} from {sender} stands in line for {lane}, behind {before}",
    "delivery.taken": "{op} is the next for {lane} after {waited_s} s in line",
    "delivery.returned": "{op} stands in line for {lane} again: {reason}",
    "delivery.dropped": "{by} takes {op} out of the line for {lane}: {reason}",
    "delivery.closed": "{op} to {lane}: {status}, at step {step}",
    "delivery.resolved": "{by} said of {op}: {outcome}",
    "cycle.started": "a cycle began[, because of {why}]",
    "cycle.ended": "the cycle ended after {duration_s} s: {outcome}[, {decision}]",
    "observe.incomplete": "{what} could not be seen: {reason}",
    "brain.called": "brain {brain} was asked",
    "brain.replied": "brain {brain} answered after {duration_s} s[; {usage}]",
    "brain.failed": "brain {brain} gave no reply ({failure}): {reason}[; not asked before {until}]",
    "brain.corrected": "the reply broke the contract: {problem}",
    "prompt.long": "the prompt for {brain} has about {tokens} tokens; advised are {advised}",
    "prompt.cut": "the prompt for {brain} was cut to {tokens} of {token_ceiling} tokens: {cut}",
    "prompt.overflow": "the checkpoint fits into no prompt for {brain} ({tokens} of {token_ceiling} tokens)[: {cut}]",
    "policy.replaced": "action {idx}: {was} became {now}: {reason}",
    "decision.filed": "{decision}: {verdicts}[; {waiting} waits for a person]",
    "decision.edited": "{by} changed action {idx} of {decision}: {fields}",
    "decision.approved": "{by} approved {items} of {decision}[, signed by {signed_by}]",
    "decision.expired": "nobody answered for {items} of {decision} in time",
    "decision.rejected": "{by} rejected {items} of {decision}[: {reason}]",
    "decision.archived": "nothing is left to do of {decision}",
    "decision.kept": "in the checkpoint: {decisions}[; moved to the archive: {moved}]",
    "approval.refused": "an answer[ of {who}] for {decision} was refused: {reason}",
    "item.started": "action {idx} of {decision} begins: {kind}[ {target}]",
    "item.closed": "action {idx} of {decision}, {kind}[ {target}]: {status}[: {note}]",
    "task.assigned": "task {task} goes to {lane} ({purpose})",
    "task.unassigned": "task {task} did not reach {lane}",
    "task.proved": "task {task}: {answer}, says {by}",
    "task.moved": "task {task} was {was}, is {now}, by {by}",
    "ask.made": "{lane} is asked {ask}, and has {timeout_s} s",
    "ask.withdrawn": "{ask} never reached {lane}",
    "ask.replied": "{lane} answered {ask}: {file}",
    "ask.timed-out": "{lane} did not answer {ask} within {timeout_s} s",
    "ask.not-answered": "{file} from {from} answers {ask}, which {lane} was asked; it stays mail",
    "stop.refused": "action {idx} of {decision} stopped nothing: {reason}",
    "handoff.noted": "the hand-off of lane {lane}[ is on {page}][: {reason}]",
    "handoff.taken-up": "lane {lane} goes on with what its predecessor left: {file}",
    "adr.proposed": "{by} proposed ADR {adr}: {file}",
    "adr.accepted": "{by} accepted ADR {adr}",
    "adr.rejected": "{by} rejected ADR {adr}[: {reason}]",
    "adr.superseded": "{by} put ADR {adr} in the place of another: {superseded_by}",
    "adr.refused": "{who} may not {what} ADR {adr}: {reason}",
    "escalated": "a person is asked: {summary}",
    "engine.paused": "paused by {by}",
    "engine.resumed": "resumed by {by}",
    "source.emitted": "{detail} ({event})",
    "route.claimed": "{actor} begins with events {events}[, try {attempt}]",
    "actor.stopped": "{actor} {outcome} with events {events}[: {reason}][; again at {again_at}]",
    "route.dead": "{route} gave event {event} up after {attempts} tries: {reason}",
    "route.replayed": "{by} has event {event} tried again for {route}",
    "watch.started": "the daemon watches (pid {pid})[; it took over from one that was killed: {took_over}]",
    "watch.stopped": "the daemon ended (pid {pid}): {reason}",
    "control.connected": "the daemon holds a connection to tmux",
    "control.lost": "the daemon lost its connection to tmux: {reason}",
    "sweep.found": "seen late: lane {lane} is {now}[; it was {was}]",
    "log.continued": "the log goes on in a new file; the events {first} to {last} are in {segment}",
    "log.removing": "the events {first} to {last} are removed: {segments}",
    "crash": "{what} failed and is tried again: {reason}",
}
"""Kind -> what is said of such an event. What stands in square brackets is left out if a field in it is empty. An event
of another release, of a kind or with fields that are not known here, is told by its fields."""

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")


def sentence_of(event: Event) -> str:
    """What happened, in one line that may hold anything an agent wrote."""
    template = SENTENCES.get(event.kind)
    if template is None or not set(fields_of(template)) <= set(event.payload):
        told = ((name, words_of(value)) for name, value in event.payload.items())
        return ", ".join(f"{name} {text}" for name, text in told if text)
    values = {name: words_of(event.payload[name]) for name in fields_of(template)}

    def fill(text: str) -> str:
        return _FIELD.sub(lambda found: values[found[1]], text)

    def optional(found: re.Match[str]) -> str:
        return "" if any(not values[name] for name in fields_of(found[1])) else found[1]

    return fill(_OPTIONAL.sub(optional, template))


def fields_of(template: str) -> tuple[str, ...]:
    """The fields of a payload that a template names."""
    return tuple(_FIELD.findall(template))


def words_of(value: JsonValue) -> str:
    """A value of a payload in a sentence; empty for what says nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(words_of(one) for one in value)
        case dict():
            return ", ".join(f"{key} {text}" for key, one in value.items() if (text := words_of(one)))
        case float():
            return f"{value:g}"
        case _:
            return str(value)
