"""Answers a skill server's question, with a line in the audit log before every answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.events import Severity
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.step_permits import PlanHeard, StepAsked, StepPermitPolicy, StepPermits

__all__ = ['Authorizer', 'StepAnswer']

LOG_GAP_S = 0.1
SAME_LINE_S = 10.0


@dataclass(frozen=True)
class StepAnswer:
    """What a skill server hears; fields as in eip/srv/AuthorizeStep."""

    granted: bool
    permit_id: str = ''
    lifetime_s: float = 0.0
    refusal: str = ''


class Authorizer:
    """Grants steps while motion is permitted and only then; a stop ends every permit."""

    def __init__(
        self,
        policy: StepPermitPolicy,
        clock: Clock,
        journal: Journal,
        make_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._permits = StepPermits(policy, clock)
        self._clock = clock
        self._journal = journal
        self._make_id = make_id
        self._logged = ''
        self._logged_ns: int | None = None
        self._unlogged = 0

    def hear_plan(self, plan: PlanHeard, mode: Mode) -> None:
        """Take a plan as published; one that cannot be used is logged."""
        problem = self._permits.hear_plan(plan)
        if problem:
            self._log_refusal('plan.unusable', problem, mode)

    def authorize(self, asked: StepAsked, mode: Mode, cause: str) -> StepAnswer:
        """Return whether a step may be done now; `cause` says why motion is not permitted."""
        refusal = '' if mode is Mode.ARMED else f'motion is not permitted: {cause}'
        refusal = refusal or self._permits.refusal(asked)
        if refusal:
            self._log_refusal('authorize.refused', refusal, mode)
            return StepAnswer(False, refusal=refusal)
        permit = self._permits.fresh(asked)
        if permit is None:
            permit_id = self._make_id()
            if not self._log_grant(asked, permit_id, mode):
                return StepAnswer(False, refusal=self._journal.problem)
            permit = self._permits.grant(asked, permit_id)
        return StepAnswer(True, permit.permit_id, self._permits.left_s(permit))

    def revoke_all(self, mode: Mode) -> None:
        """End every permit, as any stop does."""
        held = self._permits.revoke_all()
        if held:
            message = f'{held} step permits are revoked' if held > 1 else 'a step permit is revoked'
            self._journal.record(Severity.INFO, 'permit', 'permit.revoked', message, mode, mode)

    def _log_grant(self, asked: StepAsked, permit_id: str, mode: Mode) -> bool:
        return self._journal.record(
            Severity.INFO,
            'permit',
            'permit.granted',
            f'{asked.name} may begin: {asked.step.skill}',
            mode,
            mode,
            plan_id=asked.plan_id,
            step_index=asked.index,
            parameters=dict(asked.step.parameters),
            permit_id=permit_id,
        )

    def _log_refusal(self, cause: str, why: str, mode: Mode) -> None:
        # Who asks a thousand times a second must not fill the disk; how often is in the next line.
        now_ns = self._clock.now_ns()
        if self._logged_ns is not None:
            gap_s = seconds(now_ns - self._logged_ns)
            if gap_s < LOG_GAP_S or (why == self._logged and gap_s < SAME_LINE_S):
                self._unlogged += 1
                return
        self._logged, self._logged_ns = why, now_ns
        skipped, self._unlogged = self._unlogged, 0
        self._journal.record(
            Severity.WARNING, 'refused', cause, why, mode, mode, refusals_before=skipped
        )
