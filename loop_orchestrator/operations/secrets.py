"""Which environment variables hold secrets, as far as the config and the harnesses in use say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.harnesses.detect import key_names

if TYPE_CHECKING:
    from loop_orchestrator.config.schema import Config
    from loop_orchestrator.model.harness import HarnessSpec

_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")

NAMING = "_env"
"""How a key of the config ends whose value is the name of a variable that holds a secret."""


def secret_names(config: Config, harnesses: Mapping[str, HarnessSpec]) -> tuple[str, ...]:
    """What keys that end in ``_env`` name, what is passed on to the brain, and what its harnesses are logged in by."""
    names = dict.fromkeys(_named(config))
    brain = config.engine.brain if config.engine else None
    if brain is not None:
        names |= dict.fromkeys(brain.env)
    used = [label.partition(":")[0] for label in brain.chain] if brain else []
    for harness in dict.fromkeys((*used, *(lane.harness for lane in config.lanes))):
        with suppress(LoopError, KeyError):  # a mistake in its data is told of where it is used
            names |= dict.fromkeys(key_names(harnesses[harness]))
    return tuple(names)


def named_variables(config: Config) -> tuple[str, ...]:
    """The variables that the config counts on: what its keys that end in ``_env`` name."""
    return tuple(dict.fromkeys(_named(config)))


def likely_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables whose names say that they hold a secret: all that is known where there is no config to ask."""
    return tuple(name for name in environ if any(word in name.upper() for word in _WORDS))


def _named(value: object) -> Iterator[str]:
    """Every name in a key that ends in ``_env``, however deep."""
    if isinstance(value, tuple | list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _named(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            found = getattr(value, field.name)
            if not field.name.endswith(NAMING):
                yield from _named(found)
            elif isinstance(found, str):
                yield from [found] if found else []
            elif isinstance(found, tuple):
                yield from (one for one in found if isinstance(one, str))
