"""Recorded screens of agent programs: which there are, what each showed, and what the rules of a harness read there.

A folder of them holds ``<version>__<state>__<columns>x<rows>.ansi``, as ``tmux capture-pane -p -e`` prints it (or
``.txt``, as without ``-e``), and ``META.tsv``: a capture's name, a tab, and what tmux said of the pane
(``command|title|alt=…|curflag=…``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneState, LaneWord
from loop_orchestrator.model.terminal import SHELLS
from loop_orchestrator.substrate.readiness import classify
from loop_orchestrator.substrate.screens import parse_ansi

RECORDED = Path(__file__).parent / "screens"
"""The recorded screens of this package: a folder per harness."""

_NAME = re.compile(r"(?P<version>[^_]+)__(?P<state>.+)__(?P<columns>\d+)x(?P<rows>\d+)")
_META = re.compile(r"(?P<command>[^|]*)\|(?P<title>.*)\|alt=[01]\|(?:.*\|)?curflag=(?P<cursor>[01])(?:\|.*)?")

_GONE = frozenset({Detail.EXITED, Detail.SUSPENDED, Detail.MISSING})
_WORKING = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.WORKING)
_UNKNOWN = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.UNKNOWN)
_EXPECTED: tuple[tuple[str, Collection[Detail]], ...] = (
    (r"exited|suspended|shell|offline-preflight-exit|boot-failed-", _GONE),
    (r"typed|pasted-|slash-popup|bash-mode-typed|sendkeys-|enter-is-newline|interrupted-with-queue", {Detail.DRAFT}),
    (r".*-became-newline", {Detail.DRAFT}),
    (r"(?:inline-)?idle-|interrupted-|(?:no-daemon-)?after-|ctrl-c-once-idle", {Detail.READY}),
    (r"error-.*-retrying-silently", _WORKING),
    (r"error-.*-retrying", {Detail.RETRYING}),
    (r"(?:inline-)?working-|escape-once", _WORKING),
    (r"approval-", {Detail.APPROVAL}),
    (r"question", {Detail.QUESTION}),
    (r"dialog-|firstboot|menu-|warnings-overlay", {Detail.DIALOG}),
    (r"error-40[13]", {Detail.AUTH}),
    (r"error-429|error-quota", {Detail.RATE_LIMITED}),
    (r"error-", {Detail.API_ERROR}),
)
"""Beginning of a state's name -> the details that its screen may be read as; the first that fits."""

_EXCEPTIONS: Mapping[tuple[str, str], Collection[Detail]] = {
    # Each line of the paste was taken as a prompt and answered: nothing is left of it in the composer.
    ("llm", "pasted-multiline-split"): {Detail.READY},
    # It waits at its prompt, below what it says of a download that failed.
    ("aider", "firstboot"): {Detail.READY, Detail.DRIFTED},
}
"""Harness and state whose screen shows something else than the name of the state says."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One recorded screen."""

    harness: str
    name: str
    """its file's name without the suffix"""
    version: str
    state: str
    """what the program did, as the one who recorded it named it: ``idle-fresh``, ``error-401``"""
    columns: int
    rows: int
    command: str
    """the foreground program; empty where META.tsv does not name the capture"""
    title: str
    cursor_visible: bool | None
    """None where META.tsv does not name the capture"""
    text: str
    """as tmux printed it, escape codes included"""


def captures(folder: Path, harness: str) -> tuple[Capture, ...]:
    """The recorded screens of a harness, by name. None where there is no such folder.

    folder: holds them itself, or in a folder named after the harness.
    Raises UsageError for a file that is not named or written as the format says.
    """
    own = folder / harness if (folder / harness).is_dir() else folder
    files = {path.stem: path for suffix in ("txt", "ansi") for path in own.glob(f"*.{suffix}")}
    meta = _meta(own / "META.tsv") if files else {}
    return tuple(_capture(files[stem], harness, meta.get(stem)) for stem in sorted(files))


def expected(capture: Capture) -> frozenset[Detail]:
    """The details that the capture may be read as, by the name of its state; unknown where the name says nothing.

    With a shell in front the program is not there, whatever its last screen shows.
    """
    if capture.command in SHELLS and capture.harness != "shell":
        return _GONE
    named = next((details for pattern, details in _EXPECTED if re.match(pattern, capture.state)), _UNKNOWN)
    return frozenset(_EXCEPTIONS.get((capture.harness, capture.state), named))


def read(capture: Capture, spec: HarnessSpec, now: datetime) -> LaneState:
    """What the rules of a harness make of the capture."""
    return classify(
        parse_ansi(capture.text),
        spec,
        now,
        title=capture.title,
        command=capture.command,
        cursor_visible=capture.cursor_visible,
    )


def _meta(path: Path) -> dict[str, re.Match[str]]:
    """What tmux said of each pane, by the name of the capture."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    found: dict[str, re.Match[str]] = {}
    for number, line in enumerate(lines, start=1):
        name, _, said = line.partition("\t")
        match = _META.fullmatch(said)
        if line and match is None:
            wanted = "expected a capture's name, a tab, and command|title|alt=0|…|curflag=1|…"
            raise UsageError(f"{path}:{number}: {wanted} (got {line!r})")
        if match is not None:
            found[name] = match
    return found


def _capture(path: Path, harness: str, meta: re.Match[str] | None) -> Capture:
    name = _NAME.fullmatch(path.stem)
    if name is None:
        raise UsageError(
            f"{path}: expected the name of a recorded screen, such as 1.2.0__idle-fresh__80x24{path.suffix}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    return Capture(
        harness=harness,
        name=path.stem,
        version=name["version"],
        state=name["state"],
        columns=int(name["columns"]),
        rows=int(name["rows"]),
        command=meta["command"] if meta else "",
        title=meta["title"].strip() if meta else "",
        cursor_visible=meta["cursor"] == "1" if meta else None,
        text=text,
    )
