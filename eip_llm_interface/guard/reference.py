"""Find what 'it', 'them' and 'her' mean, from the steps before."""

from __future__ import annotations

from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['resolve']


def resolve(step: Step, world: World, knowledge: Knowledge) -> None:
    """Replace the pronouns of `step` by what they most likely mean; unknown ones stay."""
    own = [m for m in step.mentions() if not m.pronoun and m.name]
    for role, mentions in step.roles.items():
        for index, mention in enumerate(mentions):
            if not mention.pronoun:
                continue
            meant = _meant(mention, role, step, world, own)
            if meant is not None:
                if mention.properties - {'person', 'being', 'pronoun_person'}:
                    world.gain(meant, mention.properties - {'pronoun_person', 'person', 'being'})
                mentions[index] = meant
                relation = step.relations.pop(mention.name, None)
                if relation is not None:
                    step.relations[meant.name] = relation


def _meant(
    mention: Mention, role: str, step: Step, world: World, own: list[Mention]
) -> Mention | None:
    if 'pronoun_person' in mention.properties:
        others = [person for person in world.people if person not in own]
        if others:
            return others[-1]
        if mention.words in ('them', 'they') and world.objects:
            return world.objects[-1]
        return None
    candidates = [thing for thing in world.objects if thing not in own]
    wants = step.verb.wants if step.verb is not None else frozenset()
    if wants and role == 'object':
        fitting = [thing for thing in candidates if wants & world.marks(thing)]
        if fitting:
            return fitting[-1]
    if candidates:
        return candidates[-1]
    return None
