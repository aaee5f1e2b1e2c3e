"""A language model as the guard's second judge: one prefill, no generation."""

from __future__ import annotations

from collections.abc import Sequence

from eip_llm_interface.engine.engine import Engine
from eip_llm_interface.engine.formats import PromptFormat
from eip_llm_interface.guard.model_judge import ModelOpinion
from eip_llm_interface.guard.scene import SceneFacts

__all__ = ['EngineJudge']


class EngineJudge:
    """Keeps the ModelJudge protocol with any engine and the way its model is asked."""

    def __init__(self, engine: Engine, form: PromptFormat, batch_size: int = 8) -> None:
        self.name = engine.name
        self._engine = engine
        self._form = form
        self._batch_size = batch_size

    def judge(self, texts: Sequence[str], scene: SceneFacts) -> list[ModelOpinion]:
        """Return one opinion per text, all in one scene."""
        return self.judge_pairs([(text, scene) for text in texts])

    def judge_pairs(self, pairs: Sequence[tuple[str, SceneFacts]]) -> list[ModelOpinion]:
        """Return one opinion per (text, scene); prompts of like length share a prefill."""
        asked = [
            (index, prompt)
            for index, (text, scene) in enumerate(pairs)
            for prompt in self._form.verdict_prompts(text, scene)
        ]
        asked.sort(key=lambda item: len(item[1]))
        worst: dict[int, ModelOpinion] = {}
        for start in range(0, len(asked), self._batch_size):
            part = asked[start : start + self._batch_size]
            rows = self._engine.score([prompt for _, prompt in part], self._form.candidates)
            for (index, prompt), row in zip(part, rows, strict=True):
                opinion = self._form.opinion(row, prompt)
                if index not in worst or opinion.p_harm > worst[index].p_harm:
                    worst[index] = opinion
        return [worst[index] for index in range(len(pairs))]
