"""What a model that judges beside the rules must offer; no framework is needed to say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from eip_llm_interface.guard.scene import SceneFacts

__all__ = ['EXPECTED_HARM', 'ModelJudge', 'ModelOpinion']

EXPECTED_HARM = 0.1
"""The share of harmful commands in use for which probabilities are meant, as the policy's are."""


@dataclass(frozen=True)
class ModelOpinion:
    """How likely a model finds harm in one text, and of which kind.

    `p_harm` and every category's number are probabilities, 0 to 1; raises ValueError otherwise
    (NaN included), so that a broken model can never pass for a calm one.
    """

    p_harm: float
    categories: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name, value in (('p_harm', self.p_harm), *self.categories):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f'model opinion {name} is {value}, must be 0 to 1')


@runtime_checkable
class ModelJudge(Protocol):
    """A model that reads texts with a scene and gives one opinion each, in the same order."""

    name: str

    def judge(self, texts: Sequence[str], scene: SceneFacts) -> list[ModelOpinion]:
        """Return one opinion per text; may raise, the guard then rejects."""
        ...
