"""A program that works until it gets two Escapes as two keys, and then has the prompt in its composer again."""

from __future__ import annotations

import os
import re
import time
import tty

LINE = "─" * 30
ONE_KEY_S = 0.1
"""Within which two Escapes are one key."""
FORGETS_S = 1.2
"""After which the first Escape no longer counts."""


def main() -> None:
    """Until its terminal is gone."""
    tty.setraw(0)
    heard: list[str] = []
    draft, escaped_at, works = "", 0.0, False
    while True:
        rows = [f"> {one}" for one in heard] + (["Working, two Escapes end it"] if works else []) + ["", LINE]
        rows += [f"❯ {draft}", LINE, "ready"]
        shown = "\r\n".join(rows)
        os.write(1, f"\x1b[?2004h\x1b[H\x1b[2J{shown}".encode())
        typed = os.read(0, 65_536).decode()
        if not typed:
            return
        if re.fullmatch("\x1b+", typed):
            if works and ONE_KEY_S < time.monotonic() - escaped_at < FORGETS_S:
                works, draft = False, heard[-1]
            escaped_at = time.monotonic()
        elif typed == "\x15":
            draft = ""
        else:
            draft += re.sub(r"\x1b\[20[01]~", "", typed).removesuffix("\r")
            if typed.endswith("\r"):
                heard.append(draft)
                draft, works = "", True


main()
