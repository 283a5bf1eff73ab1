"""The keys of ``engine.ingest``, ``engine.lint`` and ``engine.checkpoint``: how the wiki is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from loop_orchestrator.config.reader import About
from loop_orchestrator.model.ingest import IngestMode

_DURATION = r"[1-9][0-9]{0,4}[mhd]"
_UNIT_S = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, kw_only=True)
class IngestConfig:
    """Taking mail that was dealt with into the wiki."""

    mode: IngestMode = field(
        default=IngestMode.RULES,
        metadata=About(
            "How mail to coord that was acknowledged gets into the wiki: as it stands (rules), "
            "by a lane (lane), by a one-shot brain (headless), or not at all (off)."
        ).metadata,
    )
    lane: str = field(
        default="docs",
        metadata=About(
            "The lane that is asked in mode lane.", pattern=r"[A-Za-z][A-Za-z0-9_-]*", pattern_says="the name of a lane"
        ).metadata,
    )
    brain: str = field(
        default="",
        metadata=About(
            "Who is asked in mode headless: command, a harness, or harness:model.",
            pattern=r"(?:[A-Za-z0-9][A-Za-z0-9._-]*(?::\S+)?)?",
            pattern_says="command, the name of a harness, or harness:model",
            default_says="the first of engine.brain that is a program",
        ).metadata,
    )
    command: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "argv for brain: command; the prompt comes on stdin, no shell runs.",
            default_says="that of engine.brain",
        ).metadata,
    )
    timeout_s: float = field(
        default=120.0,
        metadata=About(
            "How long one call in mode headless may take.", unit="seconds", above=0, at_most=86_400
        ).metadata,
    )
    batch: int = field(
        default=20,
        metadata=About("Most messages that are taken in together.", unit="messages", at_least=1, at_most=200).metadata,
    )
    """At half, a busy day costs twice the calls; at double, the prompt with its pages leaves a small model no room."""
    tries: int = field(
        default=3,
        metadata=About(
            "Tries after which a message that cannot be taken in goes to failed/ of the mailbox.",
            at_least=1,
            at_most=100,
        ).metadata,
    )
    """At half, one bad answer of a model costs a message; at double, it costs six calls."""
    answer_s: float = field(
        default=3_600.0,
        metadata=About(
            "How long a lane may take to answer in mode lane before a person is told.",
            unit="seconds",
            above=0,
            at_most=604_800,
        ).metadata,
    )

    def __post_init__(self) -> None:
        if self.brain == "rules":
            raise ValueError("brain: rules is no program; mode: rules needs no brain")
        if self.command and self.brain not in ("", "command"):
            raise ValueError(f"command runs only with brain: command (got brain: {self.brain})")


@dataclass(frozen=True, kw_only=True)
class LintConfig:
    """Looking at the wiki from time to time."""

    enabled: bool = field(
        default=False, metadata=About("The engine runs loop wiki-lint by itself, and has it reviewed.").metadata
    )
    every: str = field(
        default="24h",
        metadata=About(
            "Time between two looks: minutes, hours or days.",
            pattern=_DURATION,
            pattern_says="a number with m, h or d, such as 24h",
        ).metadata,
    )
    lane: str = field(
        default="docs",
        metadata=About(
            "The lane that is asked for the review; without such a lane there is none.",
            pattern=r"[A-Za-z][A-Za-z0-9_-]*",
            pattern_says="the name of a lane",
        ).metadata,
    )

    @property
    def every_s(self) -> float:
        """Seconds."""
        return int(self.every[:-1]) * _UNIT_S[self.every[-1]]


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """The checkpoint page."""

    keep_decisions: int = field(
        default=10,
        metadata=About(
            "Decisions that stay in checkpoint.md; older ones move to decisions-archive.md.", at_least=1, at_most=1_000
        ).metadata,
    )
    """Some 200 tokens each. At half, what was decided this morning is gone by noon; at double, a prompt is longer by a
    page."""
