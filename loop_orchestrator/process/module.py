"""Starting a module of this package as a program of its own."""

from __future__ import annotations

import sys

PACKAGE = "loop_orchestrator"


def module_argv(module: str, *words: str) -> tuple[str, ...]:
    """argv of a module of this package: ``""`` for the package itself, else its name in it.

    Python puts the directory that it is started in before its own modules; that is a project's, whose files may have
    any name, so it is told not to.
    """
    return (sys.executable, "-P", "-m", f"{PACKAGE}.{module}" if module else PACKAGE, *words)
