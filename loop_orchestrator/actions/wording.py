"""What a text says by itself, whichever lane it is for: words that only a person may have carried out, and sharp ones.

A trigger beside the rules about lanes, never the boundary: an agent can be told a thing in words that no list has.
Every gap in a pattern is bounded, so that no text takes long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from loop_orchestrator.actions.spelling import readings
from loop_orchestrator.model.verdict import Verdict, blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts

PATTERN_LIMIT_S = 0.2
"""Seconds for one pattern of the config on one text, which may have been made slow. At half, a busy machine gives up on
plain patterns; at double, eight long texts hold a cycle for a minute."""

# A reading is one line in lower case with single blanks and no quotes. The word behind an option may be its value or
# not, so what stands between the program and the word that counts is taken either way.
_LOOP = r"\bloop(?:[-_.]\w+){0,4}(?: (?:-\S+(?: [^\s-]\S*)?|engine|orchestrator)){0,6}[-_. ]"
_ADR_WORD = rf"(?:{_LOOP}adr|\bloop ?adr)(?:\.\w+)?\b(?: \S+){{0,6}}? "
_CHANGE = r"\b(?:set|change|mark|flip|turn|switch|edit|move|promote|update|make|put|write|rewrite|replace)\b"
_SETTLED = r"(?:\b(?:to|as|into|by|with)|=|:) ?(?:be )?(?:accepted|superseded|rejected)\b"
_SWAP = r"s(?P<cut>[/|#,])[^/|#,]{0,40}proposed(?P=cut)[^/|#,]{0,40}(?:accepted|superseded|rejected)(?P=cut)"
_WRITE = (
    r"(?:>|\b(?:edit|change|set|write|append|add|put|modify|replace|rewrite|update|delete|remove|overwrite|patch|insert"
    r"|sed|tee|cp|mv|ln|rm|install|chmod|truncate|echo|printf|cat)\b)"
)
_INTO_INTERPRETER = r"\|[^|]{0,60}?\b(?:(?:ba|z|da|k|c|fi)?sh|python\d?|perl|ruby|node)\b"

_ONLY_A_PERSON: Mapping[str, tuple[str, ...]] = {
    "settles an architecture decision, which only a person may": (
        _ADR_WORD + r"(?:accept|reject|supersede)\b",
        r"\badr(?:\.\w+)? accept (?:-|\d|adr)",
        r"\b(?:accept|approve|ratify|supersede) (?:(?:the|this|proposed|architecture|decision) ){0,3}adr[ -]?#?\d",
    ),
    "changes the status of an architecture decision, which only a person may": (
        rf"{_CHANGE}.{{0,120}}\badrs?\b.{{0,120}}{_SETTLED}",
        rf"{_CHANGE}.{{0,80}}\bstatus\b.{{0,60}}{_SETTLED}.{{0,120}}\badrs?\b",
        rf"\badrs?\b.{{0,80}}{_CHANGE}.{{0,40}}\bstatus\b.{{0,40}}{_SETTLED}",
        rf"{_SWAP}.{{0,120}}\badrs?\b",
        rf"\badrs?\b.{{0,120}}{_SWAP}",
        r"\badrs?\b.{0,120}\+ ?status ?: ?(?:accepted|superseded|rejected)\b",
    ),
    "approves or rejects a decision, which only a person may": (
        _LOOP + r"(?:approve|reject)\b",
        r"\b(?:approve|accept|confirm|reject|ok|okay)\b.{0,40}\bd-\d{8}t\d{6}",
        r"\b(?:approve|accept|confirm) (?:(?:the|all|every|any|its|your|our) ){0,3}(?:pending|waiting|open|own) "
        r"(?:decision|action)s?\b",
        r"\bloop_orchestrator\S{0,80} import .{0,60}\b(?:approve|accept|reject|edit)\b",
    ),
    "changes a decision, which only a person may": (r"\bloop(?:[-_.]\w+){0,4}[-_ ]engine\b(?: \S+){0,6}? edit\b",),
    "answers a question that only a person may answer": (
        _LOOP + r"(?:trust|queue drop)\b",
        _LOOP + r"resolve \S+ (?:happened|did-not|drop|submit|clear)\b",
        _LOOP + r"up\b.{0,200}--accept\b",
    ),
    "lets actions run without a person, which only one may": (_LOOP + r"\S.{0,80}--approval[ =](?:full|auto)\b",),
    "signs an approval, which only a person may": (
        r"\bloop-orchestrator-approval\b",
        r"\bssh-keygen\b.{0,80} -y ?sign\b",
    ),
    "names files that only the engine writes (.loop/sessions)": (
        r"\.loop\b.{0,60}\b(?:sessions|decisions|lanes\.json|events\.jsonl)\b",
        r"\.loop/+s(?:es\w*)?[?\[/]",
        r"\bengine/+(?:\./+)*decisions\b",
        r"\bpending-decision\b",
    ),
    "names the record of what a person accepted on this machine": (r"\bloop-orchestrator/+accepted\b",),
}

_SHARP: Mapping[str, tuple[str, ...]] = {
    "pipes what it fetches or decodes into an interpreter": (
        r"\b(?:curl|wget|base64|printf|echo|xxd|openssl)\b[^|]{0,300}" + _INTO_INTERPRETER,
    ),
    "runs what it fetches or decodes": (
        r"\b(?:eval|source|(?:ba|z|da)?sh)\b.{0,40}(?:<\(|\$\(|<<).{0,80}\b(?:curl|wget|base64)\b",
        r"\bbase64 -{1,2}d",
    ),
    "starts an agent without its permission prompts": (
        r"--(?:dangerously|yolo|full-auto|allow-all-tools|auto-approve)\b",
        r"--approval-mode[ =]yolo\b",
        r"\bbypasspermissions\b",
        r"\bauto_approve\b[ :=]{1,3}true\b",
    ),
    "reaches terminals past the gate": (
        r"\btmux\b.{0,80}\b(?:send-keys|send|paste-buffer|pasteb|respawn-pane|respawn-window|kill-server|kill-session"
        r"|new-window|neww|set-environment|set-option|run-shell|if-shell|pipe-pane)\b",
    ),
    "runs the session's own controls past the gate": (
        _LOOP + r"(?:up|down|once|pause|resume|deck|lane (?:add|drop|restart)|engine (?:once|pause|resume|restart))\b",
    ),
    "hides from which lane it comes": (r"\bunset loop_", r"\bloop_lane= ?\S", r"-u ?loop_", r"\benv -i\b"),
    "changes what the project makes this machine run, or who may approve": (
        _WRITE + r".{0,80}(?:\blane-config(?:\.[\w-]+)?\.ya?ml|\ballowed_signers|\bsigners file|\.loop/+harnesses)\b",
    ),
}

_OTHER_LOOP = re.compile(
    r"\b(?:the|a|an|this|that|each|every|our|your|its|inner|outer|event|main|retry|review|for|while|whether|does|do) "
    r"loop (?:approve|reject) (?!(?:the |a |an |any |all |every |each )?(?:decision|action|pending|waiting|command|d-))"
    r"(?=(?:an?|the|every|each|all|any|no|its|or|and|orders?|requests?|payments?|users?|items?)\b)"
)
"""A loop of somebody's program, not this one: ``does the loop approve an order twice``."""


def judge_text(text: str, facts: Facts) -> Verdict:
    """What a text says by itself: words that only a person may say are blocked, sharp ones and those of the config's
    patterns destructive.
    """
    plain, *hidden = [_OTHER_LOOP.sub("", reading) for reading in readings(text)]
    even = (plain, *hidden)
    verdicts = [blocked(f"its text {why}") for why, found in _ONLY_A_PERSON.items() if _finds(found, even)]
    verdicts += [destructive(f"its text {why}") for why, found in _SHARP.items() if _finds(found, even)]
    verdicts += [
        destructive(f"its text {said}")
        for pattern in facts.limits.payload_patterns
        if (said := _said_of(pattern, (text, plain, "\n".join(hidden))))
    ]
    return worst(verdicts)


def _finds(patterns: tuple[str, ...], texts: tuple[str, ...]) -> bool:
    return any(re.search(pattern, text) for pattern in patterns for text in texts)


def _said_of(pattern: str, texts: tuple[str, ...]) -> str:
    """What a pattern of the config says of a text and its readings; empty: it finds nothing."""
    import regex

    try:
        found = any(
            regex.search(pattern, text, regex.IGNORECASE, timeout=PATTERN_LIMIT_S, concurrent=True) for text in texts
        )
    except TimeoutError:
        return f"makes the pattern `{pattern}` of the config take too long"
    except regex.error as error:
        return f"could not be compared with the pattern `{pattern}` of the config: {error}"
    return f"fits the pattern `{pattern}` of the config" if found else ""
