"""The launcher of a lane: the first process of its pane.

It starts the lane's program through the user's login shell as the foreground job of the terminal, records when it
started and exactly how it ended, and then becomes a login shell for the person. Ctrl-Z is answered as a shell would.
When the pane is closed, or on TERM, the program's process group gets HUP and two seconds later KILL.

It is run as ``launch_argv`` says, on a JSON object: ``lane`` (its name), ``argv`` (empty: the login shell itself is the
program), ``cwd``, ``env`` (name -> value, set before the user's profile runs and again after it), ``shell`` (empty: the
user's own), ``run_file`` (written by nobody else: pid, started_at, ended_at, exit_status, suspended).

One launcher stays in memory beside every lane, so it imports little, and nothing of this package: an isolated Python
finds only the standard library, and neither the project's directory nor the user's PYTHON* variables can mislead it.
"""

# ruff: noqa: PTH100, PTH105, PTH117, PTH118, PTH119, PTH120, PTH123
# pathlib would be a third of what it imports.

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import shlex
import signal
import sys
import termios
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

END_GRACE_S = 2.0
"""Between HUP and KILL when the pane was closed: long enough for an agent to save its session."""

IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""What a shell ignores so that the keyboard reaches only the job in the foreground."""

PLAIN_TERMINAL = (
    # Leaving an alternate screen that is not shown moves tmux's cursor over the program's last lines; entering first is
    # nothing where it is shown, and remembers the right place where it is not.
    "\x1b[?1049h\x1b[?1049l"
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l"  # mouse and focus reports
    "\x1b[?2004l\x1b[?1l\x1b>\x1b[>4;0m\x1b[<u"  # bracketed paste and keyboard modes
    "\x1b[?25h\x1b[0m"  # a hidden cursor, colours
)
"""Takes back what a program that was killed leaves switched on."""


PATH_MARK = b"\0loop-path\0"
"""Stands before the search path that path_argv prints."""


def launch_argv(file: str | os.PathLike[str]) -> tuple[str, ...]:
    """What the pane of a lane runs; ``file`` holds the JSON object described above."""
    return (*_python(), os.path.abspath(__file__), os.fspath(file))


def path_argv(shell: str) -> tuple[str, ...]:
    """Prints, between PATH_MARK and a NUL byte, the search path of a lane whose login shell is this one.

    The user's profile may print before it.
    """
    return (*_python(), os.path.abspath(__file__), "--path-of", login_shell(shell))


def is_launching(pid: int) -> bool:
    """The lane's program with this pid is still the login shell on its way to it; False where that cannot be seen."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return os.path.abspath(__file__).encode() in stream.read()
    except OSError:
        return False


class Plan:
    """The launch file, read. Raises OSError, and ValueError or KeyError where it is not what it must be."""

    def __init__(self, file: str) -> None:
        with open(file, encoding="utf-8") as stream:
            data = json.load(stream)
        self.file = os.path.abspath(file)
        self.lane = str(data["lane"])
        self.argv = [str(word) for word in data["argv"]]
        self.cwd = str(data["cwd"])
        self.env = {str(name): str(value) for name, value in data["env"].items()}
        self.run_file = str(data["run_file"])
        self.shell = login_shell(str(data["shell"]))

    @property
    def program(self) -> str:
        """Its name, for people."""
        return os.path.basename(self.argv[0] if self.argv else self.shell)

    def enter(self) -> None:
        """Take on the lane's environment and directory; ``loop`` is found on PATH from then on, after all else."""
        os.environ.update(self.env)
        os.environ["PATH"] = _search_path()
        os.chdir(self.cwd)


class Launcher:
    """One program in the foreground of this terminal, from its start to its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pid = 0
        self._started_at = ""
        self._suspended = False
        self._is_recorded = False
        self._kill_at: float | None = None
        self._own_modes = _terminal_modes()
        self._job_modes = self._own_modes
        self._wake = _wake_on(signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM)

    def run(self) -> bool:
        """Start the program and wait for its end; False if the pane was closed meanwhile."""
        self._start()
        code = self._wait()
        self._record(code)
        if self._kill_at is not None:
            return False
        self._take_terminal()
        how = f"ended with status {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"
        said = f"lane {self._plan.lane}: {self._plan.program} {how}; this is a shell, its lane is not ready"
        _say(f"{PLAIN_TERMINAL}\r\n{said}")
        return True

    def _start(self) -> None:
        """Fork; the child goes on only when it is recorded and owns the terminal."""
        gate, opener = os.pipe()
        self._started_at = _now()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(opener)
            os.setpgid(0, 0)
            if os.read(gate, 1):
                _or_exit(self._plan, lambda: _exec_through_shell(self._plan))
            os._exit(1)
        os.close(gate)
        with contextlib.suppress(PermissionError):  # the child was faster
            os.setpgid(self._pid, self._pid)
        self._record(None)
        self._give_terminal()
        with contextlib.suppress(BrokenPipeError):  # it was killed before it began
            os.write(opener, b"\n")
        os.close(opener)

    def _wait(self) -> int:
        """The program's exit status, or minus its signal."""
        while True:
            left = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
            ready = select.select([self._wake, *([0] if self._suspended else [])], [], [], left)[0]
            if self._wake in ready and {signal.SIGHUP, signal.SIGTERM} & set(os.read(self._wake, 512)):
                self._end()
            elif self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._signal(signal.SIGKILL)
                self._kill_at += END_GRACE_S
            if 0 in ready and b"\n" in _read_terminal():
                self._continue()
            code = self._look()
            if code is not None:
                return code

    def _look(self) -> int | None:
        """Take note of every change of the program; its exit code if it ended."""
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                return None
            # Woken by somebody else, it shows as continued or, if it asked for the terminal already, as stopped.
            asks = os.WIFSTOPPED(status) and os.WSTOPSIG(status) in (signal.SIGTTIN, signal.SIGTTOU)
            if os.WIFCONTINUED(status) or (asks and self._suspended):
                self._continue()
            elif os.WIFSTOPPED(status):
                self._suspend()
            else:
                return os.waitstatus_to_exitcode(status)

    def _suspend(self) -> None:
        if self._kill_at is not None:
            self._signal(signal.SIGCONT)
            return
        self._suspended = True
        self._job_modes = _terminal_modes()
        self._take_terminal()
        self._record(None)
        _say(f"\r\nlane {self._plan.lane}: {self._plan.program} is suspended; press Enter to continue it")

    def _continue(self) -> None:
        if self._suspended:
            self._suspended = False
            self._record(None)
            _set_terminal_modes(self._job_modes)
            self._give_terminal()
            self._signal(signal.SIGCONT)

    def _end(self) -> None:
        if self._kill_at is None:
            self._kill_at = time.monotonic() + END_GRACE_S
            self._suspended = False
            self._signal(signal.SIGHUP)
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def _give_terminal(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; HUP is on its way
            os.tcsetpgrp(0, self._pid)

    def _take_terminal(self) -> None:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(0, os.getpgrp())
        _set_terminal_modes(self._own_modes)

    def _record(self, code: int | None) -> None:
        """Write the run file, aside and renamed; a record that cannot be written does not end the lane.

        The file is that of the lane: once it was taken away for another program, or is that of another one, what
        becomes of this one is of no interest.
        """
        if self._is_recorded and not self._is_own():
            return
        record = {
            "pid": self._pid,
            "started_at": self._started_at,
            "ended_at": None if code is None else _now(),
            "exit_status": code,
            "suspended": self._suspended,
        }
        try:
            _write_durably(self._plan.run_file, json.dumps(record) + "\n")
            self._is_recorded = True
        except OSError as error:
            _say(f"lane {self._plan.lane}: {self._plan.run_file} cannot be written: {error.strerror}")

    def _is_own(self) -> bool:
        try:
            with open(self._plan.run_file, encoding="utf-8") as file:
                return bool(json.load(file)["pid"] == self._pid)
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _search_path() -> str:
    """The search path, ended by the place of this program's own ``loop`` where it is not on it."""
    path, own = os.get_exec_path(), os.path.dirname(sys.executable)
    if own not in path and os.access(os.path.join(own, "loop"), os.X_OK):
        path = [*path, own]
    return os.pathsep.join(path)


def login_shell(asked: str) -> str:
    """The first that can be run: the one asked for, $SHELL, the account's, /bin/sh."""
    try:
        of_account = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        of_account = ""
    for shell in (asked, os.environ.get("SHELL", ""), of_account):
        if os.path.isabs(shell) and os.access(shell, os.X_OK) and os.path.basename(shell) not in ("nologin", "false"):
            return shell
    return "/bin/sh"


def _exec_through_shell(plan: Plan) -> NoReturn:
    """Become the login shell, which becomes this file again (--program) once the user's profile has run.

    The shell sees none of the program's words, so no shell's quoting can change them, and nothing of the lane's
    environment shows on a command line.
    """
    plan.enter()
    _default_signals()
    if not plan.argv:
        os.execv(plan.shell, [f"-{os.path.basename(plan.shell)}"])
    _exec_again(plan.shell, "--program", plan.file)


def _exec_again(shell: str, *words: str) -> NoReturn:
    """Become this login shell, which becomes this file with these words."""
    name = os.path.basename(shell)
    command = f"exec {shlex.join([*_python(), os.path.abspath(__file__), *words])}"
    # csh takes no -l beside other options; the dash before its name says the same.
    login = [f"-{name}"] if name in ("csh", "tcsh") else [name, "-l"]
    os.execv(shell, [*login, "-c", command])


def _exec_program(plan: Plan) -> NoReturn:
    plan.enter()
    _default_signals()
    os.execvp(plan.argv[0], plan.argv)


def _or_exit(plan: Plan, become: Callable[[], NoReturn]) -> NoReturn:
    """Become another program; where that fails, say why and exit as a shell would: 127 not found, 126 not runnable."""
    try:
        become()
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and error.filename != plan.cwd:
            reason, code = "there is no such program on the PATH of the login shell", 127
        else:
            reason, code = str(error), 126
        _say(f"lane {plan.lane}: {plan.program} cannot be started: {reason}")
        os._exit(code)


def _python() -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-X", "utf8")


def _wake_on(*signals: signal.Signals) -> int:
    """A descriptor that receives the number of each of these signals; what a shell ignores is ignored from now on."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda *_: None)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    return wake


def _default_signals() -> None:
    """Ignored signals stay ignored in the program that this process becomes, so give them back."""
    for number in (*IGNORED, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _terminal_modes() -> list[Any] | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _set_terminal_modes(modes: list[Any] | None) -> None:
    if modes is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, modes)


def _read_terminal() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:
        return b""


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\r\n".encode())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _now() -> str:
    """The time as clock.format_time writes it."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}Z"


def _write_durably(path: str, text: str) -> None:
    aside = f"{path}.{os.getpid()}.tmp"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(aside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def main(words: Sequence[str]) -> NoReturn:
    """``FILE`` in a lane's pane; ``--program FILE`` from the login shell that it started; and what path_argv says."""
    if words[0] == "--path-of":
        _exec_again(words[1], "--path")
    if words[0] == "--path":
        os.write(1, PATH_MARK + os.fsencode(_search_path()) + b"\0")
        sys.exit()
    try:
        plan = Plan(words[-1])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _say(f"the launch file {words[-1]} cannot be read ({error}); no program was started, this is a shell")
        shell = login_shell("")
        os.execv(shell, [f"-{os.path.basename(shell)}"])
    if words[0] == "--program":
        _or_exit(plan, lambda: _exec_program(plan))
    if not Launcher(plan).run():
        sys.exit()
    _default_signals()
    with contextlib.suppress(OSError):
        plan.enter()
    os.execv(plan.shell, [f"-{os.path.basename(plan.shell)}"])


if __name__ == "__main__":
    main(sys.argv[1:])
