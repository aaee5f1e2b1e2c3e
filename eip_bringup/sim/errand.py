"""A plan as the executor takes it, and how it gets on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from eip_llm_interface.guard.verdict import Decision

__all__ = ['Errand', 'ErrandState', 'ErrandStep', 'Progress', 'why_refused']


class ErrandState(IntEnum):
    """How a plan gets on; numbers as in eip/msg/PlanStatus."""

    IDLE = 0
    RUNNING = 1
    HELD = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5


@dataclass(frozen=True)
class ErrandStep:
    """One skill call with the guard's decision on it; the default decision rejects."""

    skill: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    decision: int = Decision.REJECT


@dataclass(frozen=True)
class Errand:
    """A plan with everything that says whether it may be carried out."""

    plan_id: str
    request_id: str = ''
    steps: tuple[ErrandStep, ...] = ()
    decision: int = Decision.REJECT
    approved: bool = False
    confirmed_by: str = ''


@dataclass(frozen=True)
class Progress:
    """One moment of a plan; fields as in eip/msg/PlanStatus."""

    state: ErrandState = ErrandState.IDLE
    plan_id: str = ''
    request_id: str = ''
    step_index: int = 0
    step_count: int = 0
    skill: str = ''
    message: str = ''


def why_refused(errand: Errand) -> str:
    """Return why a plan must not be carried out, one sentence; '' when it may."""
    if not errand.approved:
        return 'the plan is not approved'
    if not errand.plan_id:
        return 'the plan has no plan_id'
    if not errand.steps:
        return 'the plan has no steps'
    if not _is_granted(errand.decision, errand.confirmed_by):
        return f'the verdict on the plan is {_word(errand.decision)}'
    for index, step in enumerate(errand.steps):
        if not _is_granted(step.decision, errand.confirmed_by):
            return f'the verdict on step {index} ({step.skill}) is {_word(step.decision)}'
    return ''


def _is_granted(decision: int, confirmed_by: str) -> bool:
    if decision == Decision.CONFIRM:
        return bool(confirmed_by.strip())
    return decision == Decision.ALLOW


def _word(decision: int) -> str:
    if decision == Decision.CONFIRM:
        return 'confirm, and nobody confirmed it'
    return Decision(decision).word if decision in list(Decision) else f'unknown ({decision})'
