"""What happens to a command between the node's door and its publishers, without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from eip_llm_interface.confirmations import ConfirmationError, ConfirmationStore
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import Outcome, Request, refused, rejection
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.scene_board import SceneBoard, is_changed

__all__ = ['CommandDesk', 'Outbox', 'one_line']


class Outbox(Protocol):
    """Where outcomes leave the desk; called in the order verdict, record, plan."""

    def send_verdict(self, outcome: Outcome) -> None:
        """Publish the verdict, before anything acts on it."""
        ...

    def send_record(self, outcome: Outcome) -> None:
        """Publish the request's record."""
        ...

    def send_plan(self, outcome: Outcome) -> None:
        """Publish an approved plan."""
        ...


class _NotServedError(Exception):
    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


class _Progress:
    """Joins stage, text and a count of tokens: at least one for each piece of text."""

    def __init__(self, tell: Callable[[str, str, int], None]) -> None:
        self._tell = tell
        self._stage = 'judging'
        self._tokens = 0

    def enter(self, stage: str) -> None:
        self._stage = stage
        self._tell(stage, '', self._tokens)

    def text(self, text: str) -> None:
        self._tokens += 1
        self._tell(self._stage, text, self._tokens)


@dataclass(frozen=True)
class _Held:
    outcome: Outcome
    scene: SceneFacts


class CommandDesk:
    """Asks the language model, keeps what waits for a person, and sends out what was decided.

    Every method returns an Outcome and none raises for what a command holds or a model does: a
    failure becomes a rejected Outcome. Not thread-safe but for `refuse`; call it from one worker.
    """

    def __init__(
        self,
        outbox: Outbox,
        scenes: SceneBoard,
        waiting: ConfirmationStore[Any],
        max_wait_s: float = 120.0,
        why_closed: Callable[[], str] = lambda: 'no language model is loaded',
    ) -> None:
        self.llm: Any = None
        self.scenes = scenes
        self.waiting: ConfirmationStore[_Held] = waiting
        self.max_wait_s = max_wait_s
        self._outbox = outbox
        self._why_closed = why_closed

    def refuse(self, request: Request, rule: str, reason: str) -> Outcome:
        """Reject `request` unjudged; safe from any thread."""
        return self._deliver(refused(request, rule, reason))

    def check(self, request: Request) -> Outcome:
        """Judge the command, plan nothing."""

        def judge(scene: SceneFacts) -> Outcome:
            verdict = self.llm.check(request.text, scene)
            return Outcome(request, verdict, success=True, guard_time_s=verdict.latency_s)

        return self._run(request, judge)

    def generate(self, request: Request) -> Outcome:
        """Judge the command, plan it, judge the plan; publish it when approved and asked to."""

        def answer(scene: SceneFacts) -> Outcome:
            response = self.llm.generate_safe_response(request.text, scene)
            return self._settled(_outcome(request, response), scene)

        return self._run(request, answer)

    def generate_batch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer several commands at once; none is carried out."""
        started_s = time.monotonic()
        scenes = [self._scene(request) for request in requests]
        try:
            self._require_llm()
            responses = self.llm.generate_batch_responses([r.text for r in requests], scenes)
            outcomes = [
                self._settled(_outcome(r, a), s)
                for r, a, s in zip(requests, responses, scenes, strict=True)
            ]
        except _NotServedError as error:
            outcomes = [refused(r, error.rule, str(error)) for r in requests]
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcomes = [refused(r, 'system.model_failed', one_line(error)) for r in requests]
        return [self._deliver(outcome.timed(started_s)) for outcome in outcomes]

    def stream(
        self,
        request: Request,
        on_progress: Callable[[str, str, int], None],
        cancelled: Callable[[], bool],
    ) -> Outcome:
        """Answer as `generate` does, telling `on_progress` stage, new text and tokens so far.

        Once `cancelled` returns True the outcome is a failed one that rejects.
        """

        def answer(scene: SceneFacts) -> Outcome:
            if cancelled():
                raise _NotServedError('system.cancelled', 'the request was cancelled')
            progress = _Progress(on_progress)
            response = self.llm.stream(
                request.text, scene, progress.text, cancelled, progress.enter
            )
            if cancelled():
                raise _NotServedError('system.cancelled', 'the request was cancelled')
            return self._settled(_outcome(request, response), scene)

        return self._run(request, answer)

    def confirm(
        self, request_id: str, operator_name: str, approve: bool, reason: str
    ) -> tuple[bool, str]:
        """Take a person's answer to a "confirm" verdict; return (taken, what happened).

        The plan is judged again in the newest scene: what is dangerous by now is dropped, and
        what has a new reason for concern waits for a new answer.
        """
        try:
            held = self.waiting.take(request_id, operator_name, reason)
        except ConfirmationError as error:
            return False, str(error)
        operator = operator_name.strip()
        if not approve:
            why = f'declined by {operator}: {reason}'
            self._reject_held(held, 'operator.declined', why)
            return True, f'command "{held.outcome.request.text[:80]}" was dropped'
        try:
            self._require_llm()
            scene = self.scenes.current()
            verdict = self._judged_again(held.outcome, scene)
        except Exception as error:
            self._reject_held(held, 'system.model_failed', one_line(error))
            return False, f'not carried out: {one_line(error)}'
        return self._confirmed(held, verdict, scene, operator, reason)

    def expire(self) -> None:
        """Reject what waited too long for a person."""
        for waiting in self.waiting.expire():
            why = f'nobody confirmed within {self.waiting.timeout_s:.0f} s'
            self._reject_held(waiting.item, 'operator.no_answer', why)

    def drop_waiting(self, why: str) -> None:
        """Reject everything that waits for a person."""
        for waiting in self.waiting.clear():
            self._reject_held(waiting.item, 'system.dropped', why)

    def _run(self, request: Request, action: Callable[[SceneFacts], Outcome]) -> Outcome:
        started_s = time.monotonic()
        try:
            self._require_llm()
            self._require_fresh(request, started_s)
            outcome = action(self._scene(request))
            self._require_fresh(request, started_s)
        except _NotServedError as error:
            outcome = refused(request, error.rule, str(error))
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcome = refused(request, 'system.model_failed', one_line(error))
        return self._deliver(outcome.timed(started_s))

    def _require_llm(self) -> None:
        if self.llm is None:
            raise _NotServedError('system.not_ready', self._why_closed())

    def _require_fresh(self, request: Request, started_s: float) -> None:
        if request.withdrawn.is_set():
            raise _NotServedError('system.withdrawn', 'nobody waits for the answer any more')
        waited_s = started_s - request.received_s
        if waited_s > self.max_wait_s:
            raise _NotServedError(
                'system.timeout', f'the command waited {waited_s:.0f} s, give it again'
            )

    def _scene(self, request: Request) -> SceneFacts:
        return self.scenes.current() if request.context is None else request.context

    def _settled(self, outcome: Outcome, scene: SceneFacts) -> Outcome:
        """Decide what follows from the verdict; judge again when the scene moved on meanwhile."""
        # Without any source of scenes, what the caller said is all that can be known.
        newest = scene if self.scenes.age_s() is None else self.scenes.current()
        if outcome.request.execute and outcome.plan.steps and is_changed(scene, newest):
            outcome = replace(outcome, verdict=self._judged_again(outcome, newest))
        decision = outcome.verdict.decision
        if decision is Decision.ALLOW:
            return replace(outcome, approved=outcome.success and _all_allowed(outcome.plan))
        if decision is Decision.REJECT:
            return replace(outcome, plan=Plan())
        if not (outcome.request.execute and outcome.success and outcome.plan.steps):
            return outcome
        waiting = replace(outcome, waits=True)
        if self.waiting.put(outcome.request.request_id, _Held(waiting, newest)):
            return waiting
        reason = f'busy: {self.waiting.capacity} commands wait for confirmation already'
        return refused(outcome.request, 'system.busy', reason)

    def _judged_again(self, outcome: Outcome, scene: SceneFacts) -> Verdict:
        plan = self.llm.guard.judge_plan(outcome.request.text, outcome.plan, scene)
        return outcome.verdict.tightened(plan.verdict)

    def _confirmed(
        self, held: _Held, verdict: Verdict, scene: SceneFacts, operator: str, reason: str
    ) -> tuple[bool, str]:
        request, before = held.outcome.request, held.outcome.verdict
        if verdict.decision is Decision.REJECT:
            self._deliver(
                replace(held.outcome, verdict=verdict, plan=Plan(), waits=False), is_first=False
            )
            return False, f'rejected, the scene has changed: {verdict.reason}'
        known = {violation.rule for violation in before.violations}
        new = [v.explanation for v in verdict.violations if v.rule not in known]
        if new:
            again = replace(held.outcome, verdict=replace(verdict, decision=Decision.CONFIRM))
            self.waiting.put(request.request_id, _Held(again, scene))
            self._deliver(again, is_first=False)
            return False, f'the scene has changed: {new[0]}; confirm again if it may still be done'
        allowed = replace(
            verdict, decision=Decision.ALLOW, reason=f'confirmed by {operator}: {reason}'
        )
        self._deliver(
            replace(
                held.outcome,
                verdict=allowed,
                plan=replace(held.outcome.plan, verdict=allowed),
                approved=True,
                waits=False,
                confirmed_by=operator,
            ),
            is_first=False,
        )
        return True, f'"{request.text[:80]}" is carried out'

    def _reject_held(self, held: _Held, rule: str, reason: str) -> None:
        verdict = held.outcome.verdict.tightened(rejection(rule, reason))
        verdict = replace(verdict, reason=reason)
        self._deliver(
            replace(held.outcome, verdict=verdict, plan=Plan(), waits=False), is_first=False
        )

    def _deliver(self, outcome: Outcome, is_first: bool = True) -> Outcome:
        self._outbox.send_verdict(outcome)
        if is_first:
            self._outbox.send_record(outcome)
        if outcome.approved and outcome.request.execute:
            self._outbox.send_plan(outcome)
        return outcome


def one_line(error: BaseException, limit: int = 300) -> str:
    """Return the first line of an error's text, or its type when it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:limit] if lines else type(error).__name__


def _all_allowed(plan: Plan) -> bool:
    decisions = [step.verdict.decision for step in plan.steps]
    return bool(decisions) and all(decision is Decision.ALLOW for decision in decisions)


def _outcome(request: Request, response: Any) -> Outcome:
    return Outcome(
        request=request,
        verdict=response.verdict,
        plan=response.plan,
        success=response.success,
        error=response.error,
        response=response.response,
        prompt_tokens=response.prompt_tokens,
        generated_tokens=response.generated_tokens,
        time_to_first_token_s=response.time_to_first_token_s,
        guard_time_s=response.guard_time_s,
        cached=response.cached,
        batch_size=response.batch_size,
    )
