"""Hazards as rules over properties: read from data, checked, made quick to test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from eip_llm_interface.knowledge.checks import (
    KnowledgeError,
    check_blanks,
    check_properties,
    number_of,
    ratio_of,
    remedy,
    text_of,
    truth_of,
    words_of,
)

__all__ = [
    'ROBOT_KINDS',
    'Case',
    'CaseWords',
    'Hazard',
    'KnowledgeError',
    'Query',
    'check_robot_kind',
    'hazard_of',
    'query_of',
]

ROBOT_KINDS = ('household', 'service', 'arm', 'drone', 'vehicle', 'industrial')

ROLES = (
    'object',
    'target',
    'instrument',
    'source',
    'recipient',
    'content',
    'stuff',
    'thing',
    'held',
    'near',
    'occupant',
    'subject',
    'owner',
    'holder',
    'running',
    'circumstance',
    'replaced',
    'lacking',
)
RELATIONS = ('in', 'on', 'over', 'to', 'near', 'under', 'against', 'behind', 'between')
MODES = ('do', 'tell', 'warn', 'purpose', 'condition', 'question')
PARSED_MANNERS = ('others',)
"""Manners that the parser itself finds: what belongs to other people."""
BLANKS = (*ROLES, 'first', 'second')
LISTS = ('do', 'not_do', 'earlier', 'rel', 'not_rel', 'manner', 'not_manner', 'mode')
NUMBERS = ('speed_mps', 'height_m', 'temperature_c', 'duration_min', 'load_kg')
CASE_FIELDS = (
    *ROLES,
    *(f'no_{role}' for role in ROLES),
    *LISTS,
    'negated',
    'both',
    'over',
    'score',
)


HAZARD_FIELDS = (
    'id',
    'category',
    'severity',
    'why',
    'standard',
    'when',
    'relaxed_by',
    'robots',
)


@dataclass(frozen=True)
class CaseWords:
    """The words that a hazard may ask for: properties, effects of verbs, manners."""

    properties: Collection[str]
    effects: Collection[str]
    manners: Collection[str]

    def of(self, field: str) -> Collection[str]:
        """Return the words that the field of a case may hold."""
        if field in ('do', 'not_do', 'earlier'):
            return self.effects
        if field in ('rel', 'not_rel'):
            return RELATIONS
        return MODES if field == 'mode' else (*self.manners, *PARSED_MANNERS)


@dataclass(frozen=True)
class Query:
    """Alternatives of properties: one matches when it has all wanted and none unwanted."""

    alternatives: tuple[tuple[frozenset[str], frozenset[str]], ...]

    def matches(self, properties: frozenset[str] | set[str]) -> bool:
        """Return whether `properties` satisfy any alternative."""
        return any(
            wanted <= properties and not (unwanted & properties)
            for wanted, unwanted in self.alternatives
        )


@dataclass(frozen=True)
class Case:
    """One way in which a hazard shows; every field that is set must hold."""

    do: frozenset[str] = frozenset()
    not_do: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()
    rel: frozenset[str] = frozenset()
    not_rel: frozenset[str] = frozenset()
    manner: frozenset[str] = frozenset()
    not_manner: frozenset[str] = frozenset()
    mode: frozenset[str] = frozenset()
    negated: bool = False
    roles: tuple[tuple[str, Query], ...] = ()
    absent: tuple[tuple[str, Query], ...] = ()
    both: tuple[Query, Query] | None = None
    over: tuple[tuple[str, float], ...] = ()
    score: float = 0.9


@dataclass(frozen=True)
class Hazard:
    """A hazard: what it is called, how bad it is, why, and the cases in which it shows.

    Scene facts `relaxed_facts`, and things that the scene (never the command) says to be as
    `relaxed_things` asks, take it away.
    """

    id: str
    category: str
    severity: float
    why: str
    standard: str
    cases: tuple[Case, ...]
    relaxed_facts: tuple[tuple[str, str], ...] = ()
    relaxed_things: Query | None = None
    robots: frozenset[str] = frozenset()

    def binds(self, robot_kind: str) -> bool:
        """Return whether the hazard holds for robots of this kind; empty means of any kind."""
        return not robot_kind or not self.robots or robot_kind in self.robots


def hazard_of(item: Mapping[str, object], words: CaseWords) -> Hazard:
    """Return the hazard described by one mapping; raises KnowledgeError."""
    name = text_of(item, 'id', 'hazard')
    if not name:
        raise KnowledgeError(f'hazard {dict(item)!r:.80} needs an id')
    where = f'hazard {name}'
    for key in item:
        if key not in HAZARD_FIELDS:
            raise KnowledgeError(f'{where}: field {key} is unknown; {remedy(key, HAZARD_FIELDS)}')
    when = item.get('when')
    given = when if isinstance(when, list) else [when]
    cases = [case for case in given if isinstance(case, Mapping)]
    if not when or len(cases) < len(given):
        raise KnowledgeError(f'{where}: field when is {when!r:.80}, give one or more mappings')
    relaxed = item.get('relaxed_by') or []
    if not isinstance(relaxed, list) or not all(isinstance(fact, str) for fact in relaxed):
        raise KnowledgeError(f'{where}: field relaxed_by is {relaxed!r:.80}, give a list of texts')
    things = [fact for fact in relaxed if '=' not in fact]
    why = text_of(item, 'why', where)
    check_blanks(why, BLANKS, f'{where}: field why')
    return Hazard(
        id=name,
        category=text_of(item, 'category', where),
        severity=ratio_of(item.get('severity'), f'{where}: field severity'),
        why=why,
        standard=text_of(item, 'standard', where),
        cases=tuple(_case(case, where, words) for case in cases),
        relaxed_facts=tuple(_fact(fact, where) for fact in relaxed if '=' in fact),
        relaxed_things=query_of(things, f'{where}: field relaxed_by', words.properties)
        if things
        else None,
        robots=_robots(item.get('robots') or [], where),
    )


def check_robot_kind(kind: str, where: str) -> None:
    """Raise KnowledgeError unless `kind` is empty or a kind of robot."""
    if kind and kind not in ROBOT_KINDS:
        raise KnowledgeError(f'{where} is {kind!r}, use one of {list(ROBOT_KINDS)}')


def query_of(value: object, where: str, properties: Collection[str]) -> Query:
    """Return the query written as 'a b -c | d'; raises KnowledgeError."""
    texts = value if isinstance(value, list) else str(value).split('|')
    alternatives = []
    for text in texts:
        marks = str(text).split()
        if not marks:
            raise KnowledgeError(f'{where} is {value!r:.80}, give properties, or any')
        wanted = frozenset(mark for mark in marks if mark[0] != '-' and mark != 'any')
        unwanted = frozenset(mark[1:] for mark in marks if mark[0] == '-')
        check_properties(wanted | unwanted, where, properties)
        alternatives.append((wanted, unwanted))
    return Query(tuple(alternatives))


def _robots(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list):
        raise KnowledgeError(f'{where}: field robots is {value!r:.80}, give a list of kinds')
    for kind in value:
        check_robot_kind(str(kind), f'{where}: field robots')
    return frozenset(map(str, value))


def _case(data: Mapping[str, object], where: str, words: CaseWords) -> Case:
    for key in data:
        if key not in CASE_FIELDS:
            raise KnowledgeError(
                f'{where}: field when.{key} is unknown; {remedy(key, CASE_FIELDS)}'
            )
    lists = {
        key: words_of(data[key], f'{where}: field when.{key}', words.of(key))
        for key in LISTS
        if key in data
    }
    roles, absent = _queries(data, '', where, words), _queries(data, 'no_', where, words)
    pair = _both(data.get('both'), where, words)
    over = _over(data.get('over'), where)
    if not (lists.get('do') or roles or pair or over or lists.get('manner')):
        raise KnowledgeError(f'{where}: a case needs do, a role, both, manner or over')
    if (lists.get('rel') or lists.get('not_rel')) and 'target' not in data:
        raise KnowledgeError(f'{where}: rel says how a target is reached, give target too')
    return Case(
        **lists,
        negated=truth_of(data.get('negated', False), f'{where}: field when.negated'),
        roles=roles,
        absent=absent,
        both=pair,
        over=over,
        score=ratio_of(data.get('score', 0.9), f'{where}: field when.score'),
    )


def _queries(
    data: Mapping[str, object], prefix: str, where: str, words: CaseWords
) -> tuple[tuple[str, Query], ...]:
    return tuple(
        (role, query_of(data[key], f'{where}: field when.{key}', words.properties))
        for role in ROLES
        if (key := f'{prefix}{role}') in data
    )


def _both(value: object, where: str, words: CaseWords) -> tuple[Query, Query] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise KnowledgeError(f'{where}: field when.both is {value!r:.80}, give two queries')
    first, second = (
        query_of(item, f'{where}: field when.both', words.properties) for item in value
    )
    return first, second


def _over(value: object, where: str) -> tuple[tuple[str, float], ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not set(value) <= set(NUMBERS):
        raise KnowledgeError(
            f'{where}: field when.over is {value!r:.80}, use some of {list(NUMBERS)}'
        )
    return tuple(
        (str(key), number_of(limit, f'{where}: field when.over.{key}'))
        for key, limit in value.items()
    )


def _fact(text: str, where: str) -> tuple[str, str]:
    key, _, wanted = (part.strip() for part in text.partition('='))
    if not key or not wanted:
        raise KnowledgeError(f'{where}: field relaxed_by has {text!r:.80}, give NAME=VALUE')
    return key, wanted
