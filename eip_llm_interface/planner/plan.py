"""A plan: calls of the robot's own skills, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eip_llm_interface.guard.verdict import Verdict

__all__ = ['Plan', 'PlanStep']


@dataclass(frozen=True)
class PlanStep:
    """One skill call, e.g. skill 'go_to' with parameters {'place': 'sink'}."""

    skill: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    text: str = ''
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True)
class Plan:
    """Steps with the verdict on the whole; an empty plan is never approved."""

    steps: tuple[PlanStep, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    mitigations: tuple[str, ...] = ()
