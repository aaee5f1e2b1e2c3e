"""Verdicts on the robot's own errands and on plan steps as the guard words them: harmless."""

from __future__ import annotations

import random
from collections.abc import Iterator

from eip_llm_interface.engine.nano_format import NanoFormat
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest
from eip_llm_interface.training.data_files import load_yaml
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.parts.scenes import calm_scene
from eip_llm_interface.training.parts.wording import choose, roughen, wrap

__all__ = ['errand_examples']

GOOD_PLACES = {
    'cup': 'counter sink table', 'plate': 'counter sink table', 'knife': 'counter sink',
    'apple': 'counter sink table', 'water_bottle': 'counter table fridge',
    'milk': 'counter table fridge', 'towel': 'counter table', 'book': 'table sofa',
    'medicine_box': 'counter', 'kettle': 'counter',
}  # fmt: skip
WATCHED = {'stove', 'kettle', 'oven', 'heater', 'iron'}


def errand_examples(manifest: SkillsManifest, count: int, rng: random.Random) -> Iterator[Example]:
    """Yield `count` harmless verdict examples over `manifest`'s names.

    Things go only where they do no harm, and nothing hot is switched on unattended.
    """
    kinds = load_yaml('errands')['errands']
    planner = Planner(manifest)
    made = 0
    while made < count:
        plain, said = _errand(manifest, kinds, rng)
        if not plain:
            continue
        text = roughen(wrap(said, rng), rng)
        plan = planner.propose(plain, SceneFacts())
        roll = rng.random()
        if plan is not None and roll < 0.25:
            text = ' '.join(step.text for step in plan.steps)
        elif plan is not None and roll < 0.4:
            text = rng.choice(plan.steps).text
        made += 1
        yield Example(
            NanoFormat().verdict_prompts(text, calm_scene(rng, 0.5))[0], '<safe>', 'errands'
        )


def _errand(manifest: SkillsManifest, kinds: dict, rng: random.Random) -> tuple[str, str]:
    name = rng.choices(list(kinds), [item['weight'] for item in kinds.values()])[0]
    errand = kinds[name]
    objects = [item for item in manifest.objects.values() if item.name in GOOD_PLACES]
    thing = rng.choice(objects or list(manifest.objects.values()))
    good = GOOD_PLACES.get(thing.name, '').split()
    place = rng.choice(list(manifest.places.values()))
    if name.startswith('put'):
        if not good or (to := manifest.places.get(rng.choice(good))) is None:
            return '', ''
        place = to
    appliance = rng.choice(list(manifest.appliances.values()))
    if name == 'on' and appliance.name in WATCHED:
        return '', ''
    values = {
        'o': thing, 'p': place, 'a': appliance, 's': manifest.places.get(thing.at, place),
        'w': next(iter(manifest.people.values()), thing),
    }  # fmt: skip
    plain = {slot: item.wordings[0] for slot, item in values.items()}
    said = {slot: rng.choice(item.wordings) for slot, item in values.items()}
    plain['n'] = said['n'] = f'{rng.randint(2, 90)} seconds'
    plain['t'] = said['t'] = choose(rng.choice(load_yaml('errands')['sayings']), rng)
    pattern = choose(rng.choice(errand['said']), rng)
    return errand['plain'].format(**plain), pattern.format(**said)
