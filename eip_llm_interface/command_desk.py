"""What happens to a command between the node's door and its publishers, without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from eip_llm_interface.engine.wording import fault
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import NotServedError, Outcome, Request, refused
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.progress import Progress
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


class CommandDesk:
    """Asks the language model and sends out what was decided.

    `llm` is None while the node does not serve. `hold` shelves what waits for a person's yes and
    returns False when there is no room; without it, such a command is rejected. `failures` counts
    how often in a row the model failed. Of a batch, `part_size` commands are answered between two
    looks at whether anybody still waits.
    No method raises for what a command holds or a model does: a failure becomes a rejected
    Outcome. Call it from one worker; `refuse` and `deliver` are safe from any thread.
    """

    def __init__(
        self,
        outbox: Outbox,
        scenes: SceneBoard,
        max_wait_s: float = 120.0,
        why_closed: Callable[[], str] = lambda: 'no language model is loaded',
        part_size: int = 8,
    ) -> None:
        self.llm: Any = None
        self.scenes = scenes
        self.max_wait_s = max_wait_s
        self.part_size = part_size
        self.hold: Callable[[Outcome], bool] | None = None
        self.failures = 0
        self.last_failure = ''
        self._outbox = outbox
        self._why_closed = why_closed

    def refuse(self, request: Request, rule: str, reason: str) -> Outcome:
        """Reject `request` unjudged; safe from any thread."""
        return self.deliver(refused(request, rule, reason))

    def check(self, request: Request) -> Outcome:
        """Judge the command, plan nothing."""

        def judge(scene: SceneFacts) -> Outcome:
            verdict = self._require_llm().check(request.text, scene)
            why = fault(verdict)
            spent_s = verdict.latency_s
            return Outcome(request, verdict, success=not why, error=why, guard_time_s=spent_s)

        return self._run(request, judge)

    def generate(self, request: Request) -> Outcome:
        """Judge the command, plan it, judge the plan; publish it when approved and asked to."""
        return self.stream(request, lambda stage, text, tokens: None, lambda: False)

    def generate_batch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer several commands, a part at a time; none is carried out."""
        started_s = time.monotonic()
        parts = range(0, len(requests), self.part_size)
        return [
            outcome
            for start in parts
            for outcome in self._answer_part(requests[start : start + self.part_size], started_s)
        ]

    def stream(
        self,
        request: Request,
        on_progress: Callable[[str, str, int], None],
        cancelled: Callable[[], bool],
    ) -> Outcome:
        """Answer as `generate` does, telling `on_progress` stage, new text and tokens so far.

        Once `cancelled` returns True the outcome is a failed one that rejects.
        """

        def unwanted() -> bool:
            return cancelled() or request.withdrawn.is_set() or self.llm is None

        def made(scene: SceneFacts) -> Outcome:
            _stop_if(cancelled())
            progress = Progress(on_progress)
            response = self._require_llm().stream(
                request.text, scene, progress.text, unwanted, progress.enter
            )
            _stop_if(cancelled())
            return self._settled(Outcome.of(request, response), scene)

        return self._run(request, made, cancelled)

    def _run(
        self,
        request: Request,
        action: Callable[[SceneFacts], Outcome],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        started_s = time.monotonic()
        try:
            self._require_wanted(request, started_s)
            outcome = action(self._scene(request))
            # The node may have been deactivated, or the caller have left, while the model thought.
            self._require_llm()
            self._require_wanted(request, started_s)
            _stop_if(cancelled())
            self._count(outcome)
            outcome = self._shelved(outcome)
        except NotServedError as error:
            outcome = refused(request, error.rule, str(error))
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcome = self._failed(request, error)
        return self.deliver(outcome.timed(started_s))

    def _answer_part(self, requests: Sequence[Request], started_s: float) -> list[Outcome]:
        scenes = [self._scene(request) for request in requests]
        try:
            for request in requests:
                self._require_wanted(request, started_s)
            responses = self._require_llm().generate_batch_responses(
                [request.text for request in requests], scenes
            )
            self._require_llm()
            outcomes = [
                self._settled(Outcome.of(request, response), scene)
                for request, response, scene in zip(requests, responses, scenes, strict=True)
            ]
            for outcome in outcomes:
                self._count(outcome)
        except NotServedError as error:
            outcomes = [refused(request, error.rule, str(error)) for request in requests]
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcomes = [self._failed(request, error) for request in requests]
        timed = [outcome.timed(started_s) for outcome in outcomes]
        # Who left was told no already; a second verdict could say the opposite.
        return [o if o.request.withdrawn.is_set() else self.deliver(o) for o in timed]

    def _count(self, outcome: Outcome) -> None:
        """Count how often in a row judging failed, which the guard turns into a rejection."""
        why = fault(outcome.verdict)
        self.failures = self.failures + 1 if why else 0
        self.last_failure = why or self.last_failure

    def _failed(self, request: Request, error: Exception) -> Outcome:
        self.failures += 1
        self.last_failure = one_line(error)
        return refused(request, 'system.model_failed', self.last_failure)

    def _require_llm(self) -> Any:
        llm = self.llm
        if llm is None:
            raise NotServedError('system.not_ready', self._why_closed())
        return llm

    def _require_wanted(self, request: Request, started_s: float) -> None:
        if request.withdrawn.is_set():
            raise NotServedError('system.withdrawn', 'nobody waits for the answer any more')
        waited_s = started_s - request.received_s
        if waited_s > self.max_wait_s:
            raise NotServedError(
                'system.timeout', f'the command waited {waited_s:.0f} s, give it again'
            )

    def _scene(self, request: Request) -> SceneFacts:
        return self.scenes.current() if request.context is None else request.context

    def _settled(self, outcome: Outcome, scene: SceneFacts) -> Outcome:
        """Decide what follows from the verdict; judge again when the scene moved on meanwhile."""
        # Without any source of scenes, what the caller said is all that can be known.
        newest = scene if self.scenes.age_s() is None else self.scenes.current()
        if outcome.request.execute and outcome.plan.steps and is_changed(scene, newest):
            outcome = outcome.renewed(self.judge_again(outcome, newest))
        if outcome.verdict.decision is Decision.ALLOW:
            return replace(outcome, approved=outcome.success and _all_allowed(outcome.plan))
        if outcome.verdict.decision is Decision.REJECT:
            return replace(outcome, plan=Plan())
        return outcome

    def _shelved(self, outcome: Outcome) -> Outcome:
        """Keep what may be done once a person says yes; last of all, for then it can be said."""
        request = outcome.request
        asks = outcome.verdict.decision is Decision.CONFIRM
        if not (asks and request.execute and outcome.success and outcome.plan.steps):
            return outcome
        if self.hold is None or not self.hold(outcome):
            reason = 'busy: too many commands wait for confirmation already'
            return refused(request, 'system.busy', reason)
        return replace(outcome, waits=True)

    def judge_again(self, outcome: Outcome, scene: SceneFacts) -> Verdict:
        """Return the outcome's verdict tightened by a second look at its plan in `scene`.

        Raises NotServedError when there is no model to look, or none any more when it is done.
        """
        llm = self._require_llm()
        # Only the whole model knows which findings the plan's measures answer.
        judge = llm if outcome.plan.mitigations else llm.guard
        plan = judge.judge_plan(outcome.request.text, outcome.plan, scene)
        self._require_llm()
        return outcome.verdict.tightened(plan.verdict)

    def deliver(self, outcome: Outcome, is_first: bool = True) -> Outcome:
        """Send out verdict, record (of a first answer only) and, when approved, plan."""
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


def _stop_if(is_cancelled: bool) -> None:
    if is_cancelled:
        raise NotServedError('system.cancelled', 'the request was cancelled')


def _all_allowed(plan: Plan) -> bool:
    decisions = [step.verdict.decision for step in plan.steps]
    return bool(decisions) and all(decision is Decision.ALLOW for decision in decisions)
