"""Starting a module of this package as a program of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

PACKAGE = "loop_orchestrator"


def module_argv(module: str, *words: str) -> tuple[str, ...]:
    """argv of a module of this package: ``""`` for the package itself, else its name in it.

    Python puts the directory that it is started in before its own modules; that is a project's, whose files may have
    any name, so it is told not to.
    """
    return (sys.executable, "-P", "-m", f"{PACKAGE}.{module}" if module else PACKAGE, *words)


def become(words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Be ``loop WORDS`` from now on, in this very process, with the code that is installed now."""
    beside = Path(sys.executable).with_name("loop")
    argv = [str(beside), *words] if beside.is_file() else list(module_argv("", *words))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, dict(environ))
