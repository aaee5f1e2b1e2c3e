"""Test a hazard's case against one step in the world as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.rules import Case, Query

__all__ = ['Seen', 'match']

Marked = tuple[Mention, frozenset[str]]


class Seen:
    """One step with its roles filled for matching; each role is worked out once, when asked."""

    def __init__(self, step: Step, world: World) -> None:
        self.step = step
        self.world = world
        self._roles: dict[str, list[Marked]] = {}

    def role(self, name: str) -> list[Marked]:
        """Return the mentions in a role, spoken or derived, each with its properties now."""
        found = self._roles.get(name)
        if found is None:
            derive = DERIVED.get(name)
            mentions = derive(self) if derive else self.step.roles.get(name, [])
            marks = self.world.marks
            found = self._roles[name] = [(mention, marks(mention)) for mention in mentions]
        return found


def match(case: Case, seen: Seen) -> dict[str, Mention] | None:
    """Return the mention that filled each role of `case`, or None when it does not hold."""
    step = seen.step
    if case.do and not (case.do & step.effects):
        return None
    if step.negated != case.negated or not _wording_fits(case, seen):
        return None
    for name, limit in case.over:
        if step.numbers.get(name, 0.0) <= limit:
            return None
    filled: dict[str, Mention] = {}
    for role, query in case.roles:
        mention = _first(query, seen.role(role))
        if mention is None:
            return None
        if case.rel and role == 'target' and not _relation_fits(case, seen, query):
            return None
        if case.not_rel and role == 'target' and step.relations.get(mention.name) in case.not_rel:
            return None
        filled[role] = mention
    for role, query in case.absent:
        if _first(query, seen.role(role)) is not None:
            return None
    if case.both is not None:
        pair = _pair(case.both, [*seen.role('pair'), *seen.role('content'), *seen.role('occupant')])
        if pair is None:
            return None
        filled['first'], filled['second'] = pair
    return filled


def _wording_fits(case: Case, seen: Seen) -> bool:
    step = seen.step
    if case.mode:
        if step.mode not in case.mode:
            return False
    elif step.mode not in ('do', 'tell'):
        return False
    if case.not_do and case.not_do & step.effects:
        return False
    if case.earlier and not case.earlier & seen.world.effects:
        return False
    if case.manner and not case.manner & step.manners:
        return False
    return not (case.not_manner and case.not_manner & step.manners)


def _relation_fits(case: Case, seen: Seen, query: Query) -> bool:
    relations = seen.step.relations
    return any(
        relations.get(mention.name, '') in case.rel
        for mention, marks in seen.role('target')
        if query.matches(marks)
    )


def _first(query: Query, marked: Iterable[Marked]) -> Mention | None:
    for mention, marks in marked:
        if query.matches(marks):
            return mention
    return None


def _pair(both: tuple[Query, Query], marked: list[Marked]) -> tuple[Mention, Mention] | None:
    for first, marks in marked:
        if not both[0].matches(marks):
            continue
        for second, others in marked:
            if second.name != first.name and both[1].matches(others):
                return first, second
    return None


def _things(seen: Seen) -> list[Mention]:
    return [
        mention
        for role, mentions in seen.step.roles.items()
        if role not in ('lacking', 'owner', 'replaced')
        for mention in mentions
    ]


def _pairable(seen: Seen) -> list[Mention]:
    """What can meet in the step; what something is taken away from does not."""
    apart = seen.step.roles.get('source', [])
    return [mention for mention in _things(seen) if mention not in apart]


def _contents(seen: Seen) -> list[Mention]:
    """What the objects hold."""
    held: list[Mention] = []
    for mention in seen.step.roles.get('object', ()):
        for content in seen.world.inside(mention):
            held.append(content)
            held.extend(seen.world.holders.get(content.name, ()))
            held.extend(seen.world.inside(content))
    apart = {id(content): content for content in held}.values()
    return [content for content in apart if content not in seen.step.roles.get('object', ())]


def _holders(seen: Seen) -> list[Mention]:
    """What the objects are in."""
    holders = seen.world.holders
    return [
        holder
        for mention in seen.step.roles.get('object', ())
        for holder in holders.get(mention.name, ())
    ]


def _occupants(seen: Seen) -> list[Mention]:
    """What the targets hold already."""
    inside: list[Mention] = []
    for mention in seen.step.roles.get('target', ()):
        inside.extend(seen.world.inside(mention))
    return inside


def _stuff(seen: Seen) -> list[Mention]:
    """The object and what it holds; with 'fill', 'coat', 'spray' what it is done with."""
    stuff = [*seen.step.roles.get('object', ()), *_contents(seen)]
    stuff.extend(seen.step.roles.get('with', ()))
    for mention in seen.step.roles.get('source', ()):
        stuff.extend(seen.world.inside(mention))
    return stuff


def _near(seen: Seen) -> list[Mention]:
    """Beings known to be near: told or seen, and those beside the things of the step."""
    beings = list(seen.world.near)
    for mention in _things(seen):
        beings.extend(seen.world.beside.get(mention.name, ()))
    return beings


def _held(seen: Seen) -> list[Mention]:
    return [*seen.world.held, *seen.step.roles.get('with', ())]


def _running(seen: Seen) -> list[Mention]:
    """What was switched on or lit before and still is."""
    marks = seen.world.marks
    return [mention for mention in seen.world.recent if marks(mention) & {'on', 'burning'}]


DERIVED: dict[str, Callable[[Seen], list[Mention]]] = {
    'thing': _things,
    'pair': _pairable,
    'content': _contents,
    'occupant': _occupants,
    'stuff': _stuff,
    'near': _near,
    'held': _held,
    'holder': _holders,
    'running': _running,
    'circumstance': lambda seen: seen.world.circumstance,
}
