"""`loop mail`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Loop


def send(loop: Loop, *more: str) -> str:
    ran = loop("mail", "send", "--from", "ann", "--to", "web", "--subject", "Hello", "--body", "text", *more, "--json")
    assert ran.code == 0, ran.err
    assert set(ran.document) == {"contract_version", "id", "file"}
    return str(ran.document["file"])


def test_a_message_that_was_sent_is_listed_and_shown(loop: Loop, shop: Path) -> None:
    file = send(loop)
    assert (shop / ".loop/messages" / file).is_file()
    assert file in loop("mail", "list").out
    assert loop("mail", "list", "--to", "infra").out == ""
    shown = loop("mail", "show", file).out
    assert "from:    ann (as it says)" in shown
    assert shown.endswith("\ntext\n")


def test_a_body_can_come_from_stdin_and_exactly_one_is_needed(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from a pipe\n"))
    ran = loop("mail", "send", "--to", "web", "--subject", "s", "-", "--json")
    assert ran.code == 0
    assert "from a pipe" in loop("mail", "show", str(ran.document["file"])).out
    monkeypatch.setattr(sys, "stdin", io.StringIO("from a pipe too\n"))
    ran = loop("mail", "reply", str(ran.document["file"]), "--body", "-", "--json")
    assert loop("mail", "show", str(ran.document["file"]), "--json").document["body"] == "from a pipe too\n"
    for wrong in ((), ("--body", "x", "-"), ("--body", "-", "-"), ("stray",)):
        assert loop("mail", "send", "--to", "web", "--subject", "s", *wrong).code == 2


def test_the_sender_is_the_lane_it_is_sent_from(loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOP_LANE", "infra")
    ran = loop("mail", "send", "--to", "web", "--subject", "s", "--body", "b")
    assert "-infra-to-web" in ran.out


def test_an_answer_goes_to_the_sender_and_is_tied_to_the_message(loop: Loop, shop: Path) -> None:
    file = send(loop)
    ran = loop("mail", "reply", file, "--from", "web", "--body", "yes", "--json")
    shown = loop("mail", "show", str(ran.document["file"]), "--json").document
    assert (shown["to"], shown["subject"]) == ("ann", "Re: Hello")
    assert shown["in_reply_to"]


def test_an_acknowledged_message_is_no_longer_pending(loop: Loop, shop: Path) -> None:
    file = send(loop)
    assert loop("mail", "ack", file).code == 0
    assert loop("mail", "list", "--json").document["messages"] == []
    again = loop("mail", "ack", file)
    assert again.code == 1
    assert "is processed already" in again.err


def test_what_was_dealt_with_is_counted_and_listed_when_asked_for(loop: Loop, shop: Path) -> None:
    first, second = send(loop), send(loop)
    loop("mail", "ack", first)
    ran = loop("mail", "list", "--pending")
    assert (first in ran.out, second in ran.out) == (False, True)
    assert "1 more dealt with: loop mail list --all" in ran.err
    assert [one["file"] for one in loop("mail", "list", "--all", "--json").document["messages"]] == [first, second]  # type: ignore[index,union-attr,call-overload]
    assert loop("mail", "list", "--all", "--to", "infra", "--json").document["messages"] == []
    assert loop("mail", "list", "--all", "--pending").code == 2


def test_waiting_says_by_its_code_whether_a_message_came(loop: Loop, shop: Path) -> None:
    assert loop("mail", "wait", "--to", "web", "--timeout", "0.1").code == 1
    send(loop)
    assert loop("mail", "wait", "--to", "web", "--timeout", "0").code == 0


def test_the_text_of_a_message_cannot_act_on_the_terminal(loop: Loop, shop: Path) -> None:
    file = send(loop)
    path = shop / ".loop/messages" / file
    path.write_text('---\nsubject: "a\\x1b[2Jb"\n---\n\x1b]0;title\x07body\n')
    for ran in (loop("mail", "list"), loop("mail", "show", file)):
        assert "\x1b" not in ran.out
        assert "\\x1b" in ran.out
