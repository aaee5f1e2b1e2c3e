"""How the shipped model is asked; training and use read this one file.

Verdict:  <bos> scene <cmd> command <verdict>    then one token: <safe>, or a hazard's
Plan:     <bos> note <cmd> command <plan>        then the plan in the grammar's form, <eos>

Every word stands after a space, the first one too, since the tokenizer knows whole words so.

In a plan's prompt things are numbered, see mentions.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eip_llm_interface.engine.engine import ModelError
from eip_llm_interface.engine.mentions import number_mentions
from eip_llm_interface.engine.ngrams import NGRAM_FILE
from eip_llm_interface.engine.plan_request import PlanRequest
from eip_llm_interface.guard.model_judge import ModelOpinion
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner.planner import Planner

__all__ = [
    'CATEGORIES',
    'CONTROL',
    'FORMAT',
    'SAFE',
    'SPECIAL_TOKENS',
    'NanoFormat',
    'clean',
    'scene_line',
]

FORMAT = 'nano-2'

CATEGORIES = (
    'fire', 'burn', 'shock', 'cut', 'chemical', 'poison', 'explosion', 'fall', 'collision',
    'crush', 'choke', 'water_damage', 'property', 'food', 'mess', 'harm_person', 'harm_animal',
    'theft', 'privacy', 'illegal', 'discrimination', 'deception', 'medical', 'weapon',
    'unattended', 'exit', 'disturbance', 'environment', 'self_harm', 'child', 'zone', 'machine',
)  # fmt: skip
SAFE = '<safe>'
CONTROL = ('<pad>', '<bos>', '<eos>', '<cmd>', '<verdict>', '<plan>', SAFE, '<gap>')
SPECIAL_TOKENS = (*CONTROL, *(f'<{name}>' for name in CATEGORIES))
WINDOW_WORDS = 90
OVERLAP_WORDS = 20
NEAR_M = 3.0
SIGNS = str.maketrans({'<': '(', '>': ')', '@': ' at '})
CAMEL = re.compile(r'(?<=[a-z])(?=[A-Z])')
SIGN = re.compile(r"[^\w\s']|_")


def clean(text: str) -> str:
    """Return `text` as the model reads it: lower case, CamelCase apart, no control tokens."""
    text = CAMEL.sub(' ', text).translate(SIGNS)
    return ' '.join(text.lower().replace('_', ' ').split())


def _apart(text: str) -> str:
    """Return `text` with a space before every word and every sign."""
    return ''.join(f' {part}' for part in SIGN.sub(r' \g<0> ', text).split())


def scene_line(scene: SceneFacts) -> str:
    """Return the facts that may change a verdict, shortest first; empty when nothing is known."""
    said = []
    for person in scene.people:
        who = person.name or person.kind
        if person.distance_m is None:
            said.append(f'{who} here')
        else:
            said.append(f'{who} {"near" if person.distance_m < NEAR_M else "far"}')
    if scene.held_object:
        said.append(f'holds {scene.held_object}')
    said += [f'{key} {value}' for key, value in scene.facts.items()]
    if scene.description:
        said.append(scene.description)
    return clean('; '.join(said)[:600])


@dataclass(frozen=True)
class NanoFormat:
    """Prompts of the shipped model and what its answers mean.

    The verdict is one token: `<safe>` or a hazard. With s the log-probability of `<safe>` and h
    that of all hazards together, p_harm = sigmoid((h - s) / temperature + ngram_weight * n + bias)
    (logistic regression on sentences that were never learnt), where n = ngrams(prompt) are the
    log odds of harm that the prompt's word sequences speak for.
    """

    temperature: float = 1.0
    bias: float = 0.0
    ngram_weight: float = 0.0
    ngrams: Callable[[str], float] | None = None
    categories: tuple[str, ...] = CATEGORIES

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        name: str,
        ngrams: Callable[[str], float] | None = None,
    ) -> NanoFormat:
        """Return the format that config.json's `eip` describes; raises ModelError."""
        try:
            calibration = settings.get('calibration', {})
            made = cls(
                temperature=float(calibration.get('temperature', 1.0)),
                bias=float(calibration.get('bias', 0.0)),
                ngram_weight=float(calibration.get('ngram_weight', 0.0)),
                ngrams=ngrams,
                categories=tuple(str(item) for item in settings['categories']),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f'model {name}: key eip of config.json cannot be used ({error!r}); train it again'
            ) from None
        if not made.temperature > 0 or not math.isfinite(made.bias + made.ngram_weight):
            raise ModelError(f'model {name}: calibration {calibration} is no calibration')
        if made.ngram_weight and ngrams is None:
            raise ModelError(f'model {name} lacks {NGRAM_FILE}; copy it again')
        return made

    @property
    def candidates(self) -> tuple[str, ...]:
        """Return the verdict tokens, `<safe>` first."""
        return (SAFE, *(f'<{name}>' for name in self.categories))

    def verdict_prompts(self, text: str, scene: SceneFacts) -> list[str]:
        """Return one prompt per window of words; the strictest window counts."""
        line = _apart(scene_line(scene))
        words = _apart(clean(text)).split() or ['']
        step = WINDOW_WORDS - OVERLAP_WORDS
        starts = range(0, max(len(words) - OVERLAP_WORDS, 1), step)
        windows = (words[start : start + WINDOW_WORDS] for start in starts)
        return [f'<bos>{line}<cmd> {" ".join(window)}<verdict>' for window in windows]

    def opinion(self, log_probs: Sequence[float], prompt: str = '') -> ModelOpinion:
        """Return the calibrated probability of harm and its share per category."""
        safe, *hazards = log_probs
        top = max(hazards)
        total = top + math.log(sum(math.exp(value - top) for value in hazards))
        margin = (total - safe) / self.temperature + self.bias
        if self.ngrams is not None:
            margin += self.ngram_weight * self.ngrams(prompt)
        p_harm = 1.0 / (1.0 + math.exp(max(min(-margin, 60.0), -60.0)))
        shares = (
            (value, math.exp(score - total))
            for value, score in zip(self.categories, hazards, strict=True)
        )
        ranked = sorted(shares, key=lambda item: -item[1])[:3]
        return ModelOpinion(p_harm, tuple((name, min(share, 1.0)) for name, share in ranked))

    def plan_request(self, command: str, scene: SceneFacts, planner: Planner) -> PlanRequest:
        """Return the command with its things numbered, ending where the plan begins."""
        numbered = number_mentions(clean(command), scene, planner.manifest)
        prompt = f'<bos> {numbered.note}<cmd> {numbered.text}<plan>'
        return PlanRequest(prompt, planner, scene, numbered)
