"""Every key of ``lane-config.yaml``: type, unit, bounds, default, one sentence.

The loader, the JSON Schema and the key table are all generated from these classes.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loop_orchestrator.config.memory import CheckpointConfig, IngestConfig, LintConfig
from loop_orchestrator.config.notify import NotifyConfig
from loop_orchestrator.config.policy import PolicyConfig
from loop_orchestrator.config.prices import PriceConfig
from loop_orchestrator.config.problems import did_you_mean
from loop_orchestrator.config.reader import About
from loop_orchestrator.model.brain import Price
from loop_orchestrator.model.budget import Limits
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.lane import LANE_NAME, LaneKind, LaneRecord, LaneSpec, Split
from loop_orchestrator.model.prompt import CEILING_TOKENS
from loop_orchestrator.model.restart import RestartPolicy

BRAIN_RULES = "rules"
"""The built-in brain, which needs no program."""
BRAIN_COMMAND = "command"
"""The brain that is a command line of the user's."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PAYLOAD_PATTERNS = (
    r"\bgit\b.*\bpush\b.*\s(--force|-\w*f\b|\+\S)",
    r"\brm\b.*\s-{1,2}\w*[rRf]",
    r"\bgit\b.*\breset\b.*--hard\b|\breset\s+--hard\b",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a lane stands if its config does not say."""

    window: str
    split: Split
    role: str


DEFAULT_PLACES: Mapping[str, Place] = {
    "coord": Place(window="coord", split=Split.FIRST, role="coordinator"),
    "web": Place(window="web", split=Split.FIRST, role="implementation"),
    "infra": Place(window="infra", split=Split.FIRST, role="implementation"),
    "validate-left": Place(window="validate", split=Split.FIRST, role="validation"),
    "validate-right": Place(window="validate", split=Split.RIGHT, role="validation"),
    "ops-top": Place(window="ops", split=Split.FIRST, role="ops"),
    "ops-bottom": Place(window="ops", split=Split.BELOW, role="ops"),
    "docs": Place(window="docs", split=Split.FIRST, role="docs"),
}
"""The eight default lanes, in the order of their windows."""


def place_of(name: str, *, harness: str) -> Place:
    """The default place of a lane: its own window for a name that is not a default lane."""
    role = "ops" if harness in ("", "shell") else "implementation"
    return DEFAULT_PLACES.get(name) or Place(window=name, split=Split.FIRST, role=role)


def command_from(root: Path, cmd: str) -> str:
    """The command line, its first word made absolute if it is a script of the project: ``./x`` or ``scripts/x``.

    Such a script is the project's own, also where the lane starts in another repository.
    """
    script = cmd.lstrip()
    if not script.startswith(("./", "scripts/")):
        return cmd
    return f"{shlex.quote(str(root))}/{script.removeprefix('./')}"


@dataclass(frozen=True, kw_only=True)
class LaneConfig:
    """One lane as the file declares it; ``to_spec`` fills in what depends on its name."""

    name: str
    window: str = field(
        default="",
        metadata=About(
            "The tmux window that holds the lane's pane.",
            pattern=r"[^\s:.=@%$#][^:.#\x00-\x1f]*|",
            pattern_says="a window name without : . # and not beginning with = @ % $",
            default_says="by the lane's name",
        ).metadata,
    )
    split: Split | None = field(
        default=None,
        metadata=About(
            "Where the pane goes in its window: the first one, right of or below the pane before it.",
            default_says="by the lane's name",
        ).metadata,
    )
    """None: by the lane's name"""
    role: str = field(
        default="",
        metadata=About(
            "What the lane is for: coordinator, implementation, validation, ops, docs, or a word of yours.",
            pattern=rf"{_NAME}|",
            pattern_says="one word",
            default_says="by the lane's name",
        ).metadata,
    )
    harness: str = field(
        default="",
        metadata=About(
            "The coding-agent program, or shell; exactly one of harness and cmd is needed.",
            pattern=rf"{_NAME}|",
            pattern_says="the name of a harness",
        ).metadata,
    )
    cmd: str = field(
        default="",
        metadata=About(
            "A shell command line that runs in the lane instead of a harness; "
            "a script that it begins with, ./x or scripts/x, is the project's, whatever the lane's repo."
        ).metadata,
    )
    model: str = field(
        default="",
        metadata=About("Model id handed to the harness.", default_says="the program's own default").metadata,
    )
    kind: LaneKind = field(
        default=LaneKind.STANDING,
        metadata=About("A standing lane stays; a worker may be dropped by the engine.").metadata,
    )
    repo: str = field(
        default="",
        metadata=About(
            "Directory the program starts in, relative to the project.", default_says="the project"
        ).metadata,
    )
    worktree: bool = field(
        default=False,
        metadata=About(
            "Give the lane a git worktree and a branch of its own, of the repository that repo lies in."
        ).metadata,
    )
    env: tuple[tuple[str, str], ...] = field(
        default=(), metadata=About("Extra environment of this lane alone.", keys=_ENV_NAME).metadata
    )
    auto_approve: bool = field(
        default=False,
        metadata=About("Start the program with its own permission prompts switched off.").metadata,
    )
    outside: bool = field(
        default=False,
        metadata=About("What this lane writes counts as coming from outside, so it is not trusted.").metadata,
    )
    restart: RestartPolicy | None = field(
        default=None,
        metadata=About(
            "When its agent's program is started again after it ended: on-failure leaves status 0 and Ctrl-C alone.",
            default_says="on-failure; never for a worker",
        ).metadata,
    )
    """None: by the lane's kind"""

    answer_dialogs: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "Start-up dialogs of the harness that are answered with yes without a person, by name, such as trust.",
            pattern=_NAME,
            pattern_says="the name of a dialog",
        ).metadata,
    )

    def __post_init__(self) -> None:
        if bool(self.harness) == bool(self.cmd):
            raise ValueError(f"exactly one of harness and cmd is needed (got {'both' if self.cmd else 'neither'})")
        if self.cmd and (self.model or self.auto_approve or self.answer_dialogs):
            raise ValueError("model, auto_approve and answer_dialogs need a harness (got cmd)")

    def to_spec(self, root: Path) -> LaneSpec:
        """The lane as it is booted; root: the project, absolute. A worktree lane is given its directory at its boot."""
        cwd = Path(os.path.normpath(root / self.repo))
        place = place_of(self.name, harness=self.harness)
        return LaneSpec(
            name=self.name,
            window=self.window or place.window,
            split=self.split or place.split,
            role=self.role or place.role,
            harness=self.harness,
            cmd=self.cmd if cwd == root else command_from(root, self.cmd),
            model=self.model,
            kind=self.kind,
            cwd=cwd,
            worktree_of=cwd if self.worktree else None,
            env=self.env,
            auto_approve=self.auto_approve,
            outside=self.outside,
            answer_dialogs=self.answer_dialogs,
        )


@dataclass(frozen=True, kw_only=True)
class BrainConfig:
    """Who is asked for a decision."""

    use: str = field(
        default=BRAIN_RULES,
        metadata=About(
            "rules (built in, needs no key), command, or the name of a harness that can be asked once.",
            pattern=_NAME,
            pattern_says="rules, command or the name of a harness",
        ).metadata,
    )
    command: tuple[str, ...] = field(
        default=(),
        metadata=About("argv of the brain for use: command; the prompt comes on stdin, no shell runs.").metadata,
    )
    model: str = field(
        default="",
        metadata=About("Model id handed to the harness.", default_says="the program's own default").metadata,
    )
    timeout_s: float = field(
        default=300.0, metadata=About("How long one call may take.", unit="seconds", above=0, at_most=86_400).metadata
    )
    fallback: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "Brains asked in this order while the first cannot answer: rules, command, a harness, or harness:model.",
            pattern=rf"{_NAME}(?::\S+)?",
            pattern_says="rules, command, the name of a harness, or harness:model",
        ).metadata,
    )
    max_calls_per_hour: int = field(
        default=12, metadata=About("Calls in any 60 minutes; 0 stops all calls.", at_least=0, at_most=3_600).metadata
    )
    max_calls_per_day: int | None = field(
        default=None,
        metadata=About("Calls in any 24 hours.", at_least=0, at_most=86_400, default_says="no limit").metadata,
    )
    max_usd_per_day: float | None = field(
        default=None,
        metadata=About(
            "Money in any 24 hours; a call is possible while less was spent.",
            unit="USD",
            at_least=0,
            at_most=100_000,
            default_says="no limit",
        ).metadata,
    )
    assumed_usd: float = field(
        default=0.5,
        metadata=About(
            "What a call counts for max_usd_per_day whose cost its program does not tell.",
            unit="USD",
            at_least=0,
            at_most=1_000,
        ).metadata,
    )
    prices: tuple[PriceConfig, ...] = field(
        default=(),
        metadata=About(
            "What a million tokens cost, by brain, for those that do not say what a call cost.",
            keyed_by="brain",
            keys=rf"{_NAME}(?::\S+)?",
        ).metadata,
    )
    env: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "Names of environment variables that are passed on to the brain.",
            pattern=_ENV_NAME,
            pattern_says="the name of an environment variable",
        ).metadata,
    )

    def __post_init__(self) -> None:
        if self.use == BRAIN_COMMAND and not self.command:
            raise ValueError("use: command needs a command, a list with the program and its arguments")
        if BRAIN_COMMAND in self.fallback and not self.command:
            raise ValueError("fallback: command needs a command, a list with the program and its arguments")
        if BRAIN_COMMAND not in (self.use, *self.fallback) and self.command:
            raise ValueError(f"command runs only with use: command, or as a fallback (got use: {self.use})")
        if len(set(self.chain)) < len(self.chain):
            raise ValueError("fallback names a brain twice, or the one of use")
        for price in self.prices:
            if price.brain not in self.chain:
                meant = did_you_mean(price.brain, self.chain)
                raise ValueError(f"prices: {price.brain} is no brain of use and fallback{meant}")
        for name, _, model in (one.partition(":") for one in self.fallback):
            if model and name in (BRAIN_RULES, BRAIN_COMMAND):
                raise ValueError(f"fallback: {name} takes no model")
        if self.model and self.use in (BRAIN_RULES, BRAIN_COMMAND):
            raise ValueError(f"model needs a harness (got use: {self.use})")

    @property
    def chain(self) -> tuple[str, ...]:
        """The brains in the order in which they are asked: ``name`` or ``name:model``."""
        return (f"{self.use}:{self.model}" if self.model else self.use, *self.fallback)

    def price_of(self, brain: str) -> Price | None:
        """What its tokens cost; None: the config does not say."""
        return next((one.price() for one in self.prices if one.brain == brain), None)


@dataclass(frozen=True, kw_only=True)
class DestructiveConfig:
    """What makes an action destructive, beyond what always does."""

    max_dispatches_per_cycle: int = field(
        default=4,
        metadata=About("More texts to lanes in one decision are destructive.", at_least=0, at_most=8).metadata,
    )
    max_lanes: int = field(
        default=12, metadata=About("A lane added past this number is destructive.", at_least=0, at_most=200).metadata
    )
    payload_patterns: tuple[re.Pattern[str], ...] = field(
        default_factory=lambda: tuple(re.compile(pattern) for pattern in _PAYLOAD_PATTERNS),
        metadata=About(
            "Regular expressions; a text in which one is found is destructive. A list here replaces the default."
        ).metadata,
    )


ADD_ENGINE = "add `engine: {approval: manual}` to lane-config.yaml"
"""What to do where a project has no engine and one is needed."""


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """The engine. It runs only where the file has this section."""

    approval: ApprovalMode = field(
        default=ApprovalMode.MANUAL,
        metadata=About(
            "What runs without a person: nothing (manual), safe actions (auto), safe and destructive ones (full)."
        ).metadata,
    )
    brain: BrainConfig = field(default_factory=BrainConfig, metadata=About("Who is asked for a decision.").metadata)
    destructive: DestructiveConfig = field(
        default_factory=DestructiveConfig, metadata=About("What makes an action destructive.").metadata
    )
    signers: str = field(
        default="",
        metadata=About(
            "OpenSSH allowed-signers file; with it nothing but safe actions runs without a signature (ssh-keygen -Y)."
        ).metadata,
    )
    approval_expires_s: float | None = field(
        default=None,
        metadata=About(
            "How long a waiting action may be approved; after that silence is a no.",
            unit="seconds",
            above=0,
            at_most=31_536_000,
            default_says="for ever",
        ).metadata,
    )
    policy: PolicyConfig = field(
        default_factory=PolicyConfig, metadata=About("Which harnesses may run in the lanes that a brain adds.").metadata
    )
    min_cycle_interval_s: float = field(
        default=5.0,
        metadata=About("Least time between two cycles.", unit="seconds", at_least=0, at_most=86_400).metadata,
    )
    sweep_interval_s: float = field(
        default=60.0,
        metadata=About(
            "Time between two full looks at everything, for what did not announce itself.",
            unit="seconds",
            at_least=1,
            at_most=86_400,
        ).metadata,
    )
    ready_timeout_s: float = field(
        default=20.0,
        metadata=About(
            "How long a delivery waits for its lane to take text.", unit="seconds", at_least=0, at_most=3_600
        ).metadata,
    )
    prompt_token_ceiling: int = field(
        default=CEILING_TOKENS,
        metadata=About(
            "Most of a prompt for the brain, an estimate of bytes divided by four; what is more is cut.",
            unit="tokens",
            at_least=8_000,
            at_most=500_000,
        ).metadata,
    )
    keep_transcripts: int = field(
        default=200, metadata=About("Transcripts of the brain that are kept.", at_least=1, at_most=100_000).metadata
    )
    keep_decisions: int = field(
        default=5_000,
        metadata=About("Closed decisions that are kept in the archive.", at_least=1, at_most=1_000_000).metadata,
    )
    ingest: IngestConfig = field(
        default_factory=IngestConfig, metadata=About("How mail that was dealt with gets into the wiki.").metadata
    )
    lint: LintConfig = field(
        default_factory=LintConfig, metadata=About("When the wiki is looked at for what is wrong with it.").metadata
    )
    checkpoint: CheckpointConfig = field(
        default_factory=CheckpointConfig, metadata=About("What the engine keeps in checkpoint.md.").metadata
    )
    trust: tuple[str, ...] = field(
        default=(),
        metadata=About(
            "Names of sources whose text is trusted although it comes from outside.",
            pattern=_NAME,
            pattern_says="the name of a source",
        ).metadata,
    )

    def __post_init__(self) -> None:
        allowed = self.policy.brain_allow
        names = {label.partition(":")[0] for label in self.brain.chain} - {BRAIN_RULES}
        if allowed and (refused := sorted(names - set(allowed))):
            raise ValueError(f"brain {', '.join(refused)} is not in policy.brain_allow ({', '.join(allowed)})")
        if self.ingest.mode is not IngestMode.HEADLESS:
            return
        name = self.ingest_brain.partition(":")[0]
        if not name:
            raise ValueError("ingest.mode: headless needs a program: ingest.brain, or one in brain.use")
        if name == BRAIN_COMMAND and not (self.ingest.command or self.brain.command):
            raise ValueError("ingest.brain: command needs ingest.command, a list with the program and its arguments")
        if allowed and name not in allowed:
            raise ValueError(f"ingest.brain {name} is not in policy.brain_allow ({', '.join(allowed)})")

    @property
    def ingest_brain(self) -> str:
        """Who is asked in mode headless: a label as in ``BrainConfig.chain``; empty: nobody can be."""
        if self.ingest.brain or self.ingest.command:
            return self.ingest.brain or BRAIN_COMMAND
        return next((label for label in self.brain.chain if label != BRAIN_RULES), "")


@dataclass(frozen=True, kw_only=True)
class RestartConfig:
    """Starting agents again whose program ended; loop watch and the guard of loop up --auto-restart do it."""

    waits_s: tuple[float, ...] = field(
        default=(5.0, 30.0, 120.0),
        metadata=About(
            "Waits before the restarts in a row, one for each; after the last a person is told.",
            unit="seconds",
            at_least=0,
            at_most=86_400,
        ).metadata,
    )
    """A crash while working passes in seconds, a restarting service within half a minute, a short outage within two.
    At half, a program that dies at its start is given up after a minute; at double, a lane that would come back lies
    still for up to four minutes."""
    settle_s: float = field(
        default=300.0,
        metadata=About(
            "How long a restarted lane must stay ready or at work to count as good.",
            unit="seconds",
            at_least=0,
            at_most=86_400,
        ).metadata,
    )
    """Longer than the longest wait. At half, a program that dies of its work after three minutes is started again all
    night; at double, two separate accidents of one hour count as one."""

    def __post_init__(self) -> None:
        if not self.waits_s or len(self.waits_s) > 20:
            raise ValueError("waits_s needs 1 to 20 waits; restart: never at a lane switches its restarts off")
        if list(self.waits_s) != sorted(self.waits_s):
            raise ValueError("waits_s must not become shorter")


@dataclass(frozen=True, kw_only=True)
class LogConfig:
    """How much of the event log is kept. What the daemon or an open decision still needs is kept in any case."""

    keep_segments: int = field(
        default=100,
        metadata=About(
            "Closed files of the event log that are kept, of 8 MB each; the oldest go first.",
            at_least=1,
            at_most=100_000,
        ).metadata,
    )
    """Some four million events, a year of busy days. At half, the report of a year has no beginning; at double, 1.6 GB
    of a disk are taken before anything goes."""
    keep_days: float | None = field(
        default=None,
        metadata=About(
            "How long a closed file of the event log is kept.",
            unit="days",
            above=0,
            at_most=36_500,
            default_says="for ever",
        ).metadata,
    )


@dataclass(frozen=True, kw_only=True)
class TmuxConfig:
    """The tmux server and the size of its screens."""

    socket: str = field(
        default="loop",
        metadata=About(
            "tmux server: a socket name, an absolute path, or default for your own server.",
            pattern=rf"{_NAME}|/\S+",
            pattern_says="a socket name or an absolute path",
        ).metadata,
    )
    width: int = field(
        default=220, metadata=About("Width of a detached session.", unit="columns", at_least=40, at_most=1_000).metadata
    )
    height: int = field(
        default=50, metadata=About("Height of a detached session.", unit="rows", at_least=10, at_most=1_000).metadata
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole file."""

    lanes: tuple[LaneConfig, ...] = field(
        default=(),
        metadata=About(
            "The lanes of the session, by name.",
            keyed_by="name",
            keys=LANE_NAME.pattern,
            default_says="chosen by the preset",
        ).metadata,
    )
    """in file order, those that only the host file declares last; empty: the file declares none"""
    engine: EngineConfig | None = field(
        default=None,
        metadata=About("The engine; without this section it does not run.", default_says="no engine").metadata,
    )
    """None: no engine runs here"""
    restart: RestartConfig = field(
        default_factory=RestartConfig, metadata=About("How agents are started again whose program ended.").metadata
    )
    notify: NotifyConfig = field(
        default_factory=NotifyConfig, metadata=About("How a person is told what needs one.").metadata
    )
    log: LogConfig = field(default_factory=LogConfig, metadata=About("How much of the event log is kept.").metadata)
    tmux: TmuxConfig = field(
        default_factory=TmuxConfig, metadata=About("The tmux server and the size of its screens.").metadata
    )

    @property
    def limits(self) -> Limits:
        """What the brains may use; nothing without an engine."""
        if self.engine is None:
            return Limits(calls_per_hour=0)
        brain = self.engine.brain
        return Limits(
            calls_per_hour=brain.max_calls_per_hour,
            calls_per_day=brain.max_calls_per_day,
            usd_per_day=brain.max_usd_per_day,
            assumed_usd=brain.assumed_usd,
        )

    def restart_policy(self, record: LaneRecord) -> RestartPolicy:
        """When a booted lane is started again.

        Unless its lane says so a worker is not: it was added for one brief, which ended with its program.
        """
        declared = next((lane.restart for lane in self.lanes if lane.name == record.spec.name), None)
        if declared is not None:
            return declared
        return RestartPolicy.ON_FAILURE if record.spec.kind is LaneKind.STANDING else RestartPolicy.NEVER
