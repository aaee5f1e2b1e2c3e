"""The one object a Python user needs: a command goes in, a judged plan comes out."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eip_llm_interface.cache.response_cache import ResponseCache
from eip_llm_interface.engine.engine import Generation, ModelError
from eip_llm_interface.engine.formats import format_of
from eip_llm_interface.engine.gpu_config import GPUConfig
from eip_llm_interface.engine.model_judge import EngineJudge
from eip_llm_interface.engine.plan_request import PlanRequest, PlanStream
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.engine.transformers_backend import TransformersEngine
from eip_llm_interface.engine.wording import answer, unplanned
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.memory.reclaim import trim
from eip_llm_interface.planner.grammar import Grammar
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.planner import PlanError, Planner
from eip_llm_interface.planner.skills import SkillsManifest

__all__ = ['SHIPPED_MODEL', 'GPUConfig', 'GPUOptimizedSafetyLLM', 'SafeResponse']

SHIPPED_MODEL = Path(__file__).parent / 'models' / 'eip_nano'
MAX_PLAN_TOKENS = 400
KEPT_GRAMMARS = 8
Context = SceneFacts | Mapping[str, object] | str | None


@dataclass(frozen=True)
class _Hooks:
    """What a streaming caller wants to hear, and how it says stop."""

    on_text: Callable[[str], None] | None = None
    cancelled: Callable[[], bool] | None = None
    on_stage: Callable[[str], None] | None = None

    def stage(self, name: str) -> None:
        if self.on_stage is not None:
            self.on_stage(name)


class GPUOptimizedSafetyLLM:
    """Judges commands, plans them in the robot's skills, judges the plans. Thread-safe.

    `model` is a directory or hub name of any `transformers` causal language model, by default
    the shipped one. `skills`, `knowledge` and `policy` take a loaded object or a YAML path.
    Raises ModelError, SkillsError or PolicyError, one line each, when a part cannot be used.
    """

    def __init__(
        self,
        gpu_config: GPUConfig | None = None,
        model: str | Path | None = None,
        skills: SkillsManifest | str | Path | None = None,
        knowledge: Knowledge | None = None,
        policy: Policy | str | Path | None = None,
    ) -> None:
        self.gpu_config = gpu_config or GPUConfig()
        if not isinstance(skills, SkillsManifest):
            skills = SkillsManifest.load(skills)
        if not isinstance(policy, Policy):
            policy = Policy.load(policy)
        self.planner = Planner(skills)
        self._engine = TransformersEngine(
            str(model or SHIPPED_MODEL), self.gpu_config.engine_options()
        )
        self._form = format_of(self._engine)
        judge = EngineJudge(self._engine, self._form, self.gpu_config.batch_size)
        self.guard = Guard(knowledge or Knowledge.load(), policy, judge)
        self._cache: ResponseCache[SafeResponse] = ResponseCache(
            256 if self.gpu_config.at_least('low') else 0
        )
        self._grammars: OrderedDict[object, Grammar] = OrderedDict()
        self._planning = threading.Lock()
        if self.gpu_config.at_least('high'):
            self._warm_up()

    @property
    def model_name(self) -> str:
        """Return the model's name."""
        return self._engine.name

    @property
    def device(self) -> str:
        """Return where the model computes."""
        return self._engine.device

    def check(self, command: str, context: Context = None) -> Verdict:
        """Return the verdict on a command without planning it."""
        return self.check_batch([command], [context])[0]

    def check_batch(
        self, commands: Sequence[str], contexts: Sequence[Context] | None = None
    ) -> list[Verdict]:
        """Return one verdict per command; contexts: one each, one for all, or none."""
        return self.guard.judge_batch(list(commands), _scenes(commands, contexts))

    def generate_safe_response(self, command: str, context: Context = None) -> SafeResponse:
        """Judge a command, plan it, judge the plan."""
        return self.generate_batch_responses([command], [context])[0]

    def generate_batch_responses(
        self, commands: Sequence[str], contexts: Sequence[Context] | None = None
    ) -> list[SafeResponse]:
        """Return one response per command, in order; the commands' verdicts share prefills.

        Contexts: one each, one for all, or none; raises ValueError for another number.
        """
        began = time.perf_counter()
        scenes = _scenes(commands, contexts)
        found = [self._cached(*pair, began) for pair in zip(commands, scenes, strict=True)]
        missing = [index for index, response in enumerate(found) if response is None]
        verdicts = self.guard.judge_batch(
            [commands[index] for index in missing], [scenes[index] for index in missing]
        )
        judged_s = (time.perf_counter() - began) / max(len(missing), 1)
        for index, verdict in zip(missing, verdicts, strict=True):
            found[index] = self._respond(
                commands[index], scenes[index], verdict, judged_s, len(missing), _Hooks()
            )
        return [response for response in found if response is not None]

    def stream(
        self,
        command: str,
        context: Context = None,
        on_text: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> SafeResponse:
        """Like generate_safe_response; `on_text` hears the plan's text as it is written.

        `on_stage` hears 'judging', 'planning', 'checking'. What streams is not approved yet: only
        the returned plan is. When `cancelled` returns True the answer is a rejection.
        """
        began = time.perf_counter()
        hooks = _Hooks(on_text, cancelled, on_stage)
        scene = SceneFacts.of(context)
        cached = self._cached(command, scene, began)
        if cached is not None:
            if on_text is not None and cached.plan.steps:
                on_text(self.planner.write(cached.plan))
            return cached
        hooks.stage('judging')
        verdict = self.guard.judge(command, scene)
        return self._respond(command, scene, verdict, time.perf_counter() - began, 1, hooks)

    def memory_mib(self) -> float:
        """Return what the model holds on its device, MiB."""
        return self._engine.memory_mib()

    def release_memory(self) -> float:
        """Forget remembered answers and grammar states, trim the heap; return MiB freed."""
        self._cache.clear()
        self._grammars.clear()
        return self._engine.release_memory() + trim()

    def close(self) -> None:
        """Let the model go; every later request is answered with a rejection."""
        self._cache.clear()
        self._engine.close()

    def __enter__(self) -> GPUOptimizedSafetyLLM:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cached(self, command: str, scene: SceneFacts, began: float) -> SafeResponse | None:
        stored = self._cache.get(command, scene)
        if stored is None:
            return None
        return replace(
            stored,
            request_id=uuid.uuid4().hex,
            command=command,
            cached=True,
            processing_time_s=time.perf_counter() - began,
            queue_time_s=0.0,
            guard_time_s=0.0,
            time_to_first_token_s=0.0,
            prompt_tokens=0,
            generated_tokens=0,
            batch_size=1,
        )

    def _respond(
        self,
        command: str,
        scene: SceneFacts,
        verdict: Verdict,
        judged_s: float,
        batch_size: int,
        hooks: _Hooks,
    ) -> SafeResponse:
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
        response = replace(
            response,
            response=answer(response.verdict, response.plan),
            processing_time_s=judged_s + time.perf_counter() - began,
        )
        if response.success:
            self._cache.put(command, scene, response)
        return response

    def _planned(
        self, response: SafeResponse, text: str, scene: SceneFacts, hooks: _Hooks
    ) -> SafeResponse:
        hooks.stage('planning')
        began = time.perf_counter()
        request = self._form.plan_request(text, scene, self.planner)
        try:
            with self._planning:
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

    def _write_plan(self, request: PlanRequest, hooks: _Hooks) -> Generation:
        on_text = PlanStream(request, hooks.on_text) if hooks.on_text is not None else None
        return self._engine.generate(
            request.prompt, self._grammar_of(request), MAX_PLAN_TOKENS, on_text, hooks.cancelled
        )

    def _checked(
        self, response: SafeResponse, text: str, plan: Plan, scene: SceneFacts
    ) -> SafeResponse:
        began = time.perf_counter()
        loose = self.planner.check_grounding(text, plan, scene)
        if loose:
            return _unplanned(response, loose[0].explanation, loose)
        plan = self.guard.judge_plan(text, plan, scene)
        verdict = response.verdict.tightened(plan.verdict)
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

    def _warm_up(self) -> None:
        scene = SceneFacts()
        self.guard.judge('go to the door', scene)
        request = self._form.plan_request('go to the door', scene, self.planner)
        self._engine.generate(request.prompt, self._grammar_of(request), max_tokens=8)


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


def _scenes(commands: Sequence[str], contexts: Sequence[Context] | None) -> list[SceneFacts]:
    if contexts is None or not len(contexts):
        return [SceneFacts()] * len(commands)
    if len(contexts) == 1:
        return [SceneFacts.of(contexts[0])] * len(commands)
    if len(contexts) != len(commands):
        raise ValueError(
            f'contexts holds {len(contexts)} for {len(commands)} commands; '
            'give one each, one for all, or none'
        )
    return [SceneFacts.of(context) for context in contexts]
