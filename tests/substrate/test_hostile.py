"""What arrives is what the receipt says, byte for byte, and no byte of a text acts as a key."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from loop_orchestrator.model.delivery import DeliveryStatus, Receipt
from tests.substrate.fleet import Fleet
from tests.substrate.recording import Recorded, harnesses

FEW = 24
MANY = int(os.environ.get("LOOP_HOSTILE_PAYLOADS", "48"))
"""LOOP_HOSTILE_PAYLOADS=1000 for the long run."""

PIECES = (
    *("\x1b[201~", "\x1b\x1b[201~", "\x9b201~", "\x1b[200~", "\xc2\x9b201~", "\x1b[20", "1~", "\x1b", "\x9b", "\u009b"),
    *(
        "\x1b]0;owned\x07",
        "\x1bP$q\x1b\\",
        "\x9d52;c;b3duZWQ=\x9c",
        "\x1bc",
        "\x1b[?2004l",
        "\x1b[6n",
        "\x1bOP",
        "\x1b[A",
    ),
    *("\x00", "\x03", "\x04", "\x08", "\x0b", "\x0c", "\x0e", "\x15", "\x1a", "\x1c", "\x7f", "\x85", "\x90", "\x9f"),
    *("\ud800", "\udcff", "\udc9b", "\ud83d\ude00"),
    *("\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200d", "\ufeff", "\u2028", "\u2029", "\u00ad"),
    *("שלום", "مرحبا", "日本語", "👩\u200d👩\u200d👧", "e\u0301", "\U000e0041", "\U0010ffff", "\ufffe"),
    *("\r\n", "\r", "\n", "\n\n", "\t", "  ", "\\", "\\\\", "\\n", "\\033[201~", "$HOME", "${HOME}", "`id`", "$(id)"),
    *("#{pane_id}", "#(touch owned)", "#[fg=red]", "##", "%if", "%end 1 1 1", "%exit", "~", "{", "}", "'", '"', "'\"'"),
    *(
        ";",
        " ;",
        "\\;",
        "--",
        "-",
        "-t %0",
        "C-c",
        "Enter",
        "Escape",
        "/exit",
        "!",
        "word ",
        "word",
        "Ω",
        "|",
        "&",
        "*",
    ),
)


def payload(seed: int) -> str:
    chosen = random.Random(seed)
    text = "".join(chosen.choices(PIECES, k=chosen.choice((1, 2, 3, 8, 40))))
    ending = chosen.choice(("", "", "\\", ";", "\n", "\r\n", '"', "#", "\x1b[201~", " "))
    text = chosen.choice(("", "-", "--", "say ", "#{", "~", "~root")) + text + ending
    if seed % 97 == 3:
        text = (text * (200_000 // len(text) + 1))[:200_000]
    return text


def arrives(fleet: Fleet, lane: Recorded, seed: int) -> Receipt:
    text = payload(seed)
    receipt = fleet.deliver(lane.name, text, op=f"op-{seed}", ready_timeout_s=20, sender="person")
    came = lane.news()
    assert receipt.sha256 == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if receipt.status is DeliveryStatus.NOT_DELIVERED:
        assert (came, "nothing is left" in receipt.evidence) == (b"", True), (seed, text, receipt)
        return receipt
    assert receipt.delivered, (seed, text, receipt, fleet.lane(lane.name).screen)
    assert came.startswith(b"\x1b[200~") and came.endswith(b"\x1b[201~\r"), (seed, text, came)
    pasted = came.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~\r")
    assert (hashlib.sha256(pasted).hexdigest(), len(pasted)) == (receipt.sent_sha256, receipt.bytes), (seed, text, came)
    assert not any(byte < 32 and byte not in b"\n\t" for byte in pasted) and b"\x7f" not in pasted
    assert not any(128 <= ord(char) < 160 for char in pasted.decode("utf-8"))
    assert bool(receipt.removed) is (pasted != text.encode("utf-8", "surrogatepass"))
    return receipt


def run(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, folder: Path, seeds: range) -> list[Receipt]:
    """Half of them over a held connection, half by a tmux each."""
    monkeypatch.setattr("loop_orchestrator.substrate.proof.EMPTY_S", 0.0)
    harnesses(monkeypatch, folder)
    lane, feed = Recorded(fleet), fleet.tmux.feed()
    half = len(seeds) // 2
    receipts = [arrives(fleet, lane, seed) for seed in seeds[:half]]
    feed.open()
    try:
        receipts += [arrives(fleet, lane, seed) for seed in seeds[half:]]
        assert feed.lost == ""
    finally:
        feed.close()
    assert not (fleet.root / "owned").exists()
    return receipts


def test_hostile_texts_arrive_as_the_receipt_says(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    receipts = run(fleet, monkeypatch, tmp_path_factory.mktemp("data"), range(FEW))
    assert sum(receipt.delivered for receipt in receipts) > FEW / 2
    assert any(receipt.bytes > 100_000 for receipt in receipts)


@pytest.mark.flow
def test_many_hostile_texts_arrive_as_the_receipts_say(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    receipts = run(fleet, monkeypatch, tmp_path_factory.mktemp("data"), range(1_000, 1_000 + MANY))
    assert sum(receipt.delivered for receipt in receipts) > MANY * 0.8
