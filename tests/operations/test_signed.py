"""Signed approvals, with real keys: nothing but what was judged safe here runs without a valid signature."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.engine.approval import approval_message, digest_now
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.engine.settle import settle
from loop_orchestrator.errors import ConfigError, NotAPersonError, UsageError
from loop_orchestrator.model.decision import Approval, Decision, Item, ItemStatus
from loop_orchestrator.model.verdict import SAFE
from loop_orchestrator.operations.decisions import approve, edit
from loop_orchestrator.operations.trust import accept, gone_lines, is_accepted
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.process.signing import BadSignatureError, WouldAskError, sign, signer_of
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")

ANN = PersonCheck(ok=True, who="ann on pts/3 (bash 4321)", reason="its terminal comes from sshd 7")
SIGNED = PLAIN + "  signers: allowed_signers\n"


def a_key(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path


def allowed(key: Path, who: str, options: str = "") -> str:
    return f"{who} {options} {key.with_suffix('.pub').read_text()}"


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "keys"
    folder.mkdir()
    return {name: a_key(folder, name) for name in ("ann", "eve")}


@pytest.fixture
def shop(project: Path, socket: str, keys: dict[str, Path]) -> Project:
    (project / "allowed_signers").write_text(allowed(keys["ann"], "ann@example.org"))
    return project_at(project, config=SIGNED)


@pytest.fixture
def decision(shop: Project) -> Decision:
    shop.mailbox.send("ann", "coord", "first", "text")
    shop.mailbox.send("ann", "coord", "second", "text")
    found = run_cycle(shop.world, ("test",)).decision
    assert found is not None
    return found


def statuses(decision: Decision) -> list[str]:
    return [item.status.value for item in decision.items]


def with_first(shop: Project, decision: Decision, item: Item) -> None:
    """Put an item into the decision's file, as somebody does who can write it and knows the format."""
    shop.decisions.update(decision.id, lambda old: old.with_item(item))


def test_a_signature_is_of_one_message_by_one_signer_for_one_purpose(keys: dict[str, Path]) -> None:
    signers = allowed(keys["ann"], "ann@example.org").encode()
    signature = sign(keys["ann"], b"yes")
    assert signer_of(signers, b"yes", signature) == "ann@example.org"
    for message, text, said in (
        (b"no", signature, "something else"),
        (b"yes", sign(keys["eve"], b"yes"), "no allowed signer"),
        (b"yes", "", "not signed"),
        (b"yes", "-----BEGIN SSH SIGNATURE-----\nnonsense", "no allowed signer"),
    ):
        with pytest.raises(BadSignatureError, match=said):
            signer_of(signers, message, text)
    for options in ('namespaces="git"', 'valid-before="20200101"'):
        with pytest.raises(BadSignatureError):
            signer_of(allowed(keys["ann"], "ann@example.org", options).encode(), b"yes", signature)


def test_a_key_that_would_ask_for_its_passphrase_signs_nothing_where_nothing_can_be_asked(tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret-words", "-f", str(key)], check=True)
    with pytest.raises(WouldAskError, match="signs nothing without asking") as refused:
        sign(key, b"yes", may_ask=False)
    assert refused.value.hint == f"ssh-add {key}"


def test_an_approval_is_signed_and_says_by_whom(shop: Project, decision: Decision, keys: dict[str, Path]) -> None:
    approved = approve(shop.world, decision.id, person=ANN, key=keys["ann"])
    assert statuses(approved.decision) == ["done", "done"]
    event = shop.events.last("decision.approved")
    assert event is not None and event.payload["signed_by"] == "ann@example.org"
    first = approved.decision.items[0]
    assert first.approval is not None and first.approval.actions == (0, 1)


def test_without_a_key_and_with_a_wrong_one_nothing_is_approved(
    shop: Project, decision: Decision, keys: dict[str, Path]
) -> None:
    with pytest.raises(UsageError, match="wants a signature"):
        approve(shop.world, decision.id, person=ANN)
    with pytest.raises(NotAPersonError, match="no allowed signer"):
        approve(shop.world, decision.id, person=ANN, key=keys["eve"])
    assert statuses(shop.decisions.get(decision.id)) == ["waiting", "waiting"]
    refused = shop.events.last("approval.refused")
    assert refused is not None and "eve" in str(refused.payload["reason"])


@pytest.mark.parametrize(
    "forged",
    [
        {"status": "ready"},
        {"status": "ready", "verdict": {"level": "safe", "reasons": []}},
        {"status": "ready", "approval": {"actions": [0], "signature": "-----BEGIN SSH SIGNATURE-----"}},
    ],
)
def test_a_decision_file_that_says_yes_by_itself_runs_nothing(
    shop: Project, decision: Decision, forged: dict[str, object]
) -> None:
    path = shop.layout.decisions / f"{decision.id}.json"
    document = json.loads(path.read_text())
    document["items"][0] |= forged
    path.write_text(json.dumps(document))
    settle(shop.world)
    execute(shop.world, decision.id)
    assert statuses(shop.decisions.get(decision.id)) == ["rejected", "waiting"]
    assert shop.events.last("item.started") is None
    assert shop.events.last("approval.refused") is not None


def test_a_signature_counts_only_for_what_was_signed(shop: Project, decision: Decision, keys: dict[str, Path]) -> None:
    for_the_other_action = approval_message(decision, digest_now(decision), (1,))
    for_another_decision = approval_message(replace(decision, id="d-other"), decision.digest, (0,))
    for actions, message in (((1,), for_the_other_action), ((0,), for_the_other_action), ((0,), for_another_decision)):
        approval = Approval(actions=actions, signature=sign(keys["ann"], message))
        with_first(shop, decision, replace(decision.items[0], status=ItemStatus.READY, verdict=SAFE, approval=approval))
        assert statuses(execute(shop.world, decision.id))[0] == "rejected"


def test_an_edit_after_the_signature_voids_it(shop: Project, decision: Decision, keys: dict[str, Path]) -> None:
    signature = sign(keys["ann"], approval_message(decision, digest_now(decision), (0,)))
    edit(shop.world, decision.id, 1, {"summary": "another"}, person=ANN)
    approval = Approval(actions=(0,), signature=signature)
    with_first(shop, decision, replace(decision.items[0], status=ItemStatus.READY, approval=approval))
    assert statuses(execute(shop.world, decision.id)) == ["rejected", "waiting"]


def test_full_mode_runs_only_what_was_judged_safe_here(project: Path, socket: str, keys: dict[str, Path]) -> None:
    (project / "allowed_signers").write_text(allowed(keys["ann"], "ann@example.org"))
    shop = project_at(project, config=SIGNED.replace("approval: manual", "approval: full"))
    shop.mailbox.send("ann", "coord", "first", "text")
    waits = run_cycle(shop.world, ("test",)).decision
    assert waits is not None and statuses(waits) == ["waiting"]
    stop = run_cycle(shop.world, ("test",)).decision
    assert stop is not None and statuses(stop) == ["done"]


def test_a_signers_file_that_is_not_there_is_an_error_of_the_config(project: Path, socket: str) -> None:
    with pytest.raises(ConfigError, match=r"engine\.signers: .*allowed_signers cannot be read"):
        _ = project_at(project, config=SIGNED).world


def test_an_edited_signers_file_and_a_config_without_it_are_not_accepted(
    shop: Project, keys: dict[str, Path], tmp_path: Path
) -> None:
    home = tmp_path / "state"
    accept(shop.door, home, by="ann", now=shop.clock.now())
    assert is_accepted(shop.door, home)
    signers = shop.root / "allowed_signers"
    before = signers.read_text()
    signers.write_text(before + allowed(keys["eve"], "eve@example.org"))
    assert not is_accepted(project_at(shop.root).door, home)
    signers.write_text(before)
    assert is_accepted(project_at(shop.root).door, home)
    without = project_at(shop.root, config=PLAIN).door
    assert not is_accepted(without, home)
    assert any("approvals are signed" in line for line in gone_lines(without, home))
