"""General signs that a program is not idle, whatever program it is: they keep an empty composer from meaning ready.

The rules of a harness say what its screens mean; these only say that something stands near the composer which an idle
program does not show. A sign counts where programs draw their own state: below the composer, as a hint in an empty one,
and in the last paragraph above it, with the one before where that only says how long the turn took. Further up is
conversation, but for a box that floats over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import Composer, is_line

PARAGRAPH_ROWS = 14
"""Rows of the last paragraph that are looked at, from its end."""
_TIME = r"(?:\d+h ?)?(?:\d+m ?)?\d+s"
_WORK = (
    re.compile(r"^\W{0,8}[⠁-⣿](?:\s|$)"),  # a braille spinner, also inside the line above the composer
    re.compile(r"[⬝■]{4,}|[░▒▓]█|█[░▒▓]"),  # a bar that moves
    re.compile(
        rf"^\s*[^\w\s(\[\"'`>#+–-]{{1,3}}\uFE0E?\s+\S.{{0,70}}?(?:…|\.\.\.?)(?:\s*\(.*|\s+{_TIME})?\s*$"
    ),  # ✻ Verb… (4s
    re.compile(r"^\s*\w+(?:…|\.\.\.)(?:\s*\(.*)?\s*$"),  # Verb…
    re.compile(rf"\(\s*{_TIME}\b[^)]*(?:\b(?:esc|tokens?|interrupt|cancel|thinking)\b|[↑↓])"),  # (12s · ↓ 15 tokens
    re.compile(r"\b(?:esc|escape|ctrl[-+]c|\^c)\b(?: again)? (?:to )?(?:interrupt|cancel|stop|abort)\b", re.I),
    re.compile(r"\b(?:retrying|reconnecting)\b\W{0,3}(?:in\b|after \d|\d|…|\.\.\.)|\battempt #?\d+/\d+\b", re.I),
    re.compile(r"^\W*(?:\d+ )?queued\b|\bqueued (?:messages?|follow-up|inputs?|prompts?)\b", re.I),
    re.compile(r"\b(?:enter|tab|ctrl\S*) to (?:steer|queue)\b|^\W*steering:|^\W*waiting for\b", re.I),
    re.compile(r"\b(?:working|thinking|compacting|running|generating)\b\s*(?:…|\.\.\.|\(\d)", re.I),
)
_ASKING = (
    re.compile(r"^\W{0,6}[❯›>●▶►▸→◉*] ?\d{1,2}[.)] "),  # a menu with one row chosen
    re.compile(r"^[\s│┃]*(?:Yes|Allow|Approve)\b[^.]{0,60}\b(?:No|Reject|Deny)\b\s*(?:\s{2}.*)?$"),
    re.compile(r"[(\[]\(?y(?:es)?\)?(?:es)?\s*[/,|]\s*\(?n(?:o)?\)?(?:o)?\b", re.I),  # (y/n), [Y/n], (Y)es/(N)o
    re.compile(r"\b(?:enter|return|↵|⏎) (?:to )?(?:select|confirm|continue|submit|choose|accept|approve)\b", re.I),
    re.compile(r"\b(?:enter|esc|escape): ?\w+", re.I),
    re.compile(r"\b\w+: ?(?:↑/?↓|(?:enter|esc|escape)\b)", re.I),
    re.compile(r"\b(?:esc|escape) (?:to )?(?:cancel|exit|go back|close|dismiss|back|skip)\b", re.I),
    re.compile(r"\bpress (?:enter|return|any key)\b", re.I),
    re.compile(r"(?:↑/?↓|arrow keys?).{0,12}\b(?:select|navigate|move|choose)\b|⇆ select", re.I),
    re.compile(
        r"^\W*(?:do you want|would you like) to (?:proceed|continue|run|make|create|allow|apply|use|log in)\b", re.I
    ),
    re.compile(r"^\W*(?:do you trust|allow (?:execution|once|this|command)|proceed\?|waiting for your)", re.I),
    re.compile(r"\b(?:permission|approval|action|confirmation) required\b", re.I),
)
_SUBJECT = r"(?:[\w'’.-]+ ){0,4}"
_OVER = r"(?:exceeded|reached|hit)"
_FAILED = (
    re.compile(r"^\s*[■✕✗✘✖❌⛔]\s"),
    re.compile(r"^\W*(?:[A-Z][\w ]{0,20} )?(?:API )?[Ee]rror\b ?(?::|\(|\d)"),
    re.compile(r"^\W*[\w.]*(?:Error|Exception)\b ?:"),
    re.compile(r'^\W*(?:error"|\{"error|\{"type":"error)'),
    re.compile(r"^\W*traceback \(most recent|\bmax retries exceeded\b", re.I),
    re.compile(
        rf"^\W*{_SUBJECT}(?:invalid|expired|missing|incorrect) (?:x-)?(?:api[- ]?key|token)\b\s*(?:$|[·.:(])", re.I
    ),
    re.compile(r"^\W*(?:unexpected status|HTTP(?: error)?|error code:?) ?[45]\d\d\b|\blast status: \d", re.I),
    re.compile(r"^\W*[45]\d\d\b ?(?::|\{|[A-Z])"),
    re.compile(rf"^\W*{_SUBJECT}(?:rate limited|(?:[\w-]+ )?limits? {_OVER}|hit your (?:\w+ )?limit)\b", re.I),
    re.compile(
        rf"\bexceed(?:ed)? (?:the|your)(?: current)? (?:rate limit|quota)\b|^\W*{_SUBJECT}quota {_OVER}\b", re.I
    ),
    re.compile(r"^\W*(?:unauthori[sz]ed|forbidden|unauthenticated|too many requests)\W*(?:$|[:(])", re.I),
    re.compile(r"^\W*(?:not logged in|login expired|please run /login|run /login)\b", re.I),
    re.compile(r"\bno models? available\b|\b(?:no|missing) api key found\b", re.I),
    re.compile(rf"^\W*{_SUBJECT}credit balance\b|^\W*prompt is too long\b|\bran out of room\b|^\W*overloaded\b", re.I),
    re.compile(r"^\W*there.s an issue with (?:the|your) (?:selected )?model\b|^\W*context limit reached\b", re.I),
    re.compile(rf"^\W*{_SUBJECT}(?:connection (?:error|refused|reset|lost)|network error|request timed out)\b", re.I),
    re.compile(r"\b(?:resend|retry) your message\b|\bpress \S+ to retry\b|^\W*unable to connect\b", re.I),
)
_LOCAL = (
    re.compile(r"^\W*(?:\w+ )?(?:错误|錯誤|エラー|오류|Fehler|Erreur|Ошибка|Errore?|Erro)\s*[::(]"),
    re.compile(r"\(\s*(?:[^()]*[\s·,、])?(?:esc|ctrl[-+]c)\b[^()]*\)", re.I),  # the key that stops it, in any language
)
"""What does not depend on the language a program speaks."""
_CHOSEN = re.compile(r"^[\s│┃]{0,6}[❯›●▶►▸→◉] ?\S")
"""A row of a list that is chosen: below an empty composer it is a menu."""
_COUNTED = re.compile(r"^\s*\(\d+/\d+\)\s*$")
_KEY = r"(?:Enter|Space|Tab|Esc(?:ape)?|Ctrl[-+]\w|↑/?↓)"
_LEGEND = re.compile(rf"{_KEY}\S* (?:to )?\w+.* [·•|] .*{_KEY}\S* (?:to )?\w+", re.I)
"""Keys and what they do: as the last rows of what looks like a draft they are those of a menu in its place."""
_RECAP = re.compile(r"^\W{0,8}\w[^.!?:]{0,60}?\b\d+(?:\.\d+)?(?:ms|s|m|h)\b[^.!?]{0,60}$")
"""What a finished turn took, in a row of its own."""
_BOX_TITLE = re.compile(r"^(?P<left>.* {2,})(?P<title>\S(?:.{0,120}\S)?) {6,}(?P<key>esc)(?: {2,}.*| *)$", re.I)
"""The title of a box over the conversation, and the key that closes it at the right end."""
_TITLE = re.compile(r"^(?:[⠁-⣿◐◓◑◒✦✋⏳]|\[ ?[!.*] ?\])|\baction required\b|\bworking(?:…|\.\.\.)", re.I)
_KINDS = (("work", _WORK), ("a question", _ASKING), ("a failure", _FAILED), ("work or a failure", _LOCAL))


def sign_near(screen: Screen, composer: Composer, spec: HarnessSpec, *, focused: bool | None = None) -> str:
    """What stands near the composer and speaks against idle, in words; empty for nothing.

    focused: the cursor stands in the composer; None where that is not known.
    """
    rows = ["" if _is_harmless(row, spec) else row for row in screen.rows]
    above, within, below = rows[: composer.first], rows[composer.first : composer.end], rows[composer.end :]
    found = _first_sign((*_joined(below), *(() if composer.text else within), *_joined(_last_words(above))))
    return found or _menu_sign(
        screen.rows[: composer.first], within, below, is_empty=not composer.text, focused=focused
    )


def _menu_sign(
    above: Sequence[str], within: Sequence[str], below: Sequence[str], *, is_empty: bool, focused: bool | None
) -> str:
    """A menu that leaves the composer on the screen, or stands in its place and looks like a draft."""
    menu = next((row for row in below if is_empty and _CHOSEN.search(row)), "")
    if not menu and len(within) > 2:
        last = [row for row in within if row.strip()][-3:]
        legend = next((row for row in _joined(last) if _LEGEND.search(row)), "")
        menu = legend or next((row for row in within if _COUNTED.search(row)), "")
    if not menu and not focused:
        menu = next(_box_titles(above), "")
    return f"{menu.strip()!r} looks like a menu" if menu else ""


def _box_titles(rows: Sequence[str]) -> Iterator[str]:
    """Rows that look like the title of a floating box, with nothing of the box right above and below them."""
    for index in range(1, len(rows) - 1):
        found = _BOX_TITLE.search(rows[index])
        if found and not any(
            rows[near][found.start("title") : found.end("key")].strip() for near in (index - 1, index + 1)
        ):
            yield rows[index]


def sign_in(rows: Sequence[str], spec: HarnessSpec) -> str:
    """What in these rows speaks against idle, wherever it stands: for a screen whose composer is not known."""
    return _first_sign(_joined([row for row in rows if not _is_harmless(row, spec)]))


def sign_in_title(title: str) -> str:
    """The same for a title."""
    return f"the title is {title.strip()!r}" if _TITLE.search(title.strip()) else ""


def _is_harmless(row: str, spec: HarnessSpec) -> bool:
    return any(pattern.search(row) for pattern in spec.harmless)


def _first_sign(rows: Iterable[str]) -> str:
    for row in rows:
        for kind, patterns in _KINDS:
            if any(pattern.search(row) for pattern in patterns):
                return f"{row.strip()!r} looks like {kind}"
    return ""


def _last_words(rows: Sequence[str]) -> Sequence[str]:
    """The last paragraph; with the one before it where it only says how long the turn took."""
    last = _paragraph(rows)
    if len(last) != 1 or not _RECAP.search(last[0]):
        return last
    end = max(index for index, row in enumerate(rows) if row == last[0])
    return (*_paragraph(rows[:end]), "", *last)


def _paragraph(rows: Sequence[str]) -> Sequence[str]:
    """The last rows without a blank one between them; lines and blank rows at the end are passed over."""
    end = len(rows)
    while end and (not rows[end - 1].strip() or (is_line(rows[end - 1]) and not _labelled(rows[end - 1]))):
        end -= 1
    first = end
    while first and rows[first - 1].strip() and end - first < PARAGRAPH_ROWS:
        first -= 1
    return rows[first:end]


def _labelled(row: str) -> bool:
    return any(char.isalnum() for char in row)


def _joined(rows: Sequence[str]) -> Iterator[str]:
    """Each row, and each with the one below it: a row that is too narrow wraps."""
    for index, row in enumerate(rows):
        yield row
        if index + 1 < len(rows) and rows[index + 1].strip():
            yield f"{row.rstrip()} {rows[index + 1].strip()}"
