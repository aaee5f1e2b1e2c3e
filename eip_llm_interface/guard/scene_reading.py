"""Turn scene facts, and a scene told in free text, into the world the hazards see."""

from __future__ import annotations

from eip_llm_interface.guard.parser import Parser
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.step import Mention
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['world_of']

NEAR_M = 3.0
KINDS = {
    'adult': ('person', 'being'),
    'child': ('person', 'being', 'child', 'vulnerable'),
    'elderly': ('person', 'being', 'vulnerable'),
    'patient': ('person', 'being', 'vulnerable'),
    'animal': ('animal', 'being'),
    'unknown': ('person', 'being'),
}


def world_of(scene: SceneFacts, parser: Parser, knowledge: Knowledge) -> World:
    """Return the world as the scene tells it; an empty scene gives an empty world."""
    world = World()
    for thing in scene.objects:
        mention = _mention(thing.name, thing.kind, knowledge)
        if thing.place:
            world.contents.setdefault(thing.place.replace('_', ' ').lower(), []).append(mention)
        world.gain(mention, mention.properties)
    for person in scene.people:
        marks = frozenset(KINDS.get(person.kind, KINDS['unknown']))
        if person.distance_m is None or person.distance_m <= NEAR_M:
            world.near.append(Mention(person.name or person.kind, person.kind, marks))
    if scene.held_object:
        mention = _mention(scene.held_object, '', knowledge)
        world.held.append(mention)
        world.recent.append(mention)
    for key, value in scene.facts.items():
        _fact(world, key, value, knowledge)
    if scene.zone:
        entity = knowledge.lexicon.noun(scene.zone)
        world.gain(Mention('here', scene.zone), entity.properties if entity else frozenset())
    if scene.description:
        for step in parser.parse(scene.description):
            if step.mode in ('do', 'condition') and step.verb is None:
                step.mode = 'state'
            world.tell(step)
            world.remember(step)
    return world


def _mention(name: str, kind: str, knowledge: Knowledge) -> Mention:
    plain = name.lower().replace('_', ' ')
    entity = knowledge.lexicon.noun(kind or name) or knowledge.lexicon.noun(name)
    if entity is None:
        return Mention(plain, plain, known=False)
    return Mention(entity.name, plain, entity.properties)


def _fact(world: World, key: str, value: str, knowledge: Knowledge) -> None:
    """Take `stove: on` or `mug: full of coffee` as what the thing named is now."""
    entity = knowledge.lexicon.noun(key)
    if entity is None:
        return
    mention = Mention(entity.name, key, entity.properties)
    word = value.lower().strip()
    if word in ('off', 'cold', 'empty', 'closed', 'no'):
        world.lose(
            mention, {'off': ('on', 'hot', 'burning'), 'cold': ('hot',)}.get(word, ('open',))
        )
        return
    entry = knowledge.lexicon.match(word.split(), 0) if word else None
    if entry is not None:
        world.gain(mention, entry[1].states)
        if entry[1].noun is not None:
            inside = Mention(entry[1].noun.name, word, entry[1].noun.properties)
            world.contents.setdefault(mention.name, []).append(inside)
