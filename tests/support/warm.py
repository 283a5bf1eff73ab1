"""Commands of ``loop`` as processes of their own, forked from one that has imported the programs already.

Most of what a short command costs is the start of Python and its imports. A command that is forked has an environment,
a folder, standard streams and an end of its own, and dies of a signal as any other; what it does not show is that the
installed script starts, and what its process was started with, as /proc has it.

The process that is forked from runs in a tmux pane of its own, because a person's command needs a terminal that comes
from tmux (``process/person.py``). It ends when whoever asked it does.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
USED = ("difflib", "filelock", "html.entities", "markdown_it", "psutil", "yaml")
"""What is imported only where it is used, by most commands."""
START_S = 60.0
_MOST = 1 << 20
"""Bytes of one request, at most."""


class Forked:
    """One command. What can be done with it is named as in ``subprocess.Popen``."""

    def __init__(self, connection: socket.socket, argv: Sequence[str]) -> None:
        self.args = list(argv)
        self.returncode: int | None = None
        self._connection = connection
        self._said = connection.makefile("r")
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        """Its exit code, or the number of the signal that ended it, negative; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout_s: float | None = None) -> int:
        """The same. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout_s)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout_s or 0)
            self.returncode = int(self._said.readline())
            self._said.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Warm:
    """The process that is forked from, for whoever asks it."""

    def __init__(self) -> None:
        """Starts it. Raises AssertionError where it does not come up."""
        self._folder = tempfile.mkdtemp(prefix="loop-warm-")
        self._asks = f"{self._folder}/asks"
        environ = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        words = [sys.executable, str(Path(__file__)), self._asks]
        tmux = ["tmux", "-u", "-S", f"{self._folder}/s", "-f", os.devnull, "new-session", "-d", "-c", "/", *words]
        subprocess.run(tmux, check=True, env={**environ, "HOME": self._folder, "TERM": "dumb"}, timeout=START_S)
        deadline = time.monotonic() + START_S
        while not Path(self._asks).exists():
            assert time.monotonic() < deadline, f"nothing listens at {self._asks}"
            time.sleep(0.01)
        self._life = self._connect()

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        streams: Sequence[int],
        terminal: bool = False,
        name: str = "loop",
    ) -> Forked:
        """``loop ARGV``.

        streams: file descriptors of its last standard streams; those before them are of the terminal.
        terminal: it has one, as where a person types it.
        name: what the program was called as.
        """
        asked = {"argv": [name, *argv], "cwd": str(cwd), "environ": dict(environ), "terminal": terminal}
        connection = self._connect()
        connection.settimeout(START_S)
        socket.send_fds(connection, [b"?"], list(streams))
        connection.sendall(json.dumps(asked).encode())
        connection.shutdown(socket.SHUT_WR)
        return Forked(connection, argv)

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + START_S
        while True:
            try:
                made.connect(self._asks)
                return made
            except (ConnectionRefusedError, BlockingIOError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


@functools.cache
def warm() -> Warm:
    """The one of this process."""
    return Warm()


def _serve(asks: str) -> None:
    """Fork for each connection until the first one, which asks for nothing, is closed; take the folder away then."""
    _import_all()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(asks)
    listener.listen(128)
    life, _ = listener.accept()
    life.setblocking(False)
    listener.settimeout(1.0)
    gc.collect()
    gc.freeze()
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            with contextlib.suppress(BlockingIOError):
                if not life.recv(1):
                    shutil.rmtree(Path(asks).parent, ignore_errors=True)
                    return
            continue
        if os.fork() == 0:
            listener.close()
            life.close()
            _see_to(connection)
        connection.close()


def _see_to(connection: socket.socket) -> None:
    """Fork for one command, and say its process id and how it ended."""
    try:
        connection.settimeout(None)
        _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_LEN(3 * array.array("i").itemsize))
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data)
        with connection.makefile("rb") as stream:
            asked = json.loads(stream.read(_MOST))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _run(asked, fds)
        for fd in fds:
            os.close(fd)
        connection.sendall(f"{pid}\n".encode())
        ended = os.waitpid(pid, 0)[1]
        connection.sendall(f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    finally:
        os._exit(0)


def _run(asked: dict[str, object], fds: Sequence[int]) -> None:
    """The command, to its end; does not return."""
    code = 1
    try:
        argv, cwd, environ = asked["argv"], asked["cwd"], asked["environ"]
        assert isinstance(argv, list)
        assert isinstance(cwd, str)
        assert isinstance(environ, dict)
        if asked["terminal"]:
            environ |= {name: os.environ[name] for name in ("TMUX", "TMUX_PANE", "TERM") if name in os.environ}
        else:
            os.setsid()
        for at, fd in enumerate(fds, 3 - len(fds)):
            os.dup2(fd, at)
            os.close(fd)
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(cwd)
        time.tzset()
        random.seed()
        sys.argv = argv
        sys.path[0] = cwd
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as Python makes them
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
        from loop_orchestrator.cli.main import main

        code = main()
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _import_all() -> None:
    """Every part of the programs but the deck, and what they import where they use it."""
    import loop_orchestrator

    for found in pkgutil.walk_packages(loop_orchestrator.__path__, "loop_orchestrator."):
        if not found.name.startswith("loop_orchestrator.deck") and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in USED:
        importlib.import_module(name)
    from loop_orchestrator.harnesses.registry import load_harnesses

    load_harnesses(None)  # compiles the patterns of the data files


if __name__ == "__main__":
    sys.path[0] = str(REPOSITORY)
    _serve(sys.argv[1])
