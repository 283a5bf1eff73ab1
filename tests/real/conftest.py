"""Real agent programs, each in a session of its own; what cannot be had is skipped, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.real.programs import BRAINS, PROGRAMS, Missing, Program
from tests.real.site import Site, site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is marked; those of one program run in one process, one after the other."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.real)
            name = _program_of(item.nodeid)
            if name:
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(params=sorted(PROGRAMS))
def program(request: pytest.FixtureRequest) -> Program:
    return PROGRAMS[request.param]


@dataclass
class _Booted:
    """The session of each program, as long as it serves."""

    factory: pytest.TempPathFactory
    sites: dict[str, tuple[Site, ExitStack]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def of(self, program: Program) -> Site:
        if program.name in self.missing:
            pytest.skip(self.missing[program.name])
        if program.name in self.sites and not self._is_good(program):
            self.sites.pop(program.name)[1].close()
        if program.name not in self.sites:
            with ExitStack() as ends:
                root, sockets = self.factory.mktemp(program.name), self.factory.mktemp("t")
                try:
                    made = ends.enter_context(site(root, sockets, program))
                except Missing as missing:
                    self.missing[program.name] = str(missing)
                    pytest.skip(str(missing))
                self.sites[program.name] = made, ends.pop_all()
        return self.sites[program.name][0]

    def _is_good(self, program: Program) -> bool:
        """Idle, nothing in its composer, as the next test needs it; what the last one left may be gone in a moment."""
        made = self.sites[program.name][0]
        made.model.release()
        try:
            made.until(program.name, "ready", limit_s=5)
        except AssertionError:
            return False
        return True

    def close(self) -> None:
        for _, ends in self.sites.values():
            ends.close()


@pytest.fixture(scope="session")
def _booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Booted]:
    booted = _Booted(tmp_path_factory)
    yield booted
    booted.close()


@pytest.fixture
def booted(_booted: _Booted, program: Program) -> Site:
    """A session with a lane of the program's name, idle and ready."""
    return _booted.of(program)


# The table at the end.


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed: dict[str, int] = defaultdict(int)
    others: dict[str, list[str]] = defaultdict(list)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = _program_of(report.nodeid)
            if not name or (outcome == "passed" and report.when != "call"):
                continue
            if outcome == "passed":
                passed[name] += 1
            else:
                others[name].append(f"{outcome}: {_check_of(report.nodeid, name)}: {_why(report)}")
    names = sorted({*passed, *others})
    if not names:
        return
    terminalreporter.section("real programs")
    for name in names:
        program = BRAINS[name]
        terminalreporter.line(
            f"{name:<10}{program.version:<10}{passed[name]} of {passed[name] + len(others[name])} passed"
        )
        reasons = others[name]
        for reason in (
            reasons if len({one.partition(": ")[2].partition(": ")[2] for one in reasons}) > 1 else reasons[:1]
        ):
            terminalreporter.line(f"    {reason}")


def _program_of(nodeid: str) -> str:
    """The program that a test of this folder is about; empty for other tests."""
    if "tests/real/" not in nodeid or "[" not in nodeid:
        return ""
    words = nodeid.rpartition("[")[2].rstrip("]").split("@")[0].split("-")
    return next((word for word in words if word in BRAINS), "")


def _check_of(nodeid: str, name: str) -> str:
    test, _, parameters = nodeid.rpartition("::")[2].partition("[")
    rest = [one for one in parameters.rstrip("]").split("@")[0].split("-") if one != name]
    return " ".join((test.removeprefix("test_").replace("_", " "), *rest))


def _why(report: pytest.TestReport) -> str:
    """The first line of the reason."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash else str(report.longrepr)
    return message.splitlines()[0] if message else ""
