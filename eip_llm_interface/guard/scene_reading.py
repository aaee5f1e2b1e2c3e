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
        world.gain(Mention(mention.words, mention.words), mention.properties)
    for person in scene.people:
        marks = frozenset(KINDS.get(person.kind, KINDS['unknown']))
        name = person.name.replace('_', ' ').lower()
        world.gain(Mention(name, name), marks)
        if person.distance_m is None or person.distance_m <= NEAR_M:
            world.near.append(Mention(person.name or person.kind, person.kind, marks))
    if scene.held_object:
        mention = _mention(scene.held_object, '', knowledge)
        world.held.append(mention)
        world.recent.append(mention)
    if scene.zone:
        entity = knowledge.lexicon.noun(scene.zone)
        world.gain(Mention('here', scene.zone), entity.properties if entity else frozenset())
    for step in parser.parse(_told(scene)):
        if step.mode in ('do', 'condition') and step.verb is None:
            step.mode = 'state'
        world.tell(step)
        world.remember(step)
    world.trusted = {name: frozenset(marks) for name, marks in world.properties.items()}
    return world


def _mention(name: str, kind: str, knowledge: Knowledge) -> Mention:
    plain = name.lower().replace('_', ' ')
    entity = knowledge.lexicon.noun(kind or name) or knowledge.lexicon.noun(name)
    if entity is None:
        return Mention(plain, plain, known=False)
    return Mention(entity.name, plain, entity.properties)


def _told(scene: SceneFacts) -> str:
    """Return description and facts (`stove: on`) as sentences."""
    facts = (f'the {key.replace("_", " ")} is {value}' for key, value in scene.facts.items())
    return '. '.join((*facts, scene.description)).strip('. ')
