"""What each word or phrase can be: verb, noun, state, manner or little word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from eip_llm_interface.knowledge.inflect import noun_forms, verb_forms

__all__ = ['OWNER', 'Entity', 'Entry', 'Lexicon', 'VerbSense', 'endings_apart']

OWNER = '§'
SHORT = re.compile(r"'(?:re|ve|ll|d|m)\b")
OWNERS_END = re.compile(r"'s\b|(?<=s)'(?=\s)")


@dataclass(frozen=True)
class Entity:
    """A kind of thing, being or place, with its properties."""

    name: str
    properties: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VerbSense:
    """What a verb does: effects, the state it leaves its object in, what 'it' must be."""

    name: str
    effects: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()

    def joined(self, other: VerbSense) -> VerbSense:
        """Return the sense of a word that can mean both; hazards tell them apart by roles."""
        return VerbSense(
            self.name,
            self.effects | other.effects,
            self.leaves | other.leaves,
            self.wants | other.wants,
        )


@dataclass
class Entry:
    """All readings of one phrase; `form` is that of the verb reading."""

    verb: VerbSense | None = None
    form: str = ''
    noun: Entity | None = None
    states: frozenset[str] = frozenset()
    manners: frozenset[str] = frozenset()
    little: str = ''
    value: str = ''


@dataclass
class Lexicon:
    """Phrases by their first word, longest first."""

    phrases: dict[str, list[tuple[tuple[str, ...], Entry]]] = field(default_factory=dict)
    split: dict[str, list[tuple[str, VerbSense]]] = field(default_factory=dict)
    _exact: dict[tuple[str, ...], Entry] = field(default_factory=dict)

    def entry(self, phrase: str) -> Entry:
        """Return the entry of `phrase`, made when new."""
        words = tuple(endings_apart(phrase).replace(OWNER, f' {OWNER}').split())
        found = self._exact.get(words)
        if found is None:
            found = self._exact[words] = Entry()
            self.phrases.setdefault(words[0], []).append((words, found))
        return found

    def add_noun(self, entity: Entity, wordings: Iterable[str]) -> None:
        """Make every wording, singular and plural, name `entity`."""
        for wording in wordings:
            for form in noun_forms(wording):
                self.entry(form).noun = entity

    def add_verb(self, sense: VerbSense, wordings: Iterable[str]) -> None:
        """Make every form of every wording mean `sense`; `a * b` lets words stand between."""
        for wording in wordings:
            head, _, rest = wording.partition(' ')
            apart = rest.startswith('* ')
            rest = rest.removeprefix('* ')
            for form, kind in verb_forms(head).items():
                entry = self.entry(f'{form} {rest}' if rest else form)
                if entry.verb is not None and entry.form == 'base' and kind != 'base':
                    continue
                entry.verb = sense if entry.verb is None else entry.verb.joined(sense)
                entry.form = kind
                if apart:
                    self._add_split(form, rest, sense)
                    alone = self.entry(form)
                    if alone.verb is None:
                        alone.verb, alone.form = VerbSense(head, frozenset({'act'})), kind

    def _add_split(self, form: str, rest: str, sense: VerbSense) -> None:
        known = self.split.setdefault(form, [])
        for index, (other, found) in enumerate(known):
            if other == rest:
                known[index] = (rest, found.joined(sense))
                return
        known.append((rest, sense))

    def finish(self) -> None:
        """Sort so that the longest phrase is found first."""
        for found in self.phrases.values():
            found.sort(key=lambda item: -len(item[0]))

    def match(self, words: Sequence[str], start: int) -> tuple[int, Entry] | None:
        """Return the length and entry of the longest phrase at `start`, or None."""
        for phrase, entry in self.phrases.get(words[start], ()):
            length = len(phrase)
            if length == 1 or tuple(words[start : start + length]) == phrase:
                return length, entry
        return None

    def noun(self, name: str) -> Entity | None:
        """Return the entity that `name` (spaces or underscores) means, or None."""
        words = name.lower().replace('_', ' ').split()
        while words:
            entry = self._exact.get(tuple(words))
            if entry is not None and entry.noun is not None:
                return entry.noun
            words = words[1:]
        return None


def endings_apart(text: str) -> str:
    """Return `text` of the same length without "'ll" and the like, and with OWNER for "'s"."""
    text = SHORT.sub(lambda match: ' ' * len(match[0]), text)
    return OWNERS_END.sub(lambda match: OWNER + ' ' * (len(match[0]) - 1), text)
