"""Takes secrets out of text for people: what a scanner finds, and the values of environment variables that hold some.

The scanner is a native library that is loaded with the first text. What it cannot look at is not passed on.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SHORTEST = 8
"""Characters of a known value that is looked for, at least. At half, words such as "main" vanish from every text; at
double, keys of services that have 12 characters stay in it."""

TOKEN_BYTES = 65_536
"""The longest word that a stream may have. At half, a picture in a reply ends its transcript; at double, twice as much
of a reply may be held back until its end is seen."""

STREAM_BYTES = 2_000_000
"""What is passed on of a stream, of which 2 to 13 MB a second are searched. At half, long work of an agent loses its
end; at double, a program that prints without end is waited for twice as long."""

_CUT = "\n[the rest is left out here: there is too much to search it for secrets while it arrives]\n"


class Finding(Protocol):
    """What the scanner says of a secret it found."""

    @property
    def type(self) -> str: ...


class Redactor:
    """One set of known values; safe to use from several threads."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """known: name of a variable -> its value."""
        found = {spelt: name for name, value in known.items() for spelt in _spellings(value)}
        self._known = sorted(found.items(), key=lambda one: -len(one[0]))

    def text(self, text: str) -> str:
        """The text with ``[redacted: <what it was>]`` in the place of every secret."""
        import redact_secret

        for value, name in self._known:
            if value in text:
                text = text.replace(value, f"[redacted: {name}]")
        try:
            return redact_secret.scan_and_redact(text, formatter=_placeholder).text
        except redact_secret.InvalidInputError:  # half of a surrogate pair, which it takes for no text
            whole = text.encode("utf-8", "replace").decode()
            return redact_secret.scan_and_redact(whole, formatter=_placeholder).text
        except redact_secret.SecretScanError as error:
            return f"[redacted: a text that could not be searched for secrets ({type(error).__name__})]"

    def value(self, value: JsonValue) -> JsonValue:
        """A JSON value with every string in it redacted; keys stay."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(one) for one in value]
            case dict():
                return {key: self.value(one) for key, one in value.items()}
            case _:
                return value

    def stream(self) -> RedactedStream:
        """For bytes that arrive in pieces."""
        return RedactedStream(self)

    @property
    def longest(self) -> int:
        """Characters of the longest known value."""
        return len(self._known[0][0]) if self._known else 0


class RedactedStream:
    """Bytes of UTF-8 that arrive in pieces, redacted; what may be the beginning of a secret is held back."""

    def __init__(self, redactor: Redactor) -> None:
        import redact_secret

        limits = redact_secret.IncrementalLimits
        held = limits.minimum_buffered_bytes(TOKEN_BYTES, TOKEN_BYTES)
        self._scan = redact_secret.IncrementalSanitizer(
            limits(
                max_input_bytes=2**40,
                max_buffered_bytes=held,
                max_token_bytes=TOKEN_BYTES,
                max_multiline_bytes=TOKEN_BYTES,
            ),
            formatter=_placeholder,
        )
        self._redactor = redactor
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._seen = 0
        self._is_cut = False

    def add(self, data: bytes) -> bytes:
        """What can be passed on now."""
        self._seen += len(data)
        if self._seen > STREAM_BYTES and not self._is_cut:
            room = max(0, len(data) - (self._seen - STREAM_BYTES))
            last = self._passed(self._decode(data[:room]), final=True)
            self._is_cut = True
            return last + _CUT.encode()
        return self._passed(self._decode(data), final=False)

    def end(self) -> bytes:
        """The rest."""
        return self._passed(self._decode(b"", True), final=True)

    def _passed(self, text: str, *, final: bool) -> bytes:
        import redact_secret

        if self._is_cut:
            return b""
        ready = self._known(text, final=final)
        try:
            passed = self._scan.append(ready).text if ready else ""
            if final:
                passed += self._scan.finalize().text
        except redact_secret.SecretScanError:
            self._is_cut = True
            passed = _CUT
        return passed.encode()

    def _known(self, text: str, *, final: bool) -> str:
        """The text without known values; as much as could be the beginning of one is held back."""
        self._held += text
        for value, name in self._redactor._known:
            self._held = self._held.replace(value, f"[redacted: {name}]")
        keep = 0 if final else max(0, self._redactor.longest - 1)
        cut = len(self._held) - keep
        ready, self._held = (self._held[:cut], self._held[cut:]) if cut > 0 else ("", self._held)
        return ready


def known_values(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Those of these variables that are set and long enough to be looked for."""
    return {name: environ[name] for name in names if len(environ.get(name, "")) >= SHORTEST}


def _spellings(value: str) -> set[str]:
    """A value as it stands in text and, without its quotes, in JSON."""
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}


def _placeholder(finding: Finding, _: object) -> str:
    return f"[redacted: {finding.type.replace('_', ' ')}]"
