"""Signatures of OpenSSH: made with a person's key, checked against a file of allowed signers (ssh-keygen -Y)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loop_orchestrator.errors import ProcessError

NAMESPACE = "loop-orchestrator-approval"
"""What a signature is for: one made for a commit or a file counts for nothing here."""

CHECK_LIMIT_S = 10.0
"""Checking takes milliseconds; more is a machine that hangs."""


class BadSignatureError(Exception):
    """No allowed signer signed this; the text is the reason."""


class WouldAskError(ProcessError):
    """The key signs nothing without asking a person something, and there is nowhere to ask."""


def sign(key: Path, message: bytes, *, may_ask: bool = True) -> str:
    """The armoured signature of the message; may ask at this terminal for a passphrase or for a touch of the key.

    key: a private key, or a public one whose private half an agent holds. may_ask: False where the terminal shows
    something else; a key that no agent holds and that has a passphrase is a WouldAskError then. Raises ProcessError.
    """
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE]
    # In a session of its own it has no terminal to ask at, and it is told not to start a window that asks.
    environ = None if may_ask else {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    said = None if may_ask else subprocess.PIPE
    try:
        done = subprocess.run(
            argv,
            input=message,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environ,
            start_new_session=not may_ask,
            check=False,
        )
    except OSError as error:
        raise ProcessError(f"ssh-keygen cannot be started: {error.strerror}", hint="install OpenSSH") from error
    if done.returncode != 0 and not may_ask:
        why = (
            done.stderr.decode("utf-8", "replace").strip().removeprefix("Enter passphrase: ")
            or f"status {done.returncode}"
        )
        raise WouldAskError(f"{key} signs nothing without asking: {why}", hint=f"ssh-add {key}")
    if done.returncode != 0 or b"BEGIN SSH SIGNATURE" not in done.stdout:
        raise ProcessError(f"{key} signed nothing (ssh-keygen ended with status {done.returncode})")
    return done.stdout.decode("ascii", "replace")


def signer_of(signers: bytes, message: bytes, signature: str) -> str:
    """Who signed the message: the principal of the first allowed signer whose key made the signature.

    signers: an allowed-signers file, as ssh-keygen(1) describes it, with its limits of time and namespace.
    Raises BadSignatureError, and ProcessError where ssh-keygen cannot be asked.
    """
    if not signature.strip():
        raise BadSignatureError("it is not signed")
    with _file(signers) as allowed, _file(signature.encode("utf-8", "replace")) as signed:
        found = _keygen(["find-principals", "-s", signed, "-f", allowed], b"")
        principals = found.stdout.decode("utf-8", "replace").split("\n") if found.returncode == 0 else []
        for principal in filter(None, map(str.strip, principals)):
            words = ["verify", "-f", allowed, "-I", principal, "-n", NAMESPACE, "-s", signed]
            if _keygen(words, message).returncode == 0:
                return principal
    if not any(map(str.strip, principals)):
        raise BadSignatureError("its signature is by no allowed signer")
    raise BadSignatureError("its signature is of something else")


def _keygen(words: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = ["ssh-keygen", "-q", "-Y", *words]
    try:
        return subprocess.run(argv, input=stdin, capture_output=True, timeout=CHECK_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProcessError(f"ssh-keygen cannot be asked: {error}", hint="install OpenSSH 8.2 or newer") from error


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """A private file with this content, for a program that reads only files."""
    handle, name = tempfile.mkstemp(prefix="loop-signature-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)
