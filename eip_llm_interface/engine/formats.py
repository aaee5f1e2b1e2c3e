"""How a model is asked: for a verdict in one prefill, and for a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from eip_llm_interface.engine.chat_format import (
    ChatFormat,
    GuardFormat,
    PlainFormat,
    is_guard_template,
)
from eip_llm_interface.engine.engine import ModelError
from eip_llm_interface.engine.nano_format import FORMAT, NanoFormat
from eip_llm_interface.engine.ngrams import NgramHead
from eip_llm_interface.engine.plan_request import PlanRequest
from eip_llm_interface.engine.transformers_backend import TransformersEngine
from eip_llm_interface.guard.model_judge import ModelOpinion
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner.planner import Planner

__all__ = ['PromptFormat', 'format_of']


class PromptFormat(Protocol):
    """One way of asking a model; `candidates` are the words whose probability is the verdict."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Return the words that `opinion` weighs, the harmless one first."""
        ...

    def verdict_prompts(self, text: str, scene: SceneFacts) -> list[str]:
        """Return the prompts that ask whether `text` is harmful; long texts give several."""
        ...

    def opinion(self, log_probs: Sequence[float], prompt: str = '') -> ModelOpinion:
        """Return the opinion that the candidates' log-probabilities after `prompt` stand for."""
        ...

    def plan_request(self, command: str, scene: SceneFacts, planner: Planner) -> PlanRequest:
        """Return the prompt that asks for a plan and how its answer is read."""
        ...


def format_of(engine: TransformersEngine) -> PromptFormat:
    """Return the way in which `engine`'s model wants to be asked; raises ModelError."""
    settings = engine.settings
    if settings.get('format') == FORMAT:
        return NanoFormat.of(settings, engine.name, _ngrams(engine))
    template = getattr(engine.tokenizer, 'chat_template', None)
    if is_guard_template(template):
        return GuardFormat(engine.tokenizer, engine.name)
    if template:
        return ChatFormat(engine.tokenizer, engine.name)
    return PlainFormat()


def _ngrams(engine: TransformersEngine) -> Callable[[str], float] | None:
    """Return what the word sequences of a prompt speak for; None without a head for it."""
    if engine.folder is None:
        return None
    try:
        head = NgramHead.load(engine.folder)
    except ValueError as error:
        raise ModelError(f'model {engine.name}: {error}') from None
    return None if head is None else lambda prompt: head.margin(engine.token_ids(prompt))
