"""Errands in many wordings with their plans, over the real names and over invented ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from eip_llm_interface.engine.nano_format import NanoFormat
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import Named, SkillsManifest
from eip_llm_interface.training.data_files import load_yaml
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.parts.wording import choose, roughen, wrap

__all__ = ['plan_examples']

NUMBER_WORDS = {
    'two': 2,
    'three': 3,
    'five': 5,
    'ten': 10,
    'fifteen': 15,
    'twenty': 20,
    'thirty': 30,
}
SYLLABLES = ('ba', 'dor', 'fel', 'gri', 'ka', 'lum', 'mo', 'nex', 'pi', 'qua', 'ris', 'sto', 'tam',
             'ul', 'vek', 'wil', 'xan', 'yo', 'zer', 'bron', 'cle', 'dru')  # fmt: skip
JOINTS = (' and then ', ', then ', '. then ', ' and ', '. after that, ', ', and after that ', '; ')


def plan_examples(manifest: SkillsManifest, count: int, rng: random.Random) -> Iterator[Example]:
    """Yield `count` examples, a third of them over `manifest`, the rest over invented ones."""
    data = load_yaml('errands')
    made = 0
    while made < count:
        own = rng.random() < 0.35
        robot = Planner(manifest if own else _invented(manifest, data, rng))
        for _ in range(24):
            example = _example(robot, data, rng)
            if example is not None and made < count:
                made += 1
                yield example


def _example(planner: Planner, data: Mapping, rng: random.Random) -> Example | None:
    scene = _scene(planner.manifest, rng)
    if rng.random() < 0.08:
        request = NanoFormat().plan_request(
            _impossible(planner.manifest, data, rng), scene, planner
        )
        return Example(request.prompt, 'end\n', 'plans.impossible')
    count = rng.choices((1, 2, 3), (0.68, 0.25, 0.07))[0]
    plain: list[str] = []
    spoken_parts: list[str] = []
    for _ in range(count):
        one = _errand(planner.manifest, scene, data, rng)
        if one is None:
            return None
        plain.append(one[0])
        spoken_parts.append(one[1])
    plan = planner.propose(' then '.join(plain), scene)
    if plan is None or not plan.steps:
        return None
    spoken = roughen(wrap(rng.choice(JOINTS).join(spoken_parts), rng), rng)
    if planner.check_grounding(spoken, plan, scene):
        return None
    request = NanoFormat().plan_request(spoken, scene, planner)
    if request.numbered is None:
        return None
    numbered = request.numbered.numbered_plan(plan, planner.manifest)
    if numbered is None:
        return None
    return Example(request.prompt, planner.write(numbered), 'plans')


def _errand(
    manifest: SkillsManifest, scene: SceneFacts, data: Mapping, rng: random.Random
) -> tuple[str, str] | None:
    kinds = data['errands']
    kind = rng.choices(list(kinds), [item['weight'] for item in kinds.values()])[0]
    errand = kinds[kind]
    plain, said = {}, {}
    seconds = None
    for slot, group in (
        ('o', 'object'),
        ('p', 'place'),
        ('s', 'place'),
        ('a', 'appliance'),
        ('w', 'person'),
    ):
        names = list(manifest.names(group, scene).values())
        if f'{{{slot}}}' not in errand['plain']:
            continue
        if slot == 'w':
            names = [item for item in names if item.name != 'user'] or names
        if not names:
            return None
        item = rng.choice(names)
        plain[slot] = item.wordings[0]
        said[slot] = rng.choice(item.wordings)
    if '{n}' in errand['plain']:
        seconds, said['n'] = _duration(rng)
        plain['n'] = f'{seconds} seconds'
    if '{t}' in errand['plain']:
        plain['t'] = said['t'] = choose(rng.choice(data['sayings']), rng)
    pattern = choose(rng.choice(errand['said']), rng)
    return errand['plain'].format(**plain), pattern.format(**said)


def _duration(rng: random.Random) -> tuple[int, str]:
    if rng.random() < 0.4:
        word = rng.choice(list(NUMBER_WORDS))
        unit, scale = rng.choice((('seconds', 1), ('minutes', 60)))
        return min(NUMBER_WORDS[word] * scale, 600), (
            f'{word} {unit}' if NUMBER_WORDS[word] * scale <= 600 else 'ten minutes'
        )
    if rng.random() < 0.3:
        minutes = rng.randint(1, 10)
        return minutes * 60, f'{minutes} minute{"s" if minutes > 1 else ""}'
    seconds = rng.choice((rng.randint(1, 60), rng.randint(1, 60) * 5))
    return seconds, f'{seconds} {rng.choice(("seconds", "seconds", "s", "sec"))}'


def _impossible(manifest: SkillsManifest, data: Mapping, rng: random.Random) -> str:
    """Return a command that names nothing the robot knows, or asks for a skill it lacks."""
    thing = _pseudo_word(rng) if rng.random() < 0.5 else rng.choice(data['absent_things'])
    known = rng.choice(list(manifest.objects.values() or manifest.places.values()))
    place = rng.choice(list(manifest.places.values()))
    said = choose(rng.choice(data['impossible']), rng).format(
        x=thing, o=rng.choice(known.wordings), p=rng.choice(place.wordings)
    )
    return roughen(wrap(said, rng), rng)


def _scene(manifest: SkillsManifest, rng: random.Random) -> SceneFacts:
    scene = SceneFacts()
    if rng.random() < 0.5:
        scene = replace(scene, zone=rng.choice(list(manifest.places)))
    if rng.random() < 0.12 and manifest.objects:
        scene = replace(scene, held_object=rng.choice(list(manifest.objects)))
    if rng.random() < 0.3 and manifest.objects:
        name = rng.choice(list(manifest.objects))
        place = rng.choice(list(manifest.places))
        scene = replace(scene, objects=(SceneObjectFacts(name, name, place),))
    if rng.random() < 0.35:
        person = PersonFacts(rng.choice(('anna', 'tom', 'grandma', 'the nurse', 'maria', 'ben')))
        scene = replace(scene, people=(replace(person, kind='person', distance_m=2.0),))
    return scene


def _invented(base: SkillsManifest, data: Mapping, rng: random.Random) -> SkillsManifest:
    """Return a robot with the same skills in another world, so that names are read, not known."""
    places = {name: Named(name, name) for name in _names(data['places'], rng.randint(4, 9), rng)}
    at = list(places)
    objects = {
        name: Named(name, name, rng.choice(at), _aliases(rng))
        for name in _names(data['objects'], rng.randint(5, 12), rng)
        if name not in places
    }
    appliances = {
        name: Named(name, name, rng.choice(at))
        for name in _names(data['appliances'], rng.randint(2, 5), rng)
        if name not in objects
    }
    return replace(base, places=places, objects=objects, appliances=appliances)


def _names(words: Sequence[str], count: int, rng: random.Random) -> list[str]:
    names = [item.replace(' ', '_') for item in rng.sample(list(words), min(count, len(words)))]
    colours = ('red', 'blue', 'old', 'big', 'small', 'green', 'second')
    for index, name in enumerate(names):
        if rng.random() < 0.2:
            names[index] = _pseudo_word(rng)
        elif rng.random() < 0.15:
            names[index] = f'{rng.choice(colours)}_{name}'
    return list(dict.fromkeys(names))


def _aliases(rng: random.Random) -> tuple[str, ...]:
    return (_pseudo_word(rng),) if rng.random() < 0.15 else ()


def _pseudo_word(rng: random.Random) -> str:
    return ''.join(rng.choices(SYLLABLES, k=rng.randint(2, 3)))
