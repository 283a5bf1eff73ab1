"""The real agent programs, and those that are only asked once: where each comes from, and what it needs to work against
a service on loopback, with nothing of the user's and nothing beyond this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = "HARNESSES_DIR"
"""Names the environment variable with the folder that holds them, or into which they are to be installed."""
INSTALL = "HARNESSES_INSTALL"
"""Names the environment variable that allows to install what the folder does not hold: 1."""
_ENVIRON = dict(os.environ)
"""That of whoever runs the tests: npm takes its settings from there."""

PYPI = "pypi:"
"""Begins the name of a package that pip installs, into a virtual environment of its own; the others are npm's."""
NODE = "node@22"
"""Some of them need a newer Node than many systems have."""
KEY = "sk-test"
"""No key of anything."""
INSTALL_S = 600


class Missing(Exception):
    """The program cannot be had here, and why."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program; its name is that of its harness."""

    name: str
    package: str
    env: Callable[[str], Mapping[str, str]]
    """by the service's URL"""
    files: Callable[[str, Path], Mapping[str, str]]
    """under the home folder -> text, by the service's URL and the folder in which it works"""
    flags: tuple[str, ...] = ()
    """of its command line, beyond what its harness gives it"""
    approves: bool = True
    """it asks before it runs a command"""
    trusts: tuple[str, ...] = ()
    """keys that answer what it asks of a folder that it does not know; empty: it asks nothing"""
    tab: str = "\t"
    """what it makes of a tab"""

    @property
    def version(self) -> str:
        return self.package.rpartition("@")[2]

    def sends(self, text: str) -> str:
        """What the program sends to the model of a text in its composer."""
        return text.replace("\t", self.tab)

    def arrived(self, prompt: str) -> str:
        """The text that was pasted, of what the program sent to the model.

        Without what it writes around a paste, and without the blanks at its ends, which some of them trim or add.
        """
        found = _PASTED.fullmatch(prompt)
        return (found["text"] if found else prompt).strip()


_PASTED = re.compile(r"\s*<pasted_content [^>]*>\n(?P<text>.*)\n</pasted_content [^>]*>\s*", re.DOTALL)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=1)


def _claude(url: str, folder: Path) -> dict[str, str]:
    state = {
        "hasCompletedOnboarding": True,
        "customApiKeyResponses": {"approved": [KEY], "rejected": []},
        "hasSeenAutoDefaultNotice": True,
        "projects": {str(folder): {"hasTrustDialogAccepted": True}},
    }
    return {".claude.json": _pretty(state)}


def _codex(url: str, folder: Path) -> dict[str, str]:
    return {
        ".codex/config.toml": f"""
model = "model"
model_provider = "tests"
check_for_update_on_startup = false
sandbox_mode = "read-only"
approval_policy = "on-request"

[model_providers.tests]
name = "tests"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"

[projects."{folder}"]
trust_level = "trusted"
"""
    }


def _pi(url: str, folder: Path) -> dict[str, str]:
    model = {
        "id": "model",
        "name": "Model",
        "reasoning": False,
        "input": ["text"],
        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
        "contextWindow": 1_000_000,
        "maxTokens": 8192,
    }
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": KEY, "models": [model]}
    return {
        ".pi/agent/models.json": _pretty({"providers": {"tests": provider}}),
        ".pi/agent/settings.json": _pretty({"defaultProvider": "tests", "defaultModel": "model"}),
    }


def _opencode(url: str, folder: Path) -> dict[str, str]:
    model = {"name": "Model", "limit": {"context": 1_000_000, "output": 8192}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Tests",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {"model": model},
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "model": "tests/model",
        "small_model": "tests/model",
        "permission": {"bash": "ask", "edit": "ask"},
        "provider": {"tests": provider},
    }
    return {".config/opencode/opencode.json": _pretty(config)}


def _gemini(url: str, folder: Path) -> dict[str, str]:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": True}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "ui": {"hideTips": True},
    }
    return {
        ".gemini/settings.json": _pretty(settings),
        ".gemini/trustedFolders.json": _pretty({str(folder): "TRUST_FOLDER"}),
    }


def _qwen(url: str, folder: Path) -> dict[str, str]:
    settings = {
        "security": {"auth": {"selectedType": "openai"}},
        "model": {"name": "model"},
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "tools": {"approvalMode": "default"},
    }
    return {".qwen/settings.json": _pretty(settings)}


def _llm(url: str, folder: Path) -> dict[str, str]:
    model = f'- model_id: model\n  model_name: model\n  api_base: "{url}/v1"\n  api_key_name: tests\n'
    home = ".config/io.datasette.llm"
    return {
        f"{home}/extra-openai-models.yaml": model,
        f"{home}/keys.json": _pretty({"tests": KEY}),
        f"{home}/default_model.txt": "model",
    }


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            name="claude",
            package="@anthropic-ai/claude-code@2.1.329",
            env=lambda url: {
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": KEY,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            },
            files=_claude,
            flags=("--permission-mode", "default"),
            trusts=("Down", "Enter"),
            tab=4 * " ",
        ),
        Program(
            name="codex",
            package="@openai/codex@0.169.0",
            env=lambda url: {"OPENAI_API_KEY": KEY},
            files=_codex,
            trusts=("Enter",),
        ),
        Program(
            name="pi",
            package="@earendil-works/pi-coding-agent@0.87.1",
            env=lambda url: {"PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
            files=_pi,
            tab=4 * " ",
            approves=False,
        ),
        Program(
            name="opencode",
            package="opencode-ai@1.18.33",
            env=lambda url: {
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            },
            files=_opencode,
        ),
        Program(
            name="gemini",
            package="@google/gemini-cli@0.61.0",
            env=lambda url: {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url, "COLORTERM": "truecolor"},
            files=_gemini,
            trusts=("Enter",),
        ),
        Program(
            name="qwen",
            package="@qwen-code/qwen-code@0.24.4",
            env=lambda url: {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "model"},
            files=_qwen,
        ),
    )
}
"""Those with a composer."""
BRAINS = {**PROGRAMS, "llm": Program(name="llm", package=f"{PYPI}llm@0.36", env=lambda url: {}, files=_llm)}
"""Those that can be asked once."""


def search_path(program: Program) -> str:
    """The folders with the program and the Node it runs on, for PATH.

    Looks into the folder that HARNESSES_DIR names, and installs into it from npm where HARNESSES_INSTALL is 1.
    Raises Missing, with the reason, where the program cannot be had.
    """
    named = _ENVIRON.get(FOLDER, "")
    if not named:
        raise Missing(f"{FOLDER} names no folder with the programs")
    folder = Path(named).absolute()
    if program.package.startswith(PYPI):
        return str(_installed_by_pip(folder, program))
    node = _installed(folder, NODE, "node")
    own = _installed(folder, program.package, program.name, also=node)
    return f"{own}:{node}"


def _installed(folder: Path, package: str, command: str, also: Path | None = None) -> Path:
    """The folder with the command of a package, which is installed in a folder of its own."""
    name, _, version = package.rpartition("@")
    home = folder / name.rpartition("/")[2]
    commands = home / "node_modules" / ".bin"
    has = _version(home / "node_modules" / name)
    if (commands / command).exists() and (has == version or has.startswith(f"{version}.")):
        return commands
    if _ENVIRON.get(INSTALL) != "1":
        there = f"{has} is" if has else "it is not"
        raise Missing(f"{package} is wanted and {there} in {home}; {INSTALL}=1 installs it from npm")
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is not installed")
    home.mkdir(parents=True, exist_ok=True)
    (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    path = f"{also}:{_ENVIRON['PATH']}" if also else _ENVIRON["PATH"]
    argv = [npm, "install", "--no-audit", "--no-fund", "--loglevel", "error", package]
    try:
        done = subprocess.run(
            argv,
            cwd=home,
            env={**_ENVIRON, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"npm did not install {package} within {INSTALL_S} s") from None
    if done.returncode != 0 or not (commands / command).exists():
        said = (done.stderr.strip().splitlines() or ["it brought no such command"])[0]
        raise Missing(f"npm did not install {package}: {said}")
    return commands


def _installed_by_pip(folder: Path, program: Program) -> Path:
    """The folder with the command of a package of PyPI."""
    name, _, version = program.package.removeprefix(PYPI).rpartition("@")
    home = folder / name
    commands = home / "bin"
    if next(home.glob(f"lib/*/site-packages/{name}-{version}.dist-info"), None):
        return commands
    if _ENVIRON.get(INSTALL) != "1":
        raise Missing(f"{program.package} is wanted and it is not in {home}; {INSTALL}=1 installs it with pip")
    for argv in (
        [sys.executable, "-m", "venv", str(home)],
        [str(commands / "pip"), "install", "--quiet", f"{name}=={version}"],
    ):
        done = subprocess.run(argv, env=_ENVIRON, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Missing(f"{program.package} could not be installed: {said}")
    return commands


def _version(package: Path) -> str:
    """Of an installed package; empty where there is none."""
    try:
        return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return ""
