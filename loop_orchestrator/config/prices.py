"""What the models of brains cost, for those whose programs do not say what a call cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from loop_orchestrator.config.reader import About
from loop_orchestrator.model.brain import Price

_UNIT = "USD"
_MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class PriceConfig:
    """What a million tokens of a brain cost."""

    brain: str = field(metadata=About("The brain, as use and fallback name it.").metadata)
    input: float = field(
        metadata=About("A million tokens of the prompt.", unit=_UNIT, at_least=0, at_most=_MOST).metadata
    )
    output: float = field(
        metadata=About(
            "A million tokens of the reply, reasoning included.", unit=_UNIT, at_least=0, at_most=_MOST
        ).metadata
    )
    cached_input: float | None = field(
        default=None,
        metadata=About(
            "A million tokens of the prompt that came from a cache.",
            unit=_UNIT,
            at_least=0,
            at_most=_MOST,
            default_says="as input",
        ).metadata,
    )

    def price(self) -> Price:
        return Price(input=self.input, output=self.output, cached_input=self.cached_input)
