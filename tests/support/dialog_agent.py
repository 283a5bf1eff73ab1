#!/usr/bin/env python3
"""Asks like Claude Code when it starts, then shows its composer. Words: trust, api-key, stubborn (Down does nothing).

Every key it gets is a line of ``keys.txt`` in its directory.
"""

from __future__ import annotations

import os
import sys
import termios
import tty
from pathlib import Path

RULE = "─" * 60
QUESTIONS = {
    "trust": (
        "Claude Code'll be able to read, edit, and execute files here.",
        ("No, exit", "Yes, I trust this folder"),
    ),
    "api-key": ("Do you want to use this API key?", ("Yes", "No (recommended)")),
}
KEYS = {b"\x1b[A": "Up", b"\x1bOA": "Up", b"\x1b[B": "Down", b"\x1bOB": "Down", b"\r": "Enter"}


def draw(rows: list[str]) -> None:
    sys.stdout.write("\x1b[2J\x1b[H" + "\r\n".join(rows))
    sys.stdout.flush()


def key() -> str:
    raw = os.read(0, 16)
    name = KEYS.get(raw, repr(raw))
    with Path("keys.txt").open("a", encoding="utf-8") as log:
        log.write(name + "\n")
    return name


def ask(question: str, answers: tuple[str, ...], *, stubborn: bool) -> str:
    at = next(number for number, answer in enumerate(answers) if answer.startswith("No"))
    while True:
        choices = [f" {'❯' if number == at else ' '} {answer}" for number, answer in enumerate(answers)]
        draw([RULE, f" {question}", "", *choices, "", " Enter to confirm · Esc to cancel"])
        pressed = key()
        if pressed == "Enter":
            return answers[at]
        if not stubborn:
            at = max(0, min(len(answers) - 1, at + {"Down": 1, "Up": -1}.get(pressed, 0)))


def main(words: list[str]) -> None:
    modes = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        for name in words:
            if name in QUESTIONS and not ask(*QUESTIONS[name], stubborn="stubborn" in words).startswith("Yes"):
                sys.exit(1)
        draw([" ✻ Welcome", "", RULE, "❯\u00a0", RULE, "  ? for shortcuts"])
        while True:
            key()
    finally:
        termios.tcsetattr(0, termios.TCSANOW, modes)


if __name__ == "__main__":
    main(sys.argv[1:])
