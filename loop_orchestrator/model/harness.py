"""A harness: everything this program knows about one coding-agent program, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from loop_orchestrator.model.lane import Detail


class HarnessKind(StrEnum):
    """What runs in a lane of this harness."""

    AGENT = "agent"
    """a coding agent with a composer; never a person"""
    SHELL = "shell"
    """an interactive shell: what is delivered is a command"""
    DASHBOARD = "dashboard"
    """a program that only shows; nothing is delivered to it"""
    BRAIN = "brain"
    """only a one-shot program; no lane runs it"""


class Region(StrEnum):
    """The part of the screen that a rule looks at."""

    SCREEN = "screen"
    """every row"""
    BOTTOM = "bottom"
    """the last 14 non-blank rows"""
    COMPOSER = "composer"
    """the rows of the composer, as found by the composer's own rule"""
    ABOVE = "above"
    """the last 14 rows above the composer and its upper line, of several blank rows one; nothing without a composer"""
    OVER = "over"
    """every row above the composer, where a box may float over the conversation; nothing without a composer, nor where
    the cursor of a program with ``shows_cursor`` stands in it"""
    BELOW = "below"
    """the non-blank rows below the composer and its closing line; nothing without a composer"""
    TITLE = "title"
    """the pane's title"""


class Frame(StrEnum):
    """What sets a composer apart from the conversation above it and the footer below."""

    OPEN = "open"
    """nothing above; it ends at a horizontal line, or at the blank row before the footer"""
    LINES = "lines"
    """it stands between two horizontal lines, the upper of which may hold a label"""
    BAR = "bar"
    """each row begins with the bar ┃, the last of them is a status unless it is blank, and ╹▀▀▀ closes it"""
    UNDER = "under"
    """from the lowest horizontal line to the last row drawn, the prompt before each row"""
    FENCED = "fenced"
    """between the lowest two rows that fit, a question and a row of help, the lower of them the last one drawn"""
    LAST = "last"
    """it is the last row drawn"""


@dataclass(frozen=True, kw_only=True)
class ScreenRule:
    """One reading of a screen: it holds when every ``all``, one of ``any`` and no ``none`` is found."""

    name: str
    detail: Detail
    region: Region
    all: tuple[re.Pattern[str], ...] = ()
    any: tuple[re.Pattern[str], ...] = ()
    none: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComposerRule:
    """How the place where a person types looks, and how text gets in and out of it."""

    line: re.Pattern[str]
    """finds the composer's first row; group ``text`` is what stands in it"""
    frame: Frame = Frame.OPEN
    placeholders: tuple[re.Pattern[str], ...] = ()
    """texts that stand in an empty composer"""
    placeholders_dim: bool = True
    """they are drawn dim: in a capture that knows what is dim, bright text is never one. false: their text tells"""
    paste_marks: tuple[re.Pattern[str], ...] = ()
    """what the composer shows in place of a large paste"""
    completions: tuple[re.Pattern[str], ...] = ()
    """rows of the list that opens below it while a word with / or @ is typed: no part of the footer, nor of any sign"""
    submit: tuple[str, ...] = ("Enter",)
    """tmux keys that send what stands in it"""
    below: int = 0
    """rows of footer that may stand below the composer; past them the line is transcript. 0: no limit"""
    settle_s: float = 0.1
    """seconds a pasted text may take to be drawn before Enter is meant as Enter"""
    clear: tuple[str, ...] = ()
    """tmux keys that empty the composer"""
    interrupt: tuple[str, ...] = ("Escape",)
    """tmux keys that interrupt a turn, pressed one after the other"""
    puts_back: re.Pattern[str] | None = None
    """finds where a prompt begins in the conversation, of a program that puts the prompt of an interrupted turn back
    into its composer; None: what stands there after an interrupt is a person's"""
    reset: str = ""
    """the program's own command for a fresh context; empty: it has none"""
    reset_first: bool = False
    """new work begins with that command; false: the program goes on in the context it has"""


@dataclass(frozen=True, kw_only=True)
class Dialog:
    """A question that the program asks when it starts, and how it is answered with yes.

    It stands there when every ``all`` and no ``none`` is found at the bottom of the screen. What a program asks before
    an agent's action is no such dialog.
    """

    name: str
    asks: str
    """what is asked, to go on after "it asks " in a sentence"""
    all: tuple[re.Pattern[str], ...]
    none: tuple[re.Pattern[str], ...] = ()
    chosen: re.Pattern[str] | None = None
    """found on the screen when yes is the answer that is chosen; None: there is nothing to choose first"""
    choose: tuple[str, ...] = ()
    """tmux keys, pressed one after the other until ``chosen`` is found"""
    confirm: str = ""
    """the tmux key that gives the answer; empty: only a person gives it"""


class PromptBy(StrEnum):
    """How a one-shot program takes its prompt."""

    STDIN = "stdin"
    ARGUMENT = "argument"
    """in place of ``{prompt}``: at most 131,071 bytes on Linux"""


class OutputFormat(StrEnum):
    """What a one-shot program prints."""

    TEXT = "text"
    """the reply is the whole of stdout"""
    JSON = "json"
    """one JSON document; ``reply`` names the field of the answer"""
    JSONL = "jsonl"
    """JSON Lines, an event each; ``events`` says what is read from which. Lines that are none are passed over"""


@dataclass(frozen=True, kw_only=True)
class StreamRule:
    """What is read from the events of one shape; every rule that an event fits is applied to it, in order.

    Fields are dotted paths into the event, or into each member of its list ``each``; empty: not read.
    """

    when: tuple[tuple[str, str], ...]
    """path -> the value that must stand there, as JSON writes it, texts without quotes"""
    each: str = ""
    """the list whose members are read in place of the event"""
    of: tuple[tuple[str, str], ...] = ()
    """what must stand in a member of that list"""
    text: str = ""
    """a paragraph of the reply"""
    piece: str = ""
    """a part of the reply that goes on where the last one ended"""
    reply: str = ""
    """the whole reply, in place of all paragraphs and pieces; it was shown before"""
    shows: str = ""
    """text for whoever follows, as it comes; no part of the reply"""
    quiet: bool = False
    """``text`` was shown before, in pieces"""
    tells: str = ""
    """a line for whoever follows"""
    warns: str = ""
    """a line for whoever follows, and part of the reason if the call fails or takes too long: a retry, a limit"""
    tool: str = ""
    """name of a tool that is called"""
    arguments: str = ""
    """what it is called with"""
    failure: str = ""
    """why there is no reply; taken back by what comes of a reply after it"""
    input_tokens: str = ""
    """tokens of this event, added up over all; see ``OneShot.input_tokens``"""
    output_tokens: str = ""
    cached_tokens: str = ""
    cost: str = ""
    """USD, added up over all events"""
    ends: bool = False
    """the program says that it is done: without such an event its output broke off"""


@dataclass(frozen=True, kw_only=True)
class OneShot:
    """How the program is asked once, without a terminal."""

    argv: tuple[str, ...]
    """``{prompt}`` stands for the prompt where it is an argument, ``{model}`` for the model id"""
    prompt: PromptBy = PromptBy.STDIN
    output: OutputFormat = OutputFormat.TEXT
    reply: str = ""
    """JSON field that holds the answer"""
    error: str = ""
    """JSON field that is true when the answer is an error"""
    cost: str = ""
    """JSON field with the cost in USD"""
    input_tokens: str = ""
    """JSON field with the number of input tokens, those from a cache included; dots part nested names, ``*`` stands for
    each of several, ``a + b`` and ``a - b`` for sums, in which a name with ``?`` counts only where it is there"""
    output_tokens: str = ""
    """JSON field with the number of output tokens, those of reasoning included"""
    cached_tokens: str = ""
    """JSON field with the number of the input tokens that came from a cache"""
    events: tuple[StreamRule, ...] = ()
    """for JSON Lines: what is read from which events"""
    model_argv: tuple[str, ...] = ()
    """appended when a model is asked for; ``{model}`` stands for its id"""
    env: tuple[tuple[str, str], ...] = ()
    """environment it needs to be a good one-shot: fewer retries, no update checks"""


@dataclass(frozen=True, kw_only=True)
class HarnessSpec:
    """One harness, as its data file says."""

    name: str
    title: str
    kind: HarnessKind
    launch: tuple[str, ...] = ()
    """argv of the interactive program; empty for ``shell`` (the user's login shell) and for brains"""
    model_argv: tuple[str, ...] = ()
    """appended when a model is asked for"""
    auto_approve_argv: tuple[str, ...] = ()
    """appended when the lane asks for auto_approve; empty: the program has no such mode"""
    foreground: tuple[str, ...] = ()
    """names under which tmux may show the running program"""
    oneshot: OneShot | None = None
    rules: tuple[ScreenRule, ...] = ()
    composer: ComposerRule | None = None
    dialogs: tuple[Dialog, ...] = ()
    """what it may ask when it starts"""
    idle_settle_s: float = 0.6
    """seconds for which a screen must hold still before its composer counts as idle, where nothing else says so"""
    verified: tuple[str, ...] = ()
    """versions its rules were tried on; empty: no rule of this file was verified"""
    harmless: tuple[re.Pattern[str], ...] = ()
    """rows that only look like a sign of work, a question or a failure; the general look for such signs skips them"""
    title_tells: bool = False
    """work may show in the title alone: an empty composer says nothing where the title is not known"""
    shows_cursor: bool = False
    """while what is typed goes into its composer the terminal's cursor stands there, visible: elsewhere or hidden, the
    keys go to something else, such as a menu that leaves the composer on the screen"""
    hides_cursor: bool = False
    """the cursor is hidden while it works, and shown where it waits for input"""
    idle_home: tuple[re.Pattern[str], ...] = ()
    """the user's word that such a screen is idle, for a program without rules; weak evidence"""
    tags: tuple[str, ...] = ()
    """what it is good at"""
    cost: str = "none"
    """none, low, medium, high"""
    autonomy: str = "attended"
    """none, attended, unattended"""
    auth: str = "none"
    """none, account, gateway, key"""
    drift: str = "none"
    """how often its screens change: none, low, med, high"""
    logged_in: tuple[str, ...] = ()
    """paths under the home directory, or ``$NAME`` for a variable; one that exists shows that it was set up"""
    version_argv: tuple[str, ...] = ()
    """prints its version"""
    health_argv: tuple[str, ...] = ()
    """ends with status 0 while the program could start work now; empty: only its traces are looked for"""
    skills_dir: str = ""
    """where it looks for skills, relative to the project; empty: nowhere that is known"""
    origin: str = ""
    """the file it was read from"""

    @property
    def is_agent(self) -> bool:
        return self.kind is HarnessKind.AGENT

    @property
    def binary(self) -> str:
        """The program to look for on PATH; empty for the user's own shell."""
        if self.launch:
            return self.launch[0]
        return self.oneshot.argv[0] if self.oneshot else ""
