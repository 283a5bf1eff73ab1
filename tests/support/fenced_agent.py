"""A program whose composer takes Enter as a new line and Escape, Enter as the end of a prompt."""

from __future__ import annotations

import os
import re
import tty


def main() -> None:
    """Until its terminal is gone."""
    tty.setraw(0)
    draft, heard = "", ""
    while True:
        height = os.get_terminal_size().lines
        shown = "".join(f"{line}\r\n" for line in (heard, "What now?", *draft.split("\r")))
        os.write(1, f"\x1b[?2004h\x1b[H\x1b[2J{shown}\x1b[{height};1HSend with Esc, then Enter".encode())
        typed = os.read(0, 65_536).decode()
        if not typed:
            return
        draft += re.sub(r"\x1b\[20[01]~", "", typed).replace("\n", "\r")
        if draft.endswith("\x1b\r"):
            heard, draft = f"heard: {draft[:-2].replace(chr(13), chr(10))!r}", ""


main()
