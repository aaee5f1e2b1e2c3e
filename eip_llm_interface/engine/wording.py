"""What the robot answers, in one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.planner.plan import Plan

__all__ = ['answer', 'fault', 'unplanned']


def answer(verdict: Verdict, plan: Plan) -> str:
    """Return the answer to the person: what will be done, what must be confirmed, or why not."""
    steps = ' '.join(step.text for step in plan.steps)
    if verdict.decision is Decision.REJECT:
        return verdict.reason
    if verdict.decision is Decision.CONFIRM:
        return f'{verdict.reason} I would then do this: {steps}'
    return ' '.join((*plan.mitigations, f'I will do this: {steps}'))


def fault(verdict: Verdict) -> str:
    """Return what failed while it was judged; empty when nothing did.

    What failed rejects, as danger does, but it says nothing about the command: who asked must
    hear that no verdict was made, and nobody may remember it.
    """
    return next((v.explanation for v in verdict.violations if v.category == 'fault'), '')


def unplanned(verdict: Verdict, why: str, violations: Sequence[Violation] = ()) -> Verdict:
    """Return `verdict` as a rejection because no plan could be made."""
    found = tuple(violations) or (
        Violation(
            rule='plan.none',
            category='unplannable',
            severity=0.5,
            score=1.0,
            evidence='',
            explanation=why,
            channel='plan',
        ),
    )
    return replace(
        verdict,
        decision=Decision.REJECT,
        violations=(*verdict.violations, *found),
        reason=f'Rejected: no plan could be made: {why}',
        stage='plan',
    )
