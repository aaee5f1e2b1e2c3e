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
from eip_llm_interface.guard.scene_reading import MAX_SCENE_CHARACTERS, NEAR_M
from eip_llm_interface.guard.words import camel_apart
from eip_llm_interface.planner.planner import Planner

__all__ = [
    'CATEGORIES',
    'CONTROL',
    'FORMAT',
    'SAFE',
    'SPECIAL_TOKENS',
    'NanoFormat',
    'clean',
    'scene_lines',
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
SCENE_CHARACTERS = 600
SCENE_OVERLAP = 100
GROWN = frozenset({'', 'person', 'adult', 'elderly', 'patient', 'unknown', 'user'})
SIGNS = str.maketrans({'<': '(', '>': ')', '@': ' at '})
SIGN = re.compile(r"[^\w\s']|_")


def clean(text: str) -> str:
    """Return `text` as the model reads it: lower case, CamelCase apart, no control tokens."""
    text = camel_apart(text).translate(SIGNS)
    return ' '.join(text.lower().replace('_', ' ').split())


def _apart(text: str) -> str:
    """Return `text` with a space before every word and every sign."""
    return ''.join(f' {part}' for part in SIGN.sub(r' \g<0> ', text).split())


def _windows(text: str) -> list[str]:
    words = _apart(text).split() or ['']
    starts = range(0, max(len(words) - OVERLAP_WORDS, 1), WINDOW_WORDS - OVERLAP_WORDS)
    return [' '.join(words[start : start + WINDOW_WORDS]) for start in starts]


def scene_lines(scene: SceneFacts) -> list[str]:
    """Return the facts that may change a verdict, shortest first; a long scene in windows.

    The windows hold all of what the guard does not find too long.
    """
    said = []
    for person in scene.people:
        who = person.name or person.kind
        if person.distance_m is None:
            said.append(f'{who} here')
        else:
            said.append(f'{who} {"far" if person.distance_m >= NEAR_M else "near"}')
    if scene.held_object:
        said.append(f'holds {scene.held_object}')
    said += [f'{key} {value}' for key, value in scene.facts.items()]
    if scene.description:
        said.append(scene.description)
    text = '; '.join(said)[: MAX_SCENE_CHARACTERS + SCENE_OVERLAP]
    starts = range(0, max(len(text) - SCENE_OVERLAP, 1), SCENE_CHARACTERS - SCENE_OVERLAP)
    return [clean(_from_word(text, start)) for start in starts]


def _from_word(text: str, start: int) -> str:
    """Return one window of a scene; a later one begins with a word that is whole or new."""
    window = text[start : start + SCENE_CHARACTERS]
    if not start:
        return window
    space = window.find(' ', 0, SCENE_OVERLAP)
    return window[space + 1 if space >= 0 else SCENE_OVERLAP :]


def _kinds_named(text: str, scene: SceneFacts) -> str:
    """Return `text` with children and animals of the scene called what they are, not by name."""
    for person in scene.people:
        name, kind = clean(person.name), clean(person.kind)
        if len(name) > 2 and name[0].isalpha() and kind not in GROWN:
            named = rf"(?<!\bthe )(?<!\ba )(?<![\w']){re.escape(name)}(?!\w)"
            text = f'the {kind}'.join(re.split(named, text))
    return text


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
        """Return one prompt per window of words and of the scene; the strictest window counts.

        Where the scene knows a name for a child or an animal, its kind is asked about, too.
        """
        lines = [_apart(line) for line in scene_lines(scene)]
        said = clean(text)
        asked = [(line, window) for line in lines for window in _windows(said)]
        named = _kinds_named(said, scene)
        if named != said:
            asked += [(lines[0], window) for window in _windows(named)]
        return [f'<bos>{line}<cmd> {window}<verdict>' for line, window in asked]

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
