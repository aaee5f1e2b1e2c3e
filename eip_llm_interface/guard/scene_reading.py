"""Turn scene facts, and a scene told in free text, into the world the hazards see."""

from __future__ import annotations

from eip_llm_interface.guard.assurance import assurance_of
from eip_llm_interface.guard.normalise import MAX_CHARACTERS, normalise
from eip_llm_interface.guard.parser import Parser
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.words import NOTHING, cut
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['MAX_SCENE_CHARACTERS', 'NEAR_M', 'is_too_long', 'uncalmed', 'world_of']

NEAR_M = 3.0
MAX_SCENE_CHARACTERS = 2000  # of text in one scene that every judge reads
CALMING = frozenset({'off', 'cold', 'unlit', 'cooked'})  # count only where plainly said
HOT = frozenset({'on', 'hot', 'burning'})
EMPTY_AROUND = ('nobody_near', 'area')  # facts that say nothing beside a being that is near
FIXED = frozenset({'appliance', 'furniture', 'surface', 'place', 'building'})
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
            _place(mention, thing.place.replace('_', ' ').lower(), world, parser)
        world.gain(mention, mention.properties)
        world.gain(Mention(mention.words, mention.words), mention.properties)
    for person in scene.people:
        marks = _being(person.kind, knowledge)
        for name in _names(person.name, knowledge):
            world.gain(Mention(name, name), marks)
        if person.distance_m is None or not person.distance_m > NEAR_M:
            world.near.append(Mention(person.name or person.kind, person.kind, marks))
    if scene.held_object:
        mention = _mention(scene.held_object, '', knowledge)
        world.held.append(mention)
        world.recent.append(mention)
    if scene.zone:
        entity = knowledge.lexicon.noun(scene.zone)
        world.gain(Mention('here', scene.zone), entity.properties if entity else frozenset())
    _tell(scene, world, parser, knowledge)
    return world


def is_too_long(scene: SceneFacts) -> bool:
    """Return whether a scene holds more text than every judge reads."""
    said = [len(scene.description), len(scene.held_object) + 8]
    said += [len(person.name or person.kind) + 7 for person in scene.people]
    said += [len(key) + len(value) + 3 for key, value in scene.facts.items()]
    return sum(said) > MAX_SCENE_CHARACTERS


def _tell(scene: SceneFacts, world: World, parser: Parser, knowledge: Knowledge) -> None:
    """Add what facts and description say; what calms only where they say it plainly."""
    text, is_odd = _plain(_told(scene))
    kinds = {
        item.words: item for item in (_mention(o.name, o.kind, knowledge) for o in scene.objects)
    }
    said = assurance_of(text, knowledge, kinds)
    for step in parser.parse(said.text):
        if step.mode in ('do', 'condition') and step.verb is None:
            step.mode = 'state'
        uncalmed(step, knowledge)
        world.tell(step)
        world.remember(step)
    if is_odd:
        return
    world.facts = {key: value.lower() for key, value in scene.facts.items()}
    if world.near:
        world.facts = {k: v for k, v in world.facts.items() if k not in EMPTY_AROUND}
    for name, marks in said.marks.items():
        if not world.properties.get(name, set()) & HOT:
            world.gain(Mention(name, name), marks)
            kind = kinds[name].properties if name in kinds else _kind(name, knowledge)
            world.trusted[name] = marks | kind


def uncalmed(step: Step, knowledge: Knowledge) -> None:
    """Take out of a told fact what would calm, which counts only where a scene plainly says it."""
    step.states -= CALMING
    for mention in step.mentions():
        mention.properties -= CALMING - _kind(mention.name, knowledge)


def _place(mention: Mention, place: str, world: World, parser: Parser) -> None:
    """Note where a thing is; a vessel it is in goes along with it, a table or a fridge does not."""
    where = [m for step in parser.parse(f'the {place}') for m in step.mentions()][:1]
    for name in {place, *(item.name for item in where)}:
        world.contents.setdefault(name, []).append(mention)
    for item in where:
        if not item.properties & FIXED:
            for name in {mention.name, mention.words}:
                world.holders.setdefault(name, []).append(item)


def _being(kind: str, knowledge: Knowledge) -> frozenset[str]:
    known = KINDS.get(kind.lower())
    if known is None:
        marks = _kind(kind, knowledge) if kind else frozenset()
        known = tuple(marks) if 'being' in marks else KINDS['unknown']
    return frozenset(known)


def _names(name: str, knowledge: Knowledge) -> set[str]:
    """Return what commands may call someone: the name, or a part of it where none is a word."""
    plain = name.replace('_', ' ').lower()
    words = cut(plain, knowledge)
    is_name = all(word.entry is NOTHING and word.text.isalpha() for word in words)
    return {plain, *(word.text for word in words if is_name)}


def _kind(name: str, knowledge: Knowledge) -> frozenset[str]:
    entity = knowledge.lexicon.noun(name)
    return entity.properties if entity is not None else frozenset()


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


def _plain(text: str) -> tuple[str, bool]:
    """Return a scene's text with disguises undone, and whether anything was odd about it."""
    starts = range(0, len(text), MAX_CHARACTERS)
    parts = [normalise(text[start : start + MAX_CHARACTERS]) for start in starts]
    is_odd = len(parts) > 1 or any(part.findings for part in parts)
    return ' '.join(part.folded for part in parts), is_odd
