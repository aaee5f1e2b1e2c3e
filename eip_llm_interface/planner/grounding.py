"""Check that a plan speaks only of what the command or the scene speaks of."""

from __future__ import annotations

import re

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Violation
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.skills import Named, SkillsManifest, slug

__all__ = ['mentioned', 'ungrounded']

NAMED_TYPES = ('place', 'object', 'person', 'appliance')


def ungrounded(
    manifest: SkillsManifest, command: str, plan: Plan, scene: SceneFacts
) -> tuple[Violation, ...]:
    """Return one violation for each name in `plan` that neither command nor scene grounds.

    A place is grounded, too, when a grounded object or appliance of the plan stands there.
    """
    spoken = f' {_words(command)} '
    seen = _seen(scene)
    used = list(_used(manifest, plan, scene))
    grounded = {
        (kind, item.name)
        for kind, item in used
        if mentioned(item, spoken)
        or item.name in seen
        or (kind == 'person' and item.name == 'user')
    }
    homes = {item.at for kind, item in used if (kind, item.name) in grounded and item.at}
    homes |= {
        slug(thing.place)
        for thing in scene.objects
        if slug(thing.name) in {name for _, name in grounded}
    }
    missing = dict.fromkeys(
        (kind, item.name)
        for kind, item in used
        if (kind, item.name) not in grounded and not (kind == 'place' and item.name in homes)
    )
    return tuple(_violation(kind, name) for kind, name in missing)


def mentioned(item: Named, spoken: str) -> bool:
    """Return whether any wording of `item`, or its plural, occurs in padded plain words."""
    return any(
        f' {words} ' in spoken or f' {words}s ' in spoken
        for words in map(_words, item.wordings)
        if words
    )


def _used(manifest: SkillsManifest, plan: Plan, scene: SceneFacts):  # type: ignore[no-untyped-def]
    for step in plan.steps:
        skill = manifest.skills.get(step.skill)
        for parameter in skill.parameters if skill else ():
            if parameter.type in NAMED_TYPES:
                names = manifest.names(parameter.type, scene)
                value = step.parameters.get(parameter.name, '')
                yield parameter.type, names.get(value, Named(value))


def _seen(scene: SceneFacts) -> set[str]:
    names = {slug(thing.name) for thing in scene.objects}
    names |= {slug(person.name) for person in scene.people if person.name}
    names |= {slug(scene.held_object), slug(scene.zone)}
    return names - {''}


def _words(text: str) -> str:
    return ' '.join(re.findall(r'[a-z0-9]+', text.lower().replace('_', ' ')))


def _violation(kind: str, name: str) -> Violation:
    return Violation(
        rule='plan.ungrounded',
        category='ungrounded_plan',
        severity=0.6,
        score=0.9,
        evidence=name,
        explanation=f'The plan uses the {kind} {name.replace("_", " ")}, of which neither the '
        'command nor the scene speaks.',
        channel='plan',
    )
