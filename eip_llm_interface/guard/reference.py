"""Find what 'it', 'them' and 'her' mean, from the steps before."""

from __future__ import annotations

from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['resolve']


def resolve(step: Step, world: World, knowledge: Knowledge) -> None:
    """Replace the pronouns of `step` by what they most likely mean; unknown ones stay."""
    own = [m for m in step.mentions() if not m.pronoun and m.name]
    before = [thing for thing in world.recent if thing not in own]
    for role, mentions in step.roles.items():
        for index, mention in enumerate(mentions):
            if not mention.pronoun:
                continue
            if mention.words == 'both' or (mention.words == 'them' and 'mix' in step.effects):
                things = [t for t in world.recent if 'being' not in t.properties and t.known]
                if len(things) > 1:
                    mentions[index : index + 1] = things[-2:]
                    break
            meant = _meant(mention, role, step, world, before)
            if meant is not None:
                if mention.properties - {'person', 'being', 'pronoun_person'}:
                    world.gain(meant, mention.properties - {'pronoun_person', 'person', 'being'})
                mentions[index] = meant
                relation = step.relations.pop(mention.name, None)
                if relation is not None:
                    step.relations[meant.name] = relation


def _meant(
    mention: Mention, role: str, step: Step, world: World, known: list[Mention]
) -> Mention | None:
    things = [thing for thing in known if 'person' not in thing.properties]
    if mention.words in ('them', 'they', 'these', 'those'):
        return _latest(known)
    if 'pronoun_person' in mention.properties:
        people = [person for person in known if 'being' in person.properties]
        return people[-1] if people else None
    wants = step.verb.wants if step.verb is not None else frozenset()
    if wants and role == 'object':
        fitting = [thing for thing in things if wants & world.marks(thing)]
        if fitting:
            return fitting[-1]
    small = [being for being in known if {'baby', 'child'} & being.properties]
    if not any(thing.known for thing in things) and small:
        return small[-1]
    return _latest(things)


def _latest(mentions: list[Mention]) -> Mention | None:
    """Return the last mention, if any."""
    return mentions[-1] if mentions else None
