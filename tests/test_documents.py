"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.tables import CONTRACT, TABLES, filled
from loop_orchestrator.cli.words import ALIASES, GROUPS, WORDS
from loop_orchestrator.config.jsonschema import json_schema

ROOT = Path(__file__).parent.parent
EXAMPLES = tuple(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("examples/*/README.md")))
DOCUMENTS = ("README.md", "CONTRACT.md", "AGENTS.md", "CHANGELOG.md", "tasks/README.md", *EXAMPLES)


def test_the_tables_of_the_contract_are_those_of_the_code() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    assert text == filled(text), "run: python -m docs.tables"
    assert set(re.findall(r"<!-- table: (\S+) -->", text)) == set(TABLES)


def words_in(text: str) -> set[str]:
    """Commands as a document shows them: ``loop WORD`` in code."""
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    return set(re.findall(r"\bloop ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", code))


def is_known(said: str) -> bool:
    first, _, second = said.partition(" ")
    if first in GROUPS:
        return not second or f"{first} {second}" in WORDS or f"{first} {second}" in ALIASES
    return first in WORDS or first in ALIASES


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_that_a_document_names_exists(name: str) -> None:
    said = words_in((ROOT / name).read_text(encoding="utf-8"))
    assert [one for one in sorted(said) if not is_known(one)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_map_names_files_that_exist() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*/?(?:\.py|/))`", text)
    assert named
    missing = [one for one in named if not (ROOT / one).exists() and not (ROOT / "loop_orchestrator" / one).exists()]
    assert missing == []


def test_the_schema_for_editors_accepts_the_config_of_this_repository() -> None:
    import jsonschema

    from loop_orchestrator.yamltext import parse, to_plain

    value = to_plain(parse((ROOT / "lane-config.yaml").read_text(encoding="utf-8")))
    jsonschema.validate(value, json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"engin": {}}, json_schema())
