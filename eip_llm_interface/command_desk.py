"""What happens to a command between the node's door and its publishers, without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import Outcome, Request, refused
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
        # A remembered plan comes without stages; text is always part of a plan.
        self._stage = 'planning'
        self._tell(self._stage, text, self._tokens)


class CommandDesk:
    """Asks the language model and sends out what was decided.

    `llm` is None while the node does not serve. `hold` shelves what waits for a person's yes and
    returns False when there is no room; without it, such a command is rejected. `failures` counts
    how often in a row the model failed.
    No method raises for what a command holds or a model does: a failure becomes a rejected
    Outcome. Call it from one worker; `refuse` and `deliver` are safe from any thread.
    """

    def __init__(
        self,
        outbox: Outbox,
        scenes: SceneBoard,
        max_wait_s: float = 120.0,
        why_closed: Callable[[], str] = lambda: 'no language model is loaded',
    ) -> None:
        self.llm: Any = None
        self.scenes = scenes
        self.max_wait_s = max_wait_s
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
            return Outcome(request, verdict, success=True, guard_time_s=verdict.latency_s)

        return self._run(request, judge)

    def generate(self, request: Request) -> Outcome:
        """Judge the command, plan it, judge the plan; publish it when approved and asked to."""
        return self.stream(request, lambda stage, text, tokens: None, lambda: False)

    def generate_batch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer several commands at once; none is carried out."""
        started_s = time.monotonic()
        scenes = [self._scene(request) for request in requests]
        try:
            responses = self._require_llm().generate_batch_responses(
                [r.text for r in requests], scenes
            )
            outcomes = [
                self._settled(_outcome(r, a), s)
                for r, a, s in zip(requests, responses, scenes, strict=True)
            ]
        except _NotServedError as error:
            outcomes = [refused(r, error.rule, str(error)) for r in requests]
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcomes = [self._failed(request, error) for request in requests]
        return [self.deliver(outcome.timed(started_s)) for outcome in outcomes]

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

        def answer(scene: SceneFacts) -> Outcome:
            _stop_if(cancelled())
            progress = _Progress(on_progress)
            response = self._require_llm().stream(
                request.text, scene, progress.text, unwanted, progress.enter
            )
            _stop_if(cancelled())
            return self._settled(_outcome(request, response), scene)

        return self._run(request, answer)

    def _run(self, request: Request, action: Callable[[SceneFacts], Outcome]) -> Outcome:
        started_s = time.monotonic()
        try:
            self._require_wanted(request, started_s)
            outcome = action(self._scene(request))
            # The node may have been deactivated, or the caller have left, while the model thought.
            self._require_llm()
            self._require_wanted(request, started_s)
            self.failures = 0
        except _NotServedError as error:
            outcome = refused(request, error.rule, str(error))
        except Exception as error:  # a model may fail in any way; the answer is to reject
            outcome = self._failed(request, error)
        return self.deliver(outcome.timed(started_s))

    def _failed(self, request: Request, error: Exception) -> Outcome:
        self.failures += 1
        self.last_failure = one_line(error)
        return refused(request, 'system.model_failed', self.last_failure)

    def _require_llm(self) -> Any:
        llm = self.llm
        if llm is None:
            raise _NotServedError('system.not_ready', self._why_closed())
        return llm

    def _require_wanted(self, request: Request, started_s: float) -> None:
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
            outcome = replace(outcome, verdict=self.judge_again(outcome, newest))
        decision = outcome.verdict.decision
        if decision is Decision.ALLOW:
            return replace(outcome, approved=outcome.success and _all_allowed(outcome.plan))
        if decision is Decision.REJECT:
            return replace(outcome, plan=Plan())
        if not (outcome.request.execute and outcome.success and outcome.plan.steps):
            return outcome
        if self.hold is None or not self.hold(outcome):
            reason = 'busy: too many commands wait for confirmation already'
            return refused(outcome.request, 'system.busy', reason)
        return replace(outcome, waits=True)

    def judge_again(self, outcome: Outcome, scene: SceneFacts) -> Verdict:
        """Return the outcome's verdict tightened by a second look at its plan in `scene`."""
        llm = self._require_llm()
        # Only the whole model knows which findings the plan's measures answer.
        judge = llm if outcome.plan.mitigations else llm.guard
        plan = judge.judge_plan(outcome.request.text, outcome.plan, scene)
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
        raise _NotServedError('system.cancelled', 'the request was cancelled')


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
