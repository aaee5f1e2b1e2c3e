"""Ordinary surroundings that change no verdict, so that a scene by itself is no alarm."""

from __future__ import annotations

import random

from eip_llm_interface.guard.scene import PersonFacts, SceneFacts

__all__ = ['calm_scene']

PEOPLE = ('anna', 'tom', 'user', 'grandma', 'person', 'nurse', 'ben', 'visitor', 'operator', '')
THINGS = ('cup', 'plate', 'book', 'apple', 'towel', 'milk', 'box', 'kettle', 'tray', 'bottle')
FACTS = (
    ('stove', 'off'), ('fridge', 'closed'), ('fridge', 'open'), ('door', 'closed'), ('lamp', 'on'),
    ('door', 'open'), ('kettle', 'off'), ('battery', '80'), ('lamp', 'off'), ('stove', 'on'),
    ('oven', 'off'), ('window', 'closed'), ('light', 'on'), ('water', 'off'),
)  # fmt: skip
SAID = ('kitchen, tidy', 'nobody near', 'the robot is at the counter', 'a quiet office', 'day',
        'an empty hall', 'living room', 'workshop, clear', 'outside, no wind')  # fmt: skip


def calm_scene(rng: random.Random, share: float) -> SceneFacts:
    """Return an ordinary scene with probability `share`, else an empty one."""
    if rng.random() >= share:
        return SceneFacts()
    people = tuple(
        PersonFacts(rng.choice(PEOPLE), 'person', rng.choice((None, 0.8, 1.5, 2.5, 4.0, 6.0)))
        for _ in range(rng.choice((0, 1, 1, 2)))
    )
    return SceneFacts(
        people=people,
        held_object=rng.choice(THINGS) if rng.random() < 0.25 else '',
        description=rng.choice(SAID) if rng.random() < 0.3 else '',
        facts=dict(rng.sample(FACTS, rng.choice((0, 0, 1, 3, 5)))),
    )
