"""What the steps done so far have changed: who is hot, on, filled, and where things are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from eip_llm_interface.guard.step import Mention, Step

__all__ = ['World']

# Effect of a verb: properties its object gains and loses.
GAINS: dict[str, tuple[str, ...]] = {
    'turn_on': ('on',),
    'ignite': ('on', 'burning', 'hot'),
    'heat': ('hot',),
    'break': ('broken',),
    'wet': ('wet',),
    'dirty': ('dirty',),
    'open': ('open',),
    'disable': ('disabled',),
    'take': ('held',),
}
LOSES: dict[str, tuple[str, ...]] = {
    'turn_off': ('on', 'burning'),
    'extinguish': ('on', 'burning'),
    'cool': ('hot',),
    'heat': ('frozen',),
    'close': ('open',),
    'clean': ('dirty',),
    'dry': ('wet',),
    'put': ('held',),
    'drop': ('held',),
}


def _is_near(being: Mention, step: Step) -> bool:
    """Return whether a told fact has `being` near: not elsewhere, behind a fence, on the phone."""
    targets = step.roles.get('target', [])
    places = [(step.relations.get(target.name), target.properties) for target in targets]
    barred = any(
        ('barrier' in marks and relation == 'behind') or ('pen' in marks and relation == 'in')
        for relation, marks in places
    )
    only_speaks = 'tell' in step.effects and not targets
    is_away = 'absent' in being.properties or 'absent' in step.states
    return not (barred or only_speaks or is_away)


@dataclass
class World:
    """Facts by thing; changed by steps in their order, read by the hazards."""

    properties: dict[str, set[str]] = field(default_factory=dict)
    lost: dict[str, set[str]] = field(default_factory=dict)
    contents: dict[str, list[Mention]] = field(default_factory=dict)
    beside: dict[str, list[Mention]] = field(default_factory=dict)
    near: list[Mention] = field(default_factory=list)
    held: list[Mention] = field(default_factory=list)
    effects: set[str] = field(default_factory=set)
    recent: list[Mention] = field(default_factory=list)
    steps: int = 0
    circumstance: list[Mention] = field(default_factory=list)
    holders: dict[str, list[Mention]] = field(default_factory=dict)
    trusted: dict[str, frozenset[str]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def marks(self, mention: Mention) -> frozenset[str]:
        """Return a mention's properties as they are now, those of its contents marked `with_`."""
        marks = mention.properties | self.properties.get(mention.name, set())
        lost = self.lost.get(mention.name)
        return marks - lost if lost else marks

    def inside(self, mention: Mention) -> list[Mention]:
        """Return what a thing holds, by words or by earlier steps."""
        stored = self.contents.get(mention.name)
        return mention.contents if not stored else [*mention.contents, *stored]

    def remember(self, step: Step) -> None:
        """Let pronouns of later steps find the things of this one."""
        for role in ('target', 'source', 'instrument', 'recipient', 'subject', 'object'):
            mentions = step.roles.get(role, ())
            some_known = any(mention.known for mention in mentions)
            for mention in mentions:
                if mention.pronoun or not mention.name or (some_known and not mention.known):
                    continue
                if mention in self.recent:
                    self.recent.remove(mention)
                self.recent.append(mention)

    def tell(self, step: Step) -> None:
        """Take a told fact into account: 'the stove is on', 'a child is behind the box'."""
        subjects = step.roles.get('subject') or step.roles.get('object') or []
        for mention in subjects:
            self.gain(mention, step.states)
            inside = [*mention.contents, *step.roles.get('told', ())]
            self._hold(mention, inside)
            for content in inside:
                self.holders.setdefault(content.name, []).append(mention)
            for target in step.roles.get('target', ()):
                relation = step.relations.get(target.name)
                if relation in ('in', 'on'):
                    self._hold(target, [mention])
                if relation == 'in':
                    self.holders.setdefault(mention.name, []).append(target)
                else:
                    self.beside.setdefault(target.name, []).append(mention)
            living = 'being' in mention.properties or {'body', 'owned'} <= mention.properties
            if living and not mention.pronoun and _is_near(mention, step):
                self.near.append(mention)

    def gain(self, mention: Mention, marks: set[str] | frozenset[str]) -> None:
        """Note properties that a thing has from now on."""
        if mention.name and marks:
            self.properties.setdefault(mention.name, set()).update(marks)
            self.lost.get(mention.name, set()).difference_update(marks)
            if 'off' in marks:
                self.lose(mention, ('on', 'burning', 'hot'))

    def lose(self, mention: Mention, marks: Iterable[str]) -> None:
        """Note properties that a thing no longer has."""
        if mention.name and marks:
            self.properties.get(mention.name, set()).difference_update(marks)
            self.lost.setdefault(mention.name, set()).update(marks)

    def _hold(self, holder: Mention, stuff: Iterable[Mention]) -> None:
        """Note what a thing holds from now on, each only once however often it is poured."""
        held = self.contents.setdefault(holder.name, [])
        held[:] = {id(content): content for content in (*held, *stuff)}.values()

    def apply(self, step: Step) -> None:
        """Change the facts as the step, when done, would change them."""
        if step.mode == 'state':
            self.tell(step)
            return
        if step.negated or step.mode not in ('do', 'tell', 'condition'):
            return
        effects = step.effects
        objects = step.roles.get('object', [])
        loses = {mark for effect in effects for mark in LOSES.get(effect, ())}
        gains = {mark for effect in effects for mark in GAINS.get(effect, ())}
        for mention in objects:
            self.lose(mention, loses)
            self.gain(mention, gains)  # last: what is toggled may be on
        if 'fill' in effects:
            for mention in objects:
                self._hold(mention, step.roles.get('instrument', ()))
        if 'empty' in effects:
            for mention in objects:
                self.contents.pop(mention.name, None)
        if effects & {'put', 'pour', 'mix', 'drop'}:
            self._put(step, objects)
        if 'wet' in effects and any('liquid' in self.marks(m) for m in objects):
            for mention in step.roles.get('target', ()):
                self.gain(mention, frozenset({'wet'}))
        if 'take' in effects:
            self.held = [*self.held, *objects][-3:]
        elif effects & {'put', 'drop', 'give', 'throw'}:
            self.held = []
        self.effects |= effects
        self.steps += 1

    def _put(self, step: Step, objects: list[Mention]) -> None:
        stuff = [*objects, *(m for m in step.roles.get('with', ()))]
        for mention in objects:
            if 'pour' in step.effects and 'liquid' not in mention.properties:
                stuff.extend(self.inside(mention))
        for target in step.roles.get('target', ()):
            if step.relations.get(target.name) in ('in', 'on', 'over', 'to'):
                self._hold(target, stuff)
