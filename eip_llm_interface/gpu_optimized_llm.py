"""The one object a Python user needs: a command goes in, a judged plan comes out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eip_llm_interface.cache.response_cache import ResponseCache
from eip_llm_interface.engine.answering import Answerer, Hooks
from eip_llm_interface.engine.formats import format_of
from eip_llm_interface.engine.gpu_config import GPUConfig
from eip_llm_interface.engine.model_judge import EngineJudge
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.engine.transformers_backend import TransformersEngine
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Verdict
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.memory.reclaim import trim
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest

__all__ = ['SHIPPED_MODEL', 'GPUConfig', 'GPUOptimizedSafetyLLM', 'SafeResponse']

SHIPPED_MODEL = Path(__file__).parent / 'models' / 'eip_nano'
Context = SceneFacts | Mapping[str, object] | str | None


class GPUOptimizedSafetyLLM:
    """Judges commands, plans them in the robot's skills, judges the plans. Thread-safe.

    `model` is a directory or hub name of any `transformers` causal language model, by default
    the shipped one. `skills`, `knowledge` and `policy` take a loaded object or a YAML path,
    `knowledge` also a list of paths; its files are read on top of the shipped ones.
    With a `robot_kind` (see knowledge/rules.py), rules that bind only other kinds are left out.
    Raises ModelError, SkillsError, KnowledgeError or PolicyError, one line each, when a part cannot
    be used.
    """

    def __init__(
        self,
        gpu_config: GPUConfig | None = None,
        model: str | Path | None = None,
        skills: SkillsManifest | str | Path | None = None,
        knowledge: Knowledge | str | Path | Sequence[str | Path] | None = None,
        policy: Policy | str | Path | None = None,
        robot_kind: str = '',
    ) -> None:
        self.gpu_config = gpu_config or GPUConfig()
        if not isinstance(skills, SkillsManifest):
            skills = SkillsManifest.load(skills)
        if not isinstance(policy, Policy):
            policy = Policy.load(policy)
        if not isinstance(knowledge, Knowledge):
            knowledge = Knowledge.load(knowledge or ())
        self.planner = Planner(skills)
        self._model = str(model or SHIPPED_MODEL)
        self._engine = TransformersEngine(self._model, self.gpu_config.engine_options())
        self._form = format_of(self._engine)
        judge = EngineJudge(self._engine, self._form, self.gpu_config.batch_size)
        self.guard = Guard(knowledge, policy, judge, robot_kind=robot_kind)
        self._answerer = Answerer(self._engine, self._form, self.guard, self.planner)
        self._cache: ResponseCache[SafeResponse] = ResponseCache(
            256 if self.gpu_config.at_least('low') else 0
        )
        if self.gpu_config.at_least('high'):
            self._answerer.warm_up()

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
            found[index] = self._answered(
                commands[index], scenes[index], verdict, judged_s, len(missing), Hooks()
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
        hooks = Hooks(on_text, cancelled, on_stage)
        scene = SceneFacts.of(context)
        cached = self._cached(command, scene, began)
        if cached is not None:
            if on_text is not None and cached.plan.steps:
                on_text(self.planner.write(cached.plan))
            return cached
        hooks.stage('judging')
        verdict = self.guard.judge(command, scene)
        judged_s = time.perf_counter() - began
        return self._answered(command, scene, verdict, judged_s, 1, hooks)

    def judge_plan(self, command: str, plan: Plan, context: Context = None) -> Plan:
        """Return `plan` judged in a newer scene; the measures that it holds count."""
        return self._answerer.mitigator.judge_again(command, plan, SceneFacts.of(context))

    def memory_mib(self) -> float:
        """Return what the model holds on its device, MiB."""
        return self._engine.memory_mib()

    @property
    def weights_mb(self) -> float:
        """Return the size of the weights on disk, MB; 0 for a model from a hub's cache."""
        files = Path(self._model).glob('*.safetensors') if Path(self._model).is_dir() else ()
        return sum(file.stat().st_size for file in files) / 1e6

    def forget_answers(self) -> None:
        """Forget all remembered answers, e.g. to measure anew."""
        self._cache.clear()

    def time_prefill_and_generation(
        self, command: str, trials: int, tokens: int = 8
    ) -> tuple[list[float], list[float]]:
        """Return the times in ms of a verdict's prefill and of writing `tokens` after it."""
        [prompt] = self._form.verdict_prompts(command, SceneFacts())[:1]
        scored, written = [], []
        for _ in range(trials):
            began = time.perf_counter()
            self._engine.score([prompt], self._form.candidates)
            middle = time.perf_counter()
            self._engine.generate(prompt, max_tokens=tokens, min_tokens=tokens)
            scored.append(1e3 * (middle - began))
            written.append(1e3 * (time.perf_counter() - middle))
        return scored, written

    def release_memory(self) -> float:
        """Forget remembered answers and grammar states, trim the heap; return MiB freed."""
        self._cache.clear()
        self._answerer.forget()
        return self._engine.release_memory() + trim()

    def close(self) -> None:
        """Let the model go; every later request is answered with a rejection."""
        self._cache.clear()
        self._engine.close()

    def __enter__(self) -> GPUOptimizedSafetyLLM:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answered(
        self,
        command: str,
        scene: SceneFacts,
        verdict: Verdict,
        judged_s: float,
        batch_size: int,
        hooks: Hooks,
    ) -> SafeResponse:
        response = self._answerer.respond(command, scene, verdict, judged_s, batch_size, hooks)
        if response.success:
            self._cache.put(command, scene, response)
        return response

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
