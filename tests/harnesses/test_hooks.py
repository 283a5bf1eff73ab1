"""Hooks in the settings of agent programs: added and taken out without a trace, and nothing else is touched."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.errors import ConfigError
from loop_orchestrator.harnesses.hookdata import HookFiles
from loop_orchestrator.harnesses.hookreport import read_report
from loop_orchestrator.harnesses.hooks import Installed, command_of, installed, with_hooks, without_hooks
from loop_orchestrator.harnesses.jsonedit import JsonProblem, read, with_member, without_member
from loop_orchestrator.model.hooks import HookEvent, HookSpec
from loop_orchestrator.model.lane import Detail

KNOWN = HookFiles(None)
CLAUDE = KNOWN.itself("claude")
SMALL = HookSpec(
    name="small",
    user=".small/settings.json",
    project=".small/settings.json",
    events=(HookEvent(event="Start", detail=Detail.READY), HookEvent(event="Stop", detail=Detail.READY)),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{}\n",
        '{"model": "x"}',
        '{\n    "model": "x",\n    "list": [1, 2,3]\n}\n',
        '{\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": [{"type": "command", "command": "say"}]}\n\t\t]\n\t}\n}\n',
        '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say"}]}], "Other": []}, "z": 1}',
        '{\r\n  "hooks": {\r\n    "Start": []\r\n  },\r\n  "é": "\\u00e9"\r\n}\r\n',
    ],
)
@pytest.mark.parametrize("spec", [SMALL, CLAUDE])
def test_what_was_installed_is_taken_out_again(text: str, spec: HookSpec) -> None:
    after = with_hooks(text, spec)
    assert installed(after, spec) is Installed.YES
    assert with_hooks(after, spec) == after
    before, now = json.loads(text or "{}"), json.loads(after)
    assert {key: value for key, value in now.items() if key != "hooks"} == {
        key: value for key, value in before.items() if key != "hooks"
    }
    back = without_hooks(after, spec)
    assert installed(back, spec) is Installed.NO
    kept = {name: groups for name, groups in before.get("hooks", {}).items() if groups}
    again = json.loads(back)
    assert {name: groups for name, groups in again.get("hooks", {}).items() if groups} == kept
    if "\r\n" in text:
        assert after.replace("\r\n", "").count("\n") == 0


def test_settings_that_have_hooks_of_others_come_back_letter_by_letter() -> None:
    text = '{\n   "hooks": {\n      "Stop": [{"hooks": [{"command":"say"}]}],  "Start": [ {"hooks": []} ]\n   }, "a":1}'
    assert without_hooks(with_hooks(text, SMALL), SMALL) == text


def test_a_hook_that_somebody_put_into_our_group_stays() -> None:
    after = json.loads(with_hooks("", SMALL))
    after["hooks"]["Stop"][0]["hooks"].append({"type": "command", "command": "mine"})
    back = json.loads(without_hooks(json.dumps(after), SMALL))
    assert back == {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}


def test_hooks_of_an_earlier_release_are_replaced() -> None:
    old = replace(SMALL, timeout=9, events=(*SMALL.events, HookEvent(event="Gone", detail=Detail.BUSY)))
    text = with_hooks('{"a": 1}', old)
    assert installed(text, SMALL) is Installed.OTHER
    assert json.loads(with_hooks(text, SMALL)) == json.loads(with_hooks('{"a": 1}', SMALL))


def test_hooks_of_another_program_are_not_ours() -> None:
    other = replace(SMALL, name="small-two")
    text = with_hooks(with_hooks("", other), SMALL)
    assert installed(without_hooks(text, SMALL), other) is Installed.YES


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('{\n  "a": 1,\n}', (2, 10), "trailing comma"),
        ('{\n  "hooks": 3\n}', (2, 12), "hooks: expected an object"),
        ('{\n  "hooks": {"Stop": {}}\n}', (2, 21), "hooks.Stop: expected a list"),
        ("[]", (1, 1), "the settings: expected an object"),
        ('{"a": 1, "a": 2}', (1, 1), "stands twice"),
        ("// a comment\n{}", (1, 1), "Expecting value"),
        ("\ufeff{}", (1, 1), "BOM"),
        ("[" * 100_000, (1, 1), ""),
    ],
)
def test_what_is_broken_says_where(text: str, where: tuple[int, int], says: str) -> None:
    with pytest.raises(JsonProblem) as caught:
        with_hooks(text, SMALL)
    if says != "trailing comma":  # where a comma too many is reported depends on the Python
        assert (caught.value.line, caught.value.column) == where
        assert says in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=3), st.sampled_from((None, 2, 4, "\t")), JSON)
def test_a_member_is_added_and_removed_in_any_document(
    document: dict[str, object], indent: int | str | None, value: object
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    key = "new"
    while key in document:
        key += "!"
    longer = with_member(text, read(text), value, key=key)  # type: ignore[arg-type]
    assert json.loads(longer) == {**document, key: value}
    root = read(longer)
    shorter = without_member(longer, root, len(root.members) - 1)
    assert json.loads(shorter) == document
    assert shorter == text or not document


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_packaged_data_is_good_and_its_command_is_a_shell_command(name: str) -> None:
    spec = KNOWN.itself(name)
    command = command_of(spec)
    outside = subprocess.run(["/bin/sh", "-c", command], env={"PATH": "/nonexistent"}, capture_output=True, check=False)
    assert (outside.returncode, outside.stdout, outside.stderr) == (0, b"", b"")
    missing = {"PATH": "/nonexistent", "LOOP_LANE": "web", "LOOP_BIN": "/nonexistent/loop"}
    assert subprocess.run(["/bin/sh", "-c", command], env=missing, capture_output=True, check=False).returncode == 0


def test_a_copy_serves_for_looking_and_a_forged_one_for_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert HookFiles(None, cache_dir=cache).itself("claude") == CLAUDE
    copy = cache / "hooks-claude.json"
    looked = HookFiles(None, cache_dir=cache)["claude"]
    assert looked.events == CLAUDE.events
    record = json.loads(copy.read_text())
    record["hooks"]["events"][0]["detail"] = "nonsense"
    copy.write_text(json.dumps(record))
    assert HookFiles(None, cache_dir=cache)["claude"].events == CLAUDE.events


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("name: other\nuser: a.json\nproject: a.json\nevents: [{event: A, detail: busy}]", "name of the file"),
        ("name: mine\nuser: ../a.json\nproject: a.json\nevents: [{event: A, detail: busy}]", "user: expected a JSON"),
        ("name: mine\nuser: /etc/a.json\nproject: a.json\nevents: [{event: A, detail: busy}]", "user: expected a JSON"),
        ("name: mine\nuser: a.json\nproject: .bashrc\nevents: [{event: A, detail: busy}]", "project: expected a JSON"),
        ("name: mine\nuser: a.json\nproject: a.json\nevents: []", "at least one event"),
        ("name: mine\nuser: a.json\nproject: a.json\nevents: [{event: A}]", "expected a detail"),
        ("name: mine\nuser: a.json\nproject: a.json\nevents: [{event: A, detail: bussy}]", "busy"),
        (
            "name: mine\nuser: a.json\nproject: a.json\nevents: [{event: A, by: x, values: {y: reddy}}]",
            "did you mean ready?",
        ),
        (
            "name: mine\nuser: a.json\nproject: a.json\nevents: [{event: A, detail: busy}, {event: A, detail: tool}]",
            "twice",
        ),
    ],
)
def test_a_mistake_in_hook_data_names_the_file_and_the_key(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        HookFiles(tmp_path)["mine"]
    assert "mine.yaml" in caught.value.message and says in caught.value.message


@pytest.mark.parametrize(
    ("program", "report", "detail"),
    [
        ("claude", {"hook_event_name": "SessionStart", "source": "startup"}, Detail.READY),
        ("claude", {"hook_event_name": "SessionStart", "source": "compact"}, Detail.BUSY),
        ("claude", {"hook_event_name": "PreToolUse", "tool_name": "Bash"}, Detail.TOOL),
        ("claude", {"hook_event_name": "StopFailure", "error": "rate_limit"}, Detail.RATE_LIMITED),
        ("claude", {"hook_event_name": "StopFailure", "error": "authentication_failed"}, Detail.AUTH),
        ("claude", {"hook_event_name": "StopFailure", "error": "server_error"}, Detail.API_ERROR),
        ("claude", {"hook_event_name": "StopFailure", "error": {"a": 1}}, Detail.API_ERROR),
        ("claude", {"hook_event_name": "Notification", "notification_type": "permission_prompt"}, Detail.APPROVAL),
        ("claude", {"hook_event_name": "Notification", "notification_type": "auth_success"}, None),
        ("claude", {"hook_event_name": "SomethingNew"}, None),
        ("gemini", {"hook_event_name": "Notification", "notification_type": "ToolPermission"}, Detail.APPROVAL),
        ("gemini", {"hook_event_name": "AfterAgent"}, Detail.READY),
        ("qwen", {"hook_event_name": "Notification", "notification_type": "idle_prompt"}, Detail.READY),
        ("codex", {"hook_event_name": "PermissionRequest"}, Detail.APPROVAL),
    ],
)
def test_what_a_report_means(program: str, report: dict[str, object], detail: Detail | None) -> None:
    found = read_report(KNOWN[program], json.dumps({"session_id": "s-1", **report}))
    assert (found.event, found.detail, found.conversation) == (report["hook_event_name"], detail, "s-1")


def test_of_a_report_that_is_cut_off_the_beginning_counts() -> None:
    text = json.dumps({"session_id": "s", "hook_event_name": "PostToolUse", "out": {"hook_event_name": "Stop"}, "z": 1})
    for end in range(len(text)):
        try:
            found = read_report(CLAUDE, text[:end], cut=True)
        except ValueError:
            continue
        assert found.detail is Detail.BUSY
    assert read_report(CLAUDE, text[:80], cut=True).event == "PostToolUse"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"hook_event_name": 3}', '{"a": 1}'])
def test_what_is_no_report_is_said_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="report"):
        read_report(CLAUDE, text)
