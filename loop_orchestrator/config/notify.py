"""The keys of ``notify``: which services tell a person, of what, and when not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.config.reader import About
from loop_orchestrator.model.notice import NoticeKind

if TYPE_CHECKING:
    from loop_orchestrator.model.outbox import Pace, Quiet

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_CLOCK_SAYS = "a time of day in quotes, such as '22:00'"


class TerminalSign(StrEnum):
    """How terminals that show the session are made to draw attention."""

    BELL = "bell"
    """the bell, and the notice in the status line"""
    OSC9 = "osc9"
    """and a notification of the terminal itself: iTerm2, WezTerm, Ghostty, kitty"""
    OSC777 = "osc777"
    """and the same in the form of foot, urxvt and Ghostty"""


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """One way to reach a person."""

    name: str
    url_env: str = field(
        default="",
        metadata=About(
            "Name of the environment variable that has the URL of a service, as the library Apprise takes it: "
            "ntfy://…, slack://…, tgram://…, mailto://…; the URL itself never stands in the config.",
            pattern=rf"{_ENV_NAME}|",
            pattern_says="the name of an environment variable, such as SLACK_URL",
        ).metadata,
    )
    desktop: bool = field(
        default=False, metadata=About("A notification of the desktop: notify-send, or osascript on macOS.").metadata
    )
    terminal: TerminalSign | None = field(
        default=None,
        metadata=About("A sign in each terminal that shows the session.", default_says="none").metadata,
    )
    command: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "argv of a program; the notice comes as JSON on stdin, no shell runs. ./x is a script of the project."
        ).metadata,
    )
    env: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "Names of environment variables that the command gets besides the usual ones.",
            pattern=_ENV_NAME,
            pattern_says="the name of an environment variable",
        ).metadata,
    )
    kinds: tuple[NoticeKind, ...] = field(
        default=(), metadata=About("What it tells; a decision includes an escalation.", default_says="all").metadata
    )
    timeout_s: float = field(
        default=20.0, metadata=About("How long one message may take.", unit="seconds", above=0, at_most=300).metadata
    )

    def __post_init__(self) -> None:
        given = [
            name
            for name, value in (
                ("url_env", self.url_env),
                ("desktop", self.desktop),
                ("terminal", self.terminal),
                ("command", self.command),
            )
            if value
        ]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of url_env, desktop, terminal and command is needed (got {' and '.join(given) or 'none'})"
            )
        if self.env and not self.command:
            raise ValueError("env is for a command")

    @property
    def means(self) -> str:
        """How it reaches a person, in words."""
        if self.url_env:
            return f"the service in {self.url_env}"
        if self.command:
            return f"runs {' '.join(self.command)}"
        return "the desktop" if self.desktop else f"terminals ({self.terminal})"


@dataclass(frozen=True, kw_only=True)
class QuietConfig:
    """Hours in which nothing is told; what waited is told in one message at their end."""

    begin: str = field(metadata=About("When they begin.", pattern=_CLOCK, pattern_says=_CLOCK_SAYS).metadata)
    end: str = field(
        metadata=About("When they end, perhaps on the next day.", pattern=_CLOCK, pattern_says=_CLOCK_SAYS).metadata
    )
    timezone: str = field(
        default="", metadata=About("Zone of these times, such as Europe/Paris.", default_says="this machine's").metadata
    )
    but_for: tuple[NoticeKind, ...] = field(default=(), metadata=About("What is told all the same.").metadata)

    def __post_init__(self) -> None:
        if self.begin == self.end:
            raise ValueError(f"begin and end are the same (got {self.begin})")
        if self.timezone:
            self.to_quiet()

    def to_quiet(self) -> Quiet:
        """Raises ValueError for a zone that is not known, with the nearest spelling."""
        from datetime import time
        from zoneinfo import ZoneInfo

        from loop_orchestrator.model.outbox import Quiet

        try:
            zone = ZoneInfo(self.timezone) if self.timezone else None
        except (KeyError, ValueError, OSError):
            raise ValueError(f"timezone: there is no zone {self.timezone!r}{_near_zone(self.timezone)}") from None
        return Quiet(
            begin=time.fromisoformat(self.begin),
            end=time.fromisoformat(self.end),
            zone=zone,
            but_for=frozenset(self.but_for),
        )


def _near_zone(given: str) -> str:
    from zoneinfo import available_timezones

    from loop_orchestrator.config.problems import did_you_mean

    return did_you_mean(given, sorted(available_timezones()))


@dataclass(frozen=True, kw_only=True)
class NotifyConfig:
    """How a person is told what needs one; ``loop watch`` does it."""

    services: tuple[ServiceConfig, ...] = field(
        default=(), metadata=About("The ways to reach a person, by name.", keyed_by="name", keys=_NAME).metadata
    )
    every_s: float = field(
        default=300.0,
        metadata=About(
            "Least time between two messages to one service; what comes meanwhile is one message with a count.",
            unit="seconds",
            at_least=0,
            at_most=86_400,
        ).metadata,
    )
    """At half, a bad night is twelve messages an hour more; at double, the second thing of an evening is told ten
    minutes late."""
    lane_waits_s: float = field(
        default=300.0,
        metadata=About(
            "How long a lane asks for permission, an answer or a login before it is told.",
            unit="seconds",
            at_least=0,
            at_most=86_400,
        ).metadata,
    )
    """At half, people at the terminal are told of dialogs they are reading; at double, a night loses more."""
    quiet: QuietConfig | None = field(
        default=None, metadata=About("Hours in which nothing is told.", default_says="none").metadata
    )

    def to_pace(self) -> Pace:
        from loop_orchestrator.model.outbox import Pace

        return Pace(every_s=self.every_s, quiet=self.quiet.to_quiet() if self.quiet else None)
