"""What a sentence says is to be done: steps with roles."""

from __future__ import annotations

from dataclasses import dataclass, field

from eip_llm_interface.knowledge.lexicon import VerbSense

__all__ = ['Mention', 'Step']


@dataclass
class Mention:
    """One thing spoken of; `properties` are its kind's and those the words around it add."""

    name: str
    words: str
    properties: frozenset[str] = frozenset()
    contents: list[Mention] = field(default_factory=list)
    pronoun: bool = False
    known: bool = True
    states: frozenset[str] = frozenset()


@dataclass
class Step:
    """One thing to be done (or told): verb, roles, relation, manner, mode.

    `mode` is 'do' for what is commanded, 'state' for a told fact, 'condition', 'purpose',
    'question', 'tell' or 'warn' for what is said or asked about. `aside` marks a clause of
    circumstance ('while …').
    """

    verb: VerbSense | None = None
    mode: str = 'do'
    roles: dict[str, list[Mention]] = field(default_factory=dict)
    relation: str = ''
    relations: dict[str, str] = field(default_factory=dict)
    manners: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    numbers: dict[str, float] = field(default_factory=dict)
    negated: bool = False
    start: int = 0
    end: int = 0
    order: float = 0.0
    aside: bool = False

    @property
    def effects(self) -> frozenset[str]:
        """Return the effects of the verb; none when there is no known verb."""
        return self.verb.effects if self.verb is not None else frozenset()

    def mentions(self) -> list[Mention]:
        """Return all mentions in all roles."""
        return [mention for group in self.roles.values() for mention in group]
