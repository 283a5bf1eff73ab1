"""An agent that keeps every byte it is sent: ``recording_agent.py FILE [OPTION...]``. In FILE, {lane} is its lane.

Its composer shows the size of what was pasted, ``> [got N bytes]``; Enter empties it, Ctrl-U too. A short paste of one
line is shown as it is. ``deaf``: Enter does nothing. ``blind``: the composer stays as it is. ``echo``: what was
submitted stands in the conversation, as agents show it; without, nothing but an empty composer says that it arrived.
"""

from __future__ import annotations

import os
import re
import sys
import termios
import tty

BEGIN, END = b"\x1b[200~", b"\x1b[201~"


def main(file: str, *options: str) -> None:
    tty.setraw(sys.stdin.fileno(), termios.TCSANOW)
    draw = sys.stdout.write
    draw("\x1b[?2004hrecording\r\n> ")
    sys.stdout.flush()
    composer, data, whole = "", b"", ""
    file = file.replace("{lane}", os.environ.get("LOOP_LANE", ""))
    with open(file, "ab", buffering=0) as kept:  # noqa: PTH123 - a helper program
        while more := os.read(sys.stdin.fileno(), 65_536):
            kept.write(more)
            data += more
            while data:
                if data.startswith(BEGIN):
                    if END not in data:
                        break
                    pasted, _, data = data.removeprefix(BEGIN).partition(END)
                    small = re.fullmatch(rb"[ -~]{1,60}", pasted)
                    composer += pasted.decode() if small else f"[got {len(pasted)} bytes]"
                    whole += pasted.decode(errors="replace")
                elif BEGIN.startswith(data[:6]) and len(data) < len(BEGIN) and data.startswith(b"\x1b["):
                    break
                else:
                    key, data = data[:1], data[1:]
                    if key == b"\r" and "deaf" not in options:
                        said = whole.replace("\n", "\r\n") + "\r\n" if "echo" in options else ""
                        composer = whole = ""
                        draw(f"\r\x1b[K{said}heard\r\n")
                    elif key == b"\x15":
                        composer = whole = ""
                    elif key.isalnum():
                        composer += key.decode()
            draw("" if "blind" in options else f"\r\x1b[K> {composer}")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
