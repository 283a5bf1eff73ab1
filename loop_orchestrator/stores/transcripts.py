"""What brains were asked and what came of it, and how many of these files are kept.

The files of one call: ``CYCLE.CALL.prompt.md``; ``.stream``, what it says as it comes, for whoever follows;
``.raw``, its output as it came where that is no text to read; ``.stderr``, if it complained; at the end
``.reply.md``, the reply alone, or ``.failed``, why there is none. CALL is ``first``, ``corrected`` or ``replay``, with
the name of a fallback behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.redaction import Redactor
from loop_orchestrator.stores.atomic import write_text
from loop_orchestrator.stores.layout import ensure_dir

_PROMPT = ".prompt.md"


@dataclass(frozen=True)
class Transcript:
    """The files of one call."""

    stream: Path

    @property
    def prompt(self) -> Path:
        return self._beside(_PROMPT)

    @property
    def raw(self) -> Path:
        return self._beside(".raw")

    @property
    def errors(self) -> Path:
        return self._beside(".stderr")

    @property
    def reply(self) -> Path:
        return self._beside(".reply.md")

    @property
    def failed(self) -> Path:
        return self._beside(".failed")

    @property
    def cycle(self) -> str:
        return self.stream.name.partition(".")[0]

    @property
    def call(self) -> str:
        return self.stream.name.partition(".")[2].removesuffix(".stream")

    @property
    def is_over(self) -> bool:
        """It has a reply or a failure; one that was cut off with its engine has neither."""
        return self.reply.exists() or self.failed.exists()

    def _beside(self, suffix: str) -> Path:
        return self.stream.with_name(self.stream.name.removesuffix(".stream") + suffix)


class TranscriptStore:
    """One folder; the files of a cycle share its id as the beginning of their names."""

    def __init__(self, folder: Path, *, keep: int, redactor: Redactor) -> None:
        """keep: cycles whose files are kept; those of older ones are removed when a new one begins.

        redactor: takes secrets out of what is written here.
        """
        self.folder = folder
        self._keep = keep
        self._redactor = redactor

    def begin(self, cycle: str, name: str, prompt: str) -> Transcript:
        """Write the prompt of a call; the other files are written as it goes on."""
        ensure_dir(self.folder)
        self._prune(cycle)
        transcript = Transcript(self.folder / f"{cycle}.{name}.stream")
        write_text(transcript.prompt, self._redactor.text(prompt))
        return transcript

    def end(self, transcript: Transcript, reply: str) -> None:
        """Write the whole reply."""
        write_text(transcript.reply, self._redactor.text(reply))

    def fail(self, transcript: Transcript, reason: str) -> None:
        """Write why there is no reply."""
        write_text(transcript.failed, self._redactor.text(reason) + "\n")

    def calls(self, cycle: str) -> tuple[Transcript, ...]:
        """The calls of a cycle, in the order in which they began."""
        prompts = self.folder.glob(f"{cycle}.*{_PROMPT}") if self.folder.is_dir() else ()
        dated = sorted((path.stat().st_mtime_ns, path) for path in prompts)
        return tuple(Transcript(path.with_name(path.name.removesuffix(_PROMPT) + ".stream")) for _, path in dated)

    def cycles(self) -> tuple[str, ...]:
        """The cycles, and replays, in which a brain was called and whose files are kept, oldest first."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted({path.name.partition(".")[0] for path in self.folder.glob(f"[!.]*{_PROMPT}")}, key=_time))

    def _prune(self, current: str) -> None:
        cycles = {path.name.partition(".")[0] for path in self.folder.iterdir() if not path.name.startswith(".")}
        kept = {current, *sorted(cycles | {current}, key=_time)[-self._keep :]}
        for path in self.folder.iterdir():
            if path.name.partition(".")[0] in cycles - kept:
                path.unlink(missing_ok=True)


def _time(cycle: str) -> str:
    """The time in an id, for ids of several kinds to be in one order."""
    return cycle.partition("-")[2]
