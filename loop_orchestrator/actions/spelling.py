"""The same words in other spellings: a text as the rules about words read it. Pure.

Quoting, escapes, empty expansions, invisible and look-alike characters and encodings change how a word is written, and
not what a shell or an agent makes of it. A reading undoes them; no list of spellings is complete.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator

_ALIKE = {
    "a": "аɑαаꭺᴀ",
    "b": "ЬƄв",
    "c": "сϲᴄⅽ",
    "d": "ԁⅾɗ",
    "e": "еєҽε℮",
    "g": "ɡցԍ",
    "h": "һհн",
    "i": "іıɩιӏⅰ",
    "j": "јϳ",
    "k": "кκ",
    "l": "ⅼӏǀ|ʟ׀",
    "m": "мⅿ",
    "n": "ոпղη",
    "o": "оοօ০௦ӧσ0ᴏ",
    "p": "рρ⍴ᴘ",
    "q": "ԛգ",
    "r": "гʀᴦ",
    "s": "ѕꜱ",
    "t": "тτᴛ",
    "u": "սυʋц",
    "v": "ѵνᴠⅴ",
    "w": "ԝաωѡ",
    "x": "хχⅹ×",
    "y": "уүγყ",
    "z": "ᴢ",
}
_LOOKALIKES = str.maketrans({odd: plain for plain, odds in _ALIKE.items() for odd in odds if not odd.isascii()})
"""Letters of other alphabets that look like one of a to z, as they are after case folding."""

_LETTER_NAME = re.compile(r"(?:SMALL CAPITAL|CAPITAL LETTER|SYMBOL LETTER|LETTER SCRIPT|LATIN SMALL LETTER) ([A-Z])\b")
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"
"""Fillers that count as letters and symbols and are drawn as nothing."""

_BINARY_NAME = re.compile(r"\$(?:\{loop_bin\}|loop_bin\b)")
_IFS = re.compile(r"\$(?:\{ifs[^}]*\}|ifs\b)")
_EMPTY = re.compile(r"\$\{[^}\s]*\}|\$[@*!#?$-]")
_QUOTES = re.compile(r"[\\'\"`´‘’“”*~]")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\0?([0-7]{3})|%([0-9a-f]{2})", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){8,}")
_LINE_JOINED = re.compile(r"\\\r?\n")
_LONGEST_LIST = 200
"""Encoded runs that are taken apart in one text; more is no work for an agent."""


def readings(text: str) -> tuple[str, ...]:
    """Every way in which the text may be meant, each as one line of plain lower-case words; the plain way first."""
    found = [_even(text), _even(_unescaped(text)), _even(re.sub(r"[{},]", " ", text))]
    found += [_even(hidden) for hidden in _decoded(text)]
    return tuple(dict.fromkeys(found))


def visible(text: str) -> str:
    """The text without characters that are drawn as nothing."""
    return "".join(char for char in text if char not in _BLANKS and unicodedata.category(char) not in ("Cf", "Cc"))


def _even(text: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = folded if folded.isascii() else _plain_letters(folded)
    plain = _IFS.sub(" ", _BINARY_NAME.sub("loop", _LINE_JOINED.sub("", plain)))
    return re.sub(r"\s+", " ", _QUOTES.sub("", _EMPTY.sub("", plain))).strip()


def _plain_letters(text: str) -> str:
    shown = (char for char in text if char not in _BLANKS and unicodedata.category(char) not in ("Cf", "Mn", "Me"))
    return "".join(char if char.isascii() else _plain_letter(char) for char in shown).translate(_LOOKALIKES)


def _plain_letter(char: str) -> str:
    """A letter of an ornamental kind as the letter that it shows."""
    named = _LETTER_NAME.search(unicodedata.name(char, ""))
    return named[1].lower() if named and not char.translate(_LOOKALIKES).isascii() else char


def _unescaped(text: str) -> str:
    def char(found: re.Match[str]) -> str:
        hexadecimal, wide, octal, percent = found.groups()
        return chr(int(octal, 8) if octal else int(hexadecimal or wide or percent, 16))

    plain = _ESCAPE.sub(char, text)
    if "&" not in plain:
        return plain
    import html  # its table of names is 0.3 MB, which most texts do not need

    return html.unescape(plain)


def _decoded(text: str) -> Iterator[str]:
    """What stands in base64 and hexadecimal, where that is text."""
    for run in _BASE64.findall(text)[:_LONGEST_LIST]:
        yield from _as_text(run, _from_base64)
    for run in _HEX.findall(text)[:_LONGEST_LIST]:
        yield from _as_text(re.sub("[ :]", "", run), bytes.fromhex)


def _from_base64(run: str) -> bytes:
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _as_text(run: str, decode: Callable[[str], bytes]) -> Iterator[str]:
    try:
        found = decode(run).decode("utf-8")
    except (binascii.Error, ValueError):
        return
    if found.strip() and all(char.isprintable() or char.isspace() for char in found):
        yield found
