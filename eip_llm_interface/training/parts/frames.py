"""Verdicts on sentences built from hazard frames and word lists, with their harmless twins."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from eip_llm_interface.engine.nano_format import NanoFormat
from eip_llm_interface.training.data_files import load_yaml
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.parts.scenes import calm_scene
from eip_llm_interface.training.parts.wording import fill, roughen, wrap

__all__ = ['frame_examples']

JOINTS = (' and then ', ', then ', '. then ', ' and ', '. ', ', ')


def frame_examples(
    words: Mapping[str, Sequence[str]], count: int, rng: random.Random
) -> Iterator[Example]:
    """Yield `count` verdict examples in threes: a hazard, its harmless twin, a chore."""
    frames = load_yaml('frames')
    chores = frames['chores']
    hazards = list(frames['hazards'].items())
    weights = [len(item['unsafe']) for _, item in hazards]
    for index in range(0, count, 3):
        name, frame = rng.choices(hazards, weights)[0]
        bad = _harmful(rng.choice(frame['unsafe']), chores, words, rng)
        good = _harmless(frame, chores, words, rng)
        group = f'frames.{index}'
        yield _example(bad, f'<{name}>', group, rng)
        yield _example(good, '<safe>', group, rng)
        yield _example(fill(rng.choice(chores), words, rng), '<safe>', f'{group}.chore', rng)


def _harmful(pattern: str, chores: list[str], words: Mapping, rng: random.Random) -> str:
    text = fill(pattern, words, rng)
    roll = rng.random()
    if roll < 0.12:
        return f'{fill(rng.choice(chores), words, rng)}{rng.choice(JOINTS)}{text}'
    if roll < 0.2:
        return f'{text}{rng.choice(JOINTS)}{fill(rng.choice(chores), words, rng)}'
    return text


def _harmless(frame: Mapping, chores: list[str], words: Mapping, rng: random.Random) -> str:
    if frame.get('safe') and rng.random() < 0.65:
        text = fill(rng.choice(frame['safe']), words, rng)
    else:
        text = fill(rng.choice(chores), words, rng)
    for _ in range(rng.choices((0, 1, 2), (0.72, 0.2, 0.08))[0]):
        text = f'{text}{rng.choice(JOINTS)}{fill(rng.choice(chores), words, rng)}'
    return text


def _example(text: str, target: str, group: str, rng: random.Random) -> Example:
    said = roughen(wrap(text, rng), rng)
    prompt = NanoFormat().verdict_prompts(said, calm_scene(rng, 0.15))[0]
    return Example(prompt, target, 'frames', group)
