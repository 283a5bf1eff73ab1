"""The keys of ``notify``, and that they are part of what a person accepts."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from loop_orchestrator.config.load import load
from loop_orchestrator.errors import ConfigError
from loop_orchestrator.model.notice import NoticeKind
from tests.support.projects import PLAIN, project_at


def test_services_hours_and_pace_are_read(project: Path) -> None:
    (project / "lane-config.yaml").write_text(
        "notify:\n"
        "  services: {phone: {url_env: NTFY_URL}, desk: {desktop: true, kinds: [decision]}}\n"
        "  quiet: {begin: '22:00', end: '07:00', timezone: Europe/Paris, but_for: [disk]}\n"
        "  every_s: 60\n"
    )
    found = load(project).config.notify
    assert [one.means for one in found.services] == ["the service in NTFY_URL", "the desktop"]
    assert found.services[1].kinds == (NoticeKind.DECISION,)
    pace = found.to_pace()
    assert pace.every_s == 60 and pace.quiet is not None
    assert (pace.quiet.zone, pace.quiet.but_for) == (ZoneInfo("Europe/Paris"), frozenset({NoticeKind.DISK}))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("services: {a: {url_env: 'ntfy://x/y'}}", "services.a.url_env: expected the name of an environment variable"),
        ("services: {a: {url: 'ntfy://x/y'}}", "services.a.url: no such key; did you mean url_env?"),
        ("services: {a: {}}", "exactly one of url_env, desktop, terminal and command is needed (got none)"),
        ("services: {a: {desktop: true, url_env: X}}", "(got url_env and desktop)"),
        ("services: {a: {desktop: true, env: [X]}}", "env is for a command"),
        ("services: {a: {desktop: true, kinds: [descision]}}", "did you mean decision?"),
        ("quiet: {begin: '22:00', end: '22:00'}", "begin and end are the same"),
        ("quiet: {begin: 22:00, end: '24:00'}", "a time of day in quotes"),
        ("quiet: {begin: '22:00', end: '07:00', timezone: Europe/Pariss}", "did you mean Europe/Paris?"),
        ("every: 5", "no such key; did you mean every_s?"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(project: Path, keys: str, said: str) -> None:
    (project / "lane-config.yaml").write_text(f"notify: {{{keys}}}\n")
    with pytest.raises(ConfigError) as wrong:
        load(project)
    assert said in wrong.value.message


def test_who_is_told_and_what_runs_for_it_is_accepted_first(project: Path) -> None:
    before = project_at(project, config=PLAIN).door
    door = project_at(
        project,
        config=PLAIN + "notify: {services: {a: {url_env: X_URL}, b: {command: [./tell, now], env: [K]}}}\n",
    ).door
    assert set(door.lines) - set(before.lines) == {
        "notices go to the service that your variable X_URL names (a)",
        "notices run: ./tell now (b)",
        "notices by b get these variables of yours: K",
    }
    other = project_at(project, config=PLAIN + "notify: {services: {a: {url_env: Y_URL}}}\n").door
    assert len({before.digest, door.digest, other.digest}) == 3
    plain = project_at(project, config=PLAIN + "notify: {every_s: 7}\n").door
    assert plain.digest == before.digest
