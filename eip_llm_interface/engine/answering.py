"""From a judged command to an answer: write the plan, read it, judge it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eip_llm_interface.engine.engine import Engine, Generation, ModelError
from eip_llm_interface.engine.formats import PromptFormat
from eip_llm_interface.engine.plan_request import PlanRequest, PlanStream
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.engine.second_reading import SecondReading, departures
from eip_llm_interface.engine.wording import answer, fault, unplanned
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.planner.grammar import Grammar
from eip_llm_interface.planner.mitigate import Mitigator
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.planner import PlanError, Planner

__all__ = ['Answerer', 'Hooks']

MAX_PLAN_TOKENS = 400
KEPT_GRAMMARS = 8


@dataclass(frozen=True)
class Hooks:
    """What a streaming caller wants to hear, and how it says stop."""

    on_text: Callable[[str], None] | None = None
    cancelled: Callable[[], bool] | None = None
    on_stage: Callable[[str], None] | None = None

    def stage(self, name: str) -> None:
        """Tell that a stage began."""
        if self.on_stage is not None:
            self.on_stage(name)


class Answerer:
    """Plans one command at a time; others wait their turn, which the response tells."""

    def __init__(self, engine: Engine, form: PromptFormat, guard: Guard, planner: Planner) -> None:
        self._engine = engine
        self._form = form
        self._guard = guard
        self._planner = planner
        self.mitigator = Mitigator(guard, planner.manifest)
        self._grammars: OrderedDict[object, Grammar] = OrderedDict()
        self._turn = threading.Lock()

    def forget(self) -> None:
        """Forget the grammars made so far."""
        with self._turn:
            self._grammars.clear()

    def warm_up(self) -> None:
        """Judge and plan once for nothing, so that the first command is as fast as others."""
        scene = SceneFacts()
        self._guard.judge('go to the door', scene)
        request = self._form.plan_request('go to the door', scene, self._planner)
        with self._turn:
            self._engine.generate(request.prompt, self._grammar_of(request), max_tokens=8)

    def respond(
        self,
        command: str,
        scene: SceneFacts,
        verdict: Verdict,
        judged_s: float,
        batch_size: int,
        hooks: Hooks,
    ) -> SafeResponse:
        """Return the answer to a command that was judged in `judged_s`, s."""
        began = time.perf_counter()
        text = normalise(command).text
        response = SafeResponse(
            request_id=uuid.uuid4().hex,
            command=command,
            verdict=verdict,
            prompt_tokens=self._tokens_judged(text, scene),
            guard_time_s=judged_s,
            batch_size=batch_size,
        )
        if verdict.decision is not Decision.REJECT:
            response = self._planned(response, text, scene, hooks)
        elif self.mitigator.may_help(verdict):
            response = self._mitigated(response, text, scene, hooks)
        return replace(
            response,
            response=answer(response.verdict, response.plan),
            error=response.error or fault(response.verdict),
            processing_time_s=judged_s + time.perf_counter() - began,
        )

    def _planned(
        self, response: SafeResponse, text: str, scene: SceneFacts, hooks: Hooks
    ) -> SafeResponse:
        hooks.stage('planning')
        began = time.perf_counter()
        request = self._form.plan_request(text, scene, self._planner)
        try:
            with self._turn:
                queued_s = time.perf_counter() - began
                written = self._write_plan(request, hooks)
            response = replace(
                response,
                prompt_tokens=response.prompt_tokens + written.prompt_tokens,
                generated_tokens=written.generated_tokens,
                time_to_first_token_s=written.time_to_first_token_s,
                queue_time_s=queued_s,
            )
            plan = _read_plan(request, written)
        except (ModelError, PlanError) as error:
            return _unplanned(response, str(error))
        hooks.stage('checking')
        return self._checked(response, text, plan, scene)

    def _mitigated(
        self, response: SafeResponse, text: str, scene: SceneFacts, hooks: Hooks
    ) -> SafeResponse:
        """Plan a rejected command with measures that make it allowable, if there are any.

        No model plans it: only what fixed patterns plainly read in it is worth a second look.
        """
        began = time.perf_counter()
        hooks.stage('planning')
        plain = self._planner.propose(text, scene)
        if plain is None or self._planner.check_grounding(text, plain, scene):
            return response
        hooks.stage('checking')
        judged = self._guard.judge_plan(text, plain, scene)
        judged = replace(judged, verdict=judged.verdict.tightened(response.verdict))
        plan = self.mitigator.mitigated(text, judged, scene)
        spent_s = response.guard_time_s + time.perf_counter() - began
        if plan.verdict.decision is Decision.REJECT:
            return replace(response, guard_time_s=spent_s)
        verdict = replace(plan.verdict, latency_s=response.verdict.latency_s)
        plan = replace(plan, verdict=verdict)
        if hooks.on_text is not None:
            hooks.on_text(self._planner.write(plan))
        return replace(response, verdict=verdict, plan=plan, guard_time_s=spent_s)

    def _write_plan(self, request: PlanRequest, hooks: Hooks) -> Generation:
        on_text = PlanStream(request, hooks.on_text) if hooks.on_text is not None else None
        return self._engine.generate(
            request.prompt, self._grammar_of(request), MAX_PLAN_TOKENS, on_text, hooks.cancelled
        )

    def _checked(
        self, response: SafeResponse, text: str, plan: Plan, scene: SceneFacts
    ) -> SafeResponse:
        began = time.perf_counter()
        wrong = self._planner.check_grounding(text, plan, scene)
        if wrong:
            return _unplanned(response, wrong[0].explanation, wrong)
        plain = self._planner.propose(text, scene)
        if plain is None:
            reading = SecondReading(plan, text, self._planner.manifest, self._guard.rules)
            wrong = reading.forbidden()
            if wrong:
                return _unplanned(response, wrong[0].explanation, wrong)
            doubts = reading.doubts()
        else:
            doubts = departures(plan, plain)
        plan = self._guard.judge_plan(text, plain if plain and doubts else plan, scene)
        plan = self.mitigator.mitigated(text, plan, scene)
        verdict = response.verdict.tightened(plan.verdict)
        if plan.mitigations:
            verdict = plan.verdict.tightened(response.verdict)
        if doubts:
            asked = verdict.tightened(self._guard.policy.join(doubts, model=verdict.model))
            verdict = replace(asked, safety_score=verdict.safety_score)
        plan = replace(plan, verdict=verdict)
        return replace(
            response,
            verdict=verdict,
            plan=plan if verdict.decision is not Decision.REJECT else Plan(verdict=verdict),
            guard_time_s=response.guard_time_s + time.perf_counter() - began,
        )

    def _grammar_of(self, request: PlanRequest) -> Grammar:
        """Return the grammar of this request's shape; the engine remembers its choices with it."""
        shape = request.shape
        grammar = self._grammars.pop(shape, None) or request.grammar()
        self._grammars[shape] = grammar
        if len(self._grammars) > KEPT_GRAMMARS:
            self._grammars.popitem(last=False)
        return grammar

    def _tokens_judged(self, text: str, scene: SceneFacts) -> int:
        prompts = self._form.verdict_prompts(text, scene)
        return sum(self._engine.count_tokens(prompt) for prompt in prompts)


def _read_plan(request: PlanRequest, written: Generation) -> Plan:
    if not written.finished:
        raise PlanError('planning was cancelled or grew too long; ask again, or for less')
    plan = request.read(written.text)
    if not plan.steps:
        raise PlanError("no plan in this robot's skills does that; say it differently")
    return plan


def _unplanned(
    response: SafeResponse, why: str, violations: Sequence[Violation] = ()
) -> SafeResponse:
    verdict = unplanned(response.verdict, why, violations)
    return replace(response, verdict=verdict, plan=Plan(verdict=verdict), error=why)
