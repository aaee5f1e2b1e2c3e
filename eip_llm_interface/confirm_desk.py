"""A person's yes or no to commands that must not go ahead without one."""

from __future__ import annotations

from dataclasses import replace

from eip_llm_interface.command_desk import CommandDesk, one_line
from eip_llm_interface.confirmations import ConfirmationStore
from eip_llm_interface.engine.wording import fault
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import NotServedError, Outcome, rejection
from eip_llm_interface.planner.plan import Plan

__all__ = ['ConfirmDesk']


class ConfirmDesk:
    """Shelves what a CommandDesk may not decide alone; carries it out once a person says yes.

    What is taken off the `store` goes to `approve` or `decline`, or back by `put_back`; `give_up`
    ends an `approve` that takes too long. Call `approve` from the desk's worker; all else is safe
    from any thread.
    """

    def __init__(self, desk: CommandDesk, store: ConfirmationStore[Outcome]) -> None:
        self.store = store
        self._desk = desk
        desk.hold = self._hold

    def approve(self, held: Outcome, operator_name: str, reason: str) -> tuple[bool, str]:
        """Take a person's yes to a "confirm" verdict; return (taken, what happened).

        The plan is judged again in the newest scene: what is dangerous by now is dropped, and
        what has a new reason for concern waits for a new answer. After `give_up` nothing is done.
        """
        try:
            verdict = self._desk.judge_again(held, self._desk.scenes.current())
        except Exception as error:  # a model may fail in any way; the answer is to reject
            rule = error.rule if isinstance(error, NotServedError) else 'system.model_failed'
            self._reject(held, rule, one_line(error))
            return False, f'not carried out: {one_line(error)}'
        if held.request.withdrawn.is_set():
            return False, 'not carried out: nobody waits for the answer any more'
        return self._approved(held, verdict, operator_name.strip(), reason)

    def decline(self, held: Outcome, operator_name: str, reason: str) -> tuple[bool, str]:
        """Take a person's no; return (taken, what happened)."""
        self._reject(held, 'operator.declined', f'declined by {operator_name.strip()}: {reason}')
        return True, f'"{held.request.text[:80]}" was dropped'

    def put_back(self, held: Outcome, why: str) -> str:
        """Let `held` wait for another answer, as nobody can look at it now; return what happened.

        It is rejected when there is no room any more or no model is loaded.
        """
        if self._desk.llm is not None and self._hold(held):
            return why
        self._reject(held, 'system.busy', why)
        return f'not carried out: {why}; give the command again'

    def give_up(self, held: Outcome, why: str) -> str:
        """Reject what nobody waits for any longer; a yes counts no more. Return what happened."""
        held.request.withdrawn.set()
        self._reject(held, 'system.timeout', why)
        return f'not carried out: {why}; give the command again'

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
            if why := fault(verdict):
                return False, f'not carried out: {why}'
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
