"""A person's yes or no to commands that must not go ahead without one."""

from __future__ import annotations

from dataclasses import replace

from eip_llm_interface.command_desk import CommandDesk, one_line
from eip_llm_interface.confirmations import ConfirmationError, ConfirmationStore
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import Outcome, rejection
from eip_llm_interface.planner.plan import Plan

__all__ = ['ConfirmDesk']


class ConfirmDesk:
    """Shelves what a CommandDesk may not decide alone; carries it out once a person says yes."""

    def __init__(self, desk: CommandDesk, store: ConfirmationStore[Outcome]) -> None:
        self.store = store
        self._desk = desk
        desk.hold = self._hold

    def answer(
        self, request_id: str, operator_name: str, approve: bool, reason: str
    ) -> tuple[bool, str]:
        """Take a person's answer to a "confirm" verdict; return (taken, what happened).

        The plan is judged again in the newest scene: what is dangerous by now is dropped, and
        what has a new reason for concern waits for a new answer.
        """
        try:
            held = self.store.take(request_id, operator_name, reason)
        except ConfirmationError as error:
            return False, str(error)
        operator = operator_name.strip()
        if not approve:
            self._reject(held, 'operator.declined', f'declined by {operator}: {reason}')
            return True, f'"{held.request.text[:80]}" was dropped'
        try:
            verdict = self._desk.judge_again(held, self._desk.scenes.current())
        except Exception as error:  # a model may fail in any way; the answer is to reject
            self._reject(held, 'system.model_failed', one_line(error))
            return False, f'not carried out: {one_line(error)}'
        return self._approved(held, verdict, operator, reason)

    def expire(self) -> None:
        """Reject what waited too long."""
        for waiting in self.store.expire():
            why = f'nobody confirmed within {self.store.timeout_s:.0f} s'
            self._reject(waiting.item, 'operator.no_answer', why)

    def drop_all(self, why: str) -> None:
        """Reject everything that waits."""
        for waiting in self.store.clear():
            self._reject(waiting.item, 'system.dropped', why)

    def _hold(self, outcome: Outcome) -> bool:
        return self.store.put(outcome.request.request_id, replace(outcome, waits=True))

    def _approved(
        self, held: Outcome, verdict: Verdict, operator: str, reason: str
    ) -> tuple[bool, str]:
        if verdict.decision is Decision.REJECT:
            self._follow_up(held, verdict, Plan())
            return False, f'rejected, the scene has changed: {verdict.reason}'
        known = {violation.rule for violation in held.verdict.violations}
        new = [found.explanation for found in verdict.violations if found.rule not in known]
        if new:
            again = replace(held, verdict=replace(verdict, decision=Decision.CONFIRM))
            if not self._hold(again):
                self._reject(again, 'system.busy', 'too many commands wait for confirmation')
                return False, f'dropped, the scene has changed: {new[0]}'
            self._desk.deliver(again, is_first=False)
            return False, f'the scene has changed: {new[0]}; confirm again if it may still be done'
        confirmed = replace(
            verdict, decision=Decision.ALLOW, reason=f'confirmed by {operator}: {reason}'
        )
        plan = replace(held.plan, verdict=confirmed)
        self._follow_up(held, confirmed, plan, approved=True, confirmed_by=operator)
        return True, f'"{held.request.text[:80]}" is carried out'

    def _reject(self, held: Outcome, rule: str, reason: str) -> None:
        verdict = held.verdict.tightened(rejection(rule, reason))
        self._follow_up(held, replace(verdict, reason=reason), Plan())

    def _follow_up(
        self,
        held: Outcome,
        verdict: Verdict,
        plan: Plan,
        approved: bool = False,
        confirmed_by: str = '',
    ) -> None:
        outcome = replace(
            held,
            verdict=verdict,
            plan=plan,
            waits=False,
            approved=approved,
            confirmed_by=confirmed_by,
        )
        self._desk.deliver(outcome, is_first=False)
