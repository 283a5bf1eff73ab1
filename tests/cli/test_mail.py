"""`loop mail`."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project
from tests.cli.conftest import Loop, Ran
from tests.support.builders import a_message, an_ask
from tests.support.projects import project_at


def rows(ran: Ran, key: str) -> list[dict[str, JsonValue]]:
    found = ran.document[key]
    assert isinstance(found, list)
    return [one for one in found if isinstance(one, dict)]


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


def test_mail_is_listed_by_sender_with_age_and_state(loop: Loop, shop: Path) -> None:
    file = send(loop)
    loop("mail", "send", "--from", "bob", "--to", "web", "--subject", "s", "--body", "b")
    [found] = rows(loop("mail", "list", "--from", "ann", "--json"), "messages")
    assert (found["file"], found["state"]) == (file, "pending")
    age = found["age_s"]
    assert isinstance(age, int) and age >= 0
    loop("mail", "ack", file)
    assert loop("mail", "list", "--from", "ann").out == ""
    assert file in loop("mail", "list", "--from", "ann", "--all").out


def test_a_body_can_come_from_a_file(loop: Loop, shop: Path) -> None:
    (shop / "report.txt").write_bytes(b"line\r\nno newline")
    (shop / "empty.txt").touch()
    (shop / "bytes.bin").write_bytes(b"ab\xff")
    ran = loop("mail", "send", "--to", "web", "--subject", "s", "--body-file", "report.txt", "--json")
    assert loop("mail", "show", str(ran.document["id"]), "--json").document["body"] == "line\r\nno newline"
    for wrong, said in (
        ("empty.txt", "empty.txt is empty"),
        ("bytes.bin", "byte 3 is no UTF-8"),
        ("missing.txt", "No such file"),
        (".", "Is a directory"),
    ):
        ran = loop("mail", "reply", "last", "--body-file", wrong)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert loop("mail", "send", "--to", "web", "--subject", "s", "--body", "x", "--body-file", "report.txt").code == 2
    assert loop("mail", "send", "--to", "web", "--subject", "s", "--body", "").code == 0


def test_a_message_is_named_shortly_wherever_a_file_is_asked_for(loop: Loop, shop: Path) -> None:
    file = send(loop)
    assert f"file:    {file}" in loop("mail", "show", "last").out
    assert loop("mail", "reply", file[:-6], "--body", "yes").code == 0
    ran = loop("mail", "show", file[:8])
    assert (ran.code, "may mean 2 messages" in ran.err, file in ran.err) == (2, True, True)
    assert loop("mail", "ack", file.removesuffix(".md"), "--json").document["file"] == file
    ran = loop("mail", "show", "nonsense")
    assert (ran.code, "loop mail list --all" in ran.err) == (2, True)


def test_what_is_no_message_is_named_before_and_after_it_is_set_aside(loop: Loop, shop: Path) -> None:
    file = send(loop)
    path = shop / ".loop/messages/hello.md"
    path.write_text("x")
    ran = loop("mail", "list")
    assert (file in ran.out, "hello.md is no message: a message is named" in ran.err) == (True, True)
    os.utime(path, (1, 1))
    loop("mail", "wait", "--to", "nobody", "--timeout", "0")
    assert "1 set aside that were no messages: loop mail list --failed" in loop("mail", "list").err
    assert "hello.md: a message is named" in loop("mail", "list", "--failed").out
    [failed] = rows(loop("mail", "list", "--failed", "--json"), "failed")
    assert failed["file"] == "hello.md"


def test_a_misspelt_lane_is_told_of_and_gets_its_mail_all_the_same(loop: Loop, shop: Path) -> None:
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.layout import Layout
    from tests.stores.builders import lane

    LaneStore(Layout(shop, "shop")).put(lane("frontend"))
    ran = loop("mail", "send", "--to", "fronted", "--subject", "s", "--body", "b")
    assert (ran.code, "there is a lane frontend" in ran.err) == (0, True), ran.err
    assert loop("mail", "send", "--to", "person", "--subject", "s", "--body", "b").err == ""


def test_the_digest_takes_its_options_from_the_variables_too(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adr = shop / "records/0001-t.md"
    adr.parent.mkdir()
    adr.write_text("---\nstatus: proposed\ntitle: T\n---\n")
    monkeypatch.setenv("LOOP_DIGEST_ADR_DIR", "records")
    assert "0001" in loop("digest", "--once").out
    monkeypatch.setenv("LOOP_DIGEST_INTERVAL", "soon")
    ran = loop("digest")
    assert (ran.code, "LOOP_DIGEST_INTERVAL soon: seconds were expected" in ran.err) == (2, True)
    assert loop("digest", "--interval", "0").code == 2


def asked(shop: Path, id: str = "d-20260301T120000000-4f2a9c-0") -> Project:
    project = project_at(shop)
    project.asks.record(an_ask(id, asked_at=project.clock.now()))
    return project


def test_an_ask_is_answered_by_its_id(loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = asked(shop)
    (ask,) = project.asks.all()
    monkeypatch.setenv("LOOP_LANE", "web")
    ran = loop("mail", "reply", ask.id, "--body", "on 8080", "--json")
    assert (ran.code, ran.err) == (0, "")
    message = project.mailbox.read(str(ran.document["file"]))
    assert (message.sender, message.recipient, message.subject) == ("web", "coord", f"re:{ask.id}")
    assert (message.in_reply_to, message.body.rstrip()) == (ask.id, "on 8080")
    loop("mail", "reply", ask.id, "--body", "on 8080", "--subject", "the port")
    assert {one.subject for one in project.mailbox.pending()} == {message.subject, "the port"}


def test_whoever_was_not_asked_is_told_that_it_is_mail(loop: Loop, shop: Path) -> None:
    ask = asked(shop).asks.all()[0].id
    ran = loop("mail", "reply", ask, "--from", "infra", "--body", "x")
    assert ran.code == 0
    assert f"lane web was asked, so this does not answer {ask}" in ran.err


def test_a_second_answer_is_mail(loop: Loop, shop: Path) -> None:
    project = asked(shop)
    (ask,) = project.asks.all()
    project.asks.reply(ask, a_message("web", "coord", f"re:{ask.id}"))
    assert (
        "was answered before, by 20260301-115900-web-to-coord.md"
        in loop("mail", "reply", ask.id, "--from", "web", "--body", "x").err
    )


def test_a_misspelt_ask_is_named_with_the_nearest(loop: Loop, shop: Path) -> None:
    ask = asked(shop).asks.all()[0].id
    ran = loop("mail", "reply", f"{ask[:-3]}d-0", "--body", "x")
    assert ran.code == 2
    assert f"did you mean {ask}?" in ran.err and "loop engine asks --all" in ran.err
    assert "there is no message 'nope'" in loop("mail", "reply", "nope", "--body", "x").err
