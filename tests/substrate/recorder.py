"""A program that keeps every byte it is sent: ``recorder.py FILE [plain]``; asks for bracketed paste unless plain."""

from __future__ import annotations

import os
import sys
import termios
import tty


def main(file: str, *options: str) -> None:
    tty.setraw(sys.stdin.fileno(), termios.TCSANOW)
    modes = "" if "plain" in options else "\x1b[?2004h"
    sys.stdout.write(f"{modes}recording")
    sys.stdout.flush()
    with open(file, "ab", buffering=0) as kept:  # noqa: PTH123 - a helper program
        while data := os.read(sys.stdin.fileno(), 65_536):
            kept.write(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
