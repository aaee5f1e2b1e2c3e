"""Carries out one plan at a time, under the safety monitor's permit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eip_bringup.sim.errand import Errand, ErrandState, Progress, why_refused
from eip_bringup.sim.leave import Desk, StepLeave
from eip_bringup.sim.senses import STANDSTILL, Senses, Velocity
from eip_bringup.sim.skill import Robot, Skill, SkillError
from eip_bringup.sim.skill_table import make_skill

__all__ = ['PlanExecutor']

MAX_TICK_S = 0.2


class PlanExecutor:
    """A state machine: idle, running, held, then succeeded, failed or cancelled.

    Held means that the permit to move is missing, or the leave to do the step, which is asked of
    `desk` before each one; it goes on by itself when both are back. Only a leave refused again and
    again while motion is permitted fails the plan. A plan that may be carried out replaces the one
    before it; one that may not leaves it alone.
    `report` is called with every change. `now_s` is monotonic time, s.
    """

    def __init__(self, robot: Robot, desk: Desk, report: Callable[[Progress], None]) -> None:
        self._robot = robot
        self._leave = StepLeave(desk)
        self._report = report
        self._errand: Errand | None = None
        self._skills: list[Skill] = []
        self._index = 0
        self._spent_s = 0.0
        self._ticked_at: float | None = None
        self.progress = Progress()

    @property
    def is_busy(self) -> bool:
        """Tell whether a plan is under way, running or held."""
        return self.progress.state in (ErrandState.RUNNING, ErrandState.HELD)

    def submit(self, errand: Errand) -> bool:
        """Take a plan; return whether it is carried out. A refusal is reported as FAILED."""
        if self._errand is not None and errand.plan_id == self._errand.plan_id:
            return self.is_busy  # the same plan, heard twice
        try:
            skills = self._prepared(errand)
        except SkillError as error:
            self._refuse(errand, str(error))
            return False
        if self.is_busy:
            self._change(ErrandState.CANCELLED, f'replaced by plan {errand.plan_id}')
        self._errand, self._skills = errand, skills
        self._index, self._spent_s, self._ticked_at = 0, 0.0, None
        self._leave.forget()
        self._change(ErrandState.RUNNING, 'starts')
        return True

    def tick(self, senses: Senses, now_s: float) -> Velocity | None:
        """Go on; return the velocity to ask for, or None when there is nothing to do."""
        duration_s = 0.0 if self._ticked_at is None else min(now_s - self._ticked_at, MAX_TICK_S)
        self._ticked_at = now_s
        if not self.is_busy:
            return None
        skill = self._skills[self._index]
        if not senses.permit.is_permitted:
            self._leave.forget()
            return self._hold(skill, senses.permit.cause)
        if not self._may_go_on(now_s):
            return self._wait(skill, now_s)
        if self.progress.state is ErrandState.HELD:
            self._change(ErrandState.RUNNING, 'goes on')
        return self._go_on(skill, senses, duration_s)

    def _may_go_on(self, now_s: float) -> bool:
        assert self._errand is not None
        return self._leave.holds(self._errand, self._index, now_s)

    def _wait(self, skill: Skill, now_s: float) -> Velocity:
        why = self._leave.why_held(now_s)
        if self._leave.is_hopeless(now_s):
            self._change(ErrandState.FAILED, why)
            return STANDSTILL
        if why:
            return self._hold(skill, why)
        skill.pause()
        return STANDSTILL

    def _prepared(self, errand: Errand) -> list[Skill]:
        reason = why_refused(errand)
        if reason:
            raise SkillError(f'refused: {reason}')
        skills = []
        for index, step in enumerate(errand.steps):
            try:
                skills.append(make_skill(self._robot, step.skill, step.parameters))
            except SkillError as error:
                raise SkillError(f'refused: step {index}: {error}') from None
        return skills

    def _refuse(self, errand: Errand, message: str) -> None:
        refusal = Progress(
            ErrandState.FAILED,
            errand.plan_id,
            errand.request_id,
            step_count=len(errand.steps),
            message=message,
        )
        if not self.is_busy:
            self.progress = refusal
        self._report(refusal)

    def _hold(self, skill: Skill, cause: str) -> Velocity:
        if self.progress.state is not ErrandState.HELD:
            skill.pause()
            self._change(ErrandState.HELD, f'held: {cause}')
        # A cause often holds a number that changes all the time: no report for each.
        self.progress = replace(self.progress, message=f'held: {cause}')
        return STANDSTILL

    def _go_on(self, skill: Skill, senses: Senses, duration_s: float) -> Velocity:
        self._spent_s += duration_s
        try:
            if self._spent_s > skill.timeout_s:
                raise SkillError(f'took longer than {skill.timeout_s:.0f} s ({skill.message})')
            velocity = skill.tick(senses, duration_s)
        except SkillError as error:
            self._change(ErrandState.FAILED, str(error))
            return STANDSTILL
        if velocity is not None:
            self._change(ErrandState.RUNNING, skill.message)
            return velocity
        self._next(skill)
        return STANDSTILL

    def _next(self, skill: Skill) -> None:
        if self._index + 1 == len(self._skills):
            self._change(ErrandState.SUCCEEDED, skill.message)
            return
        self._change(ErrandState.RUNNING, skill.message)
        self._index, self._spent_s = self._index + 1, 0.0
        self._change(ErrandState.RUNNING, self._skills[self._index].message)

    def _change(self, state: ErrandState, message: str) -> None:
        assert self._errand is not None
        progress = Progress(
            state,
            self._errand.plan_id,
            self._errand.request_id,
            self._index,
            len(self._errand.steps),
            self._errand.steps[self._index].skill,
            message,
        )
        if progress != self.progress:
            self.progress = progress
            self._report(progress)
