"""A harness in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from loop_orchestrator.model.harness import ComposerRule, HarnessKind, HarnessSpec, OutputFormat, PromptBy
from loop_orchestrator.operations.harnesses import is_packaged, replaced

_KINDS = {
    HarnessKind.AGENT: "a coding agent with a composer",
    HarnessKind.SHELL: "an interactive shell: what is delivered is a command",
    HarnessKind.DASHBOARD: "a program that only shows; nothing is delivered to it",
    HarnessKind.BRAIN: "only asked once at a time; no lane runs it",
}


def described(spec: HarnessSpec) -> Iterator[tuple[str, str]]:
    """Label and sentence, in the order in which a person asks."""
    yield "is", _KINDS[spec.kind]
    if spec.kind is not HarnessKind.BRAIN:
        yield "runs", shlex.join(spec.launch) or "your login shell"
        yield "model", f"with {shlex.join(spec.model_argv)}" if spec.model_argv else "takes none"
        unasked = shlex.join(spec.auto_approve_argv)
        yield "auto-approve", f"with {unasked}, where the lane asks for it" if unasked else "has no such mode"
    yield "one-shot", _oneshot(spec)
    yield "verified on", ", ".join(spec.verified) or "no version: its screens were never tried"
    yield "markers", _markers(spec)
    if spec.composer is not None:
        yield "composer", _composer(spec.composer)
    yield "good at", ", ".join(spec.tags) or "not said"
    yield "costs", f"{spec.cost}; autonomy {spec.autonomy}; screens drift: {spec.drift}"
    yield "login", _login(spec)
    if spec.skills_dir:
        yield "skills", f"in {spec.skills_dir}"
    yield "health", f"asked with {shlex.join(spec.health_argv)}" if spec.health_argv else "by these traces alone"
    yield "data from", _origin(spec)


def verified_text(version: str, spec: HarnessSpec) -> str:
    """Whether the screen rules were tried on this version."""
    if not spec.verified:
        return "no: its screens were never tried on any version"
    if version in spec.verified:
        return "yes: its screens were tried on this version"
    return f"no: its screens were tried on {', '.join(spec.verified)}"


def _oneshot(spec: HarnessSpec) -> str:
    oneshot = spec.oneshot
    if oneshot is None:
        return "cannot be asked once"
    given = "the prompt on stdin" if oneshot.prompt is PromptBy.STDIN else "the prompt as one argument"
    answer = {
        OutputFormat.TEXT: "the answer is all it prints",
        OutputFormat.JSON: f"the answer in {oneshot.reply} of its JSON",
        OutputFormat.JSONL: "the answer in the events that it prints, a line of JSON each",
    }[oneshot.output]
    return f"{shlex.join(oneshot.argv)}; {given}, {answer}"


def _markers(spec: HarnessSpec) -> str:
    if not spec.rules:
        return "none: nothing is read off its screen" + (" but the composer" if spec.composer else "")
    return ", ".join(f"{rule.name} → {rule.detail.value} ({rule.region.value})" for rule in spec.rules)


def _composer(rule: ComposerRule) -> str:
    said = [f"its line fits {rule.line.pattern}"]
    if rule.placeholders:
        said.append(f"empty also with {' | '.join(one.pattern for one in rule.placeholders)}")
    if rule.paste_marks:
        said.append(f"a large paste shows as {' | '.join(one.pattern for one in rule.paste_marks)}")
    said.append(f"{' '.join(rule.submit)} {rule.settle_s:g} s after a paste")
    if rule.clear:
        said.append(f"cleared with {' '.join(rule.clear)}")
    if rule.interrupt:
        said.append(f"interrupted with {' '.join(rule.interrupt)}")
    if rule.reset:
        when = ", which new work begins with" if rule.reset_first else ""
        said.append(f"a fresh context with {rule.reset}{when}")
    return "; ".join(said)


def _login(spec: HarnessSpec) -> str:
    if not spec.logged_in:
        return "needs none" if spec.auth == "none" else f"{spec.auth}; no trace of it is known"
    return f"{spec.auth}; shown by one of {', '.join(spec.logged_in)}"


def _origin(spec: HarnessSpec) -> str:
    if is_packaged(spec):
        return f"{spec.origin} (packaged)"
    packaged = replaced(spec)
    return f"{spec.origin} (of this project{f', in place of {packaged}' if packaged else ''})"
