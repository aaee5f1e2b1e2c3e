"""Permits for more than velocity: may this step of this plan, with these parameters, begin now?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.limited import limited

__all__ = ['PlanHeard', 'PlanStepHeard', 'StepAsked', 'StepPermit', 'StepPermitPolicy']
__all__ += ['StepPermits', 'fingerprint']

MOST_PLANS = 32
MOST_STEPS = 256

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StepPermitPolicy:
    """How long approvals last."""

    step_lifetime_s: float = limited(30.0, 'how long the permit for a step holds', 's', 0.2, 600.0)
    plan_lifetime_s: float = limited(900.0, 'how long an approval holds', 's', 1.0, 86400.0)


@dataclass(frozen=True)
class PlanStepHeard:
    """One step of a plan as published: skill, and parameters as (name, value) in any order."""

    skill: str
    parameters: Parameters = ()


@dataclass(frozen=True)
class PlanHeard:
    """A plan as published on `plan`."""

    plan_id: str
    approved: bool
    steps: tuple[PlanStepHeard, ...]


@dataclass(frozen=True)
class StepAsked:
    """What a skill server wants to do; with `permit_id` it asks whether that permit still holds."""

    plan_id: str
    index: int
    step: PlanStepHeard
    permit_id: str = ''

    @property
    def name(self) -> str:
        """Return the step's name for a person."""
        return f'step {self.index} of plan {self.plan_id[:64]!r}'


@dataclass(frozen=True)
class StepPermit:
    """Leave to do one step, bound to plan, position, skill and parameters by `fingerprint`."""

    permit_id: str
    fingerprint: str
    index: int
    expires_ns: int


@dataclass
class _Plan:
    """An approved plan and how far it was permitted."""

    steps: tuple[PlanStepHeard, ...]
    heard_ns: int
    is_withdrawn: bool = False
    index: int = -1
    permit: StepPermit | None = None


def fingerprint(plan_id: str, index: int, step: PlanStepHeard) -> str:
    """Return the SHA-256 of a step in its place, hex; the order of parameters does not matter."""
    text = json.dumps([plan_id, index, step.skill, sorted(step.parameters)])
    return hashlib.sha256(text.encode()).hexdigest()


class StepPermits:
    """Knows the approved plans and who may do which step until when.

    Steps are permitted in order, one at a time: the one permitted last again, or the next one,
    which ends the permit of the one before. Plans are remembered past their end, so that one
    heard again does not begin anew.
    """

    def __init__(self, policy: StepPermitPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._plans: dict[str, _Plan] = {}

    def hear_plan(self, plan: PlanHeard) -> str:
        """Take a plan; return why it was refused, or one known before withdrawn; empty if neither.

        A plan that is not approved is none. The same plan heard twice changes nothing.
        """
        known = self._plans.get(plan.plan_id)
        if known is not None:
            if known.is_withdrawn or (plan.approved and _sorted(plan.steps) == known.steps):
                return ''
            known.is_withdrawn, known.permit = True, None
            return f'plan {plan.plan_id[:64]!r} came again with other content and is withdrawn'
        if not plan.approved:
            return ''
        problem = _malformed(plan)
        if problem:
            return f'plan {plan.plan_id[:64]!r} is refused: {problem}'
        while len(self._plans) >= MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        self._plans[plan.plan_id] = _Plan(_sorted(plan.steps), self._clock.now_ns())
        return ''

    def refusal(self, asked: StepAsked) -> str:
        """Return why a step may not be done, one sentence; empty when it may."""
        plan = self._plans.get(asked.plan_id)
        if plan is None:
            return f'plan {asked.plan_id[:64]!r} is not known as approved'
        if plan.is_withdrawn:
            return f'plan {asked.plan_id[:64]!r} was changed after its approval'
        age_s = seconds(self._clock.now_ns() - plan.heard_ns)
        if age_s >= self._policy.plan_lifetime_s:
            return f'the approval of plan {asked.plan_id[:64]!r} expired, it is {age_s:.0f} s old'
        if not 0 <= asked.index < len(plan.steps):
            return f'{asked.name} does not exist, the plan has {len(plan.steps)} steps'
        return _difference(plan.steps[asked.index], asked) or (
            self._invalid(plan, asked) if asked.permit_id else _out_of_turn(plan, asked)
        )

    def fresh(self, asked: StepAsked) -> StepPermit | None:
        """Return the permit that already holds for what is asked, or None for a new one.

        Call after `refusal` returned nothing. One with more than half of its life left need not be
        replaced, so that a question asked twice is answered twice alike.
        """
        permit = self._plans[asked.plan_id].permit
        if asked.permit_id:
            return permit
        if permit is None or permit.index != asked.index:
            return None
        return permit if self.left_s(permit) > self._policy.step_lifetime_s / 2.0 else None

    def grant(self, asked: StepAsked, permit_id: str) -> StepPermit:
        """Permit what was asked; raises ValueError when it is to be refused."""
        refusal = self.refusal(asked)
        if refusal:
            raise ValueError(refusal)
        plan = self._plans[asked.plan_id]
        lifetime_ns = int(self._policy.step_lifetime_s * 1e9)
        plan.index = asked.index
        plan.permit = StepPermit(
            permit_id,
            fingerprint(asked.plan_id, asked.index, asked.step),
            asked.index,
            self._clock.now_ns() + lifetime_ns,
        )
        return plan.permit

    def left_s(self, permit: StepPermit) -> float:
        """Return how long a permit still holds, s; not above 0 when it expired."""
        return seconds(permit.expires_ns - self._clock.now_ns())

    def revoke_all(self) -> int:
        """End every permit; return how many held. The plans stay approved."""
        held = 0
        for plan in self._plans.values():
            held += plan.permit is not None and self.left_s(plan.permit) > 0.0
            plan.permit = None
        return held

    def _invalid(self, plan: _Plan, asked: StepAsked) -> str:
        permit, shown = plan.permit, f'permit {asked.permit_id[:64]!r}'
        if permit is None or permit.permit_id != asked.permit_id:
            return f'{shown} is not known, or was revoked or replaced; ask for a new one'
        if permit.fingerprint != fingerprint(asked.plan_id, asked.index, asked.step):
            return f'{shown} is for step {permit.index}, not for {asked.name}'
        left_s = self.left_s(permit)
        if left_s > 0.0:
            return ''
        return f'{shown} expired {abs(left_s):.1f} s ago; ask for a new one'


def _out_of_turn(plan: _Plan, asked: StepAsked) -> str:
    if asked.index in (plan.index, plan.index + 1):
        return ''
    following = min(plan.index + 1, len(plan.steps) - 1)
    return f'{asked.name} is out of turn, step {following} is next'


def _difference(approved: PlanStepHeard, asked: StepAsked) -> str:
    if asked.step.skill != approved.skill:
        return f'{asked.name} is {approved.skill!r}, not {asked.step.skill[:64]!r}'
    if tuple(sorted(asked.step.parameters)) == approved.parameters:
        return ''
    unlike = {name for name, _ in set(asked.step.parameters) ^ set(approved.parameters)}
    names = ', '.join(sorted(unlike)) or 'one is given twice'
    return f'the parameters of {asked.name} differ from the approved ones: {names[:200]}'


def _malformed(plan: PlanHeard) -> str:
    if not plan.plan_id:
        return 'it has no plan_id'
    if not 0 < len(plan.steps) <= MOST_STEPS:
        return f'it has {len(plan.steps)} steps, 1 to {MOST_STEPS} are allowed'
    for index, step in enumerate(plan.steps):
        names = [name for name, _ in step.parameters]
        if len(names) != len(set(names)):
            return f'step {index} names a parameter twice'
    return ''


def _sorted(steps: tuple[PlanStepHeard, ...]) -> tuple[PlanStepHeard, ...]:
    return tuple(PlanStepHeard(step.skill, tuple(sorted(step.parameters))) for step in steps)
