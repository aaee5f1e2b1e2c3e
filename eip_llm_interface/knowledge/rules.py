"""Hazards as rules over properties: read from data, checked, made quick to test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = [
    'ROBOT_KINDS',
    'Case',
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


class KnowledgeError(ValueError):
    """Knowledge that cannot be used; the text names file, field, value and remedy."""


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


def hazard_of(item: Mapping[str, object], properties: Collection[str]) -> Hazard:
    """Return the hazard described by one mapping; raises KnowledgeError."""
    name = str(item.get('id') or '')
    if not name:
        raise KnowledgeError(f'hazard {dict(item)!r:.80} needs an id')
    for key in item:
        if key not in HAZARD_FIELDS:
            raise KnowledgeError(f'hazard {name}: field {key} is unknown')
    when = item.get('when')
    given = when if isinstance(when, list) else [when]
    cases = [case for case in given if isinstance(case, Mapping)]
    if not when or len(cases) < len(given):
        raise KnowledgeError(
            f'hazard {name}: field when is {when!r:.80}, give one or more mappings'
        )
    relaxed = item.get('relaxed_by') or []
    if not isinstance(relaxed, list):
        raise KnowledgeError(f'hazard {name}: field relaxed_by is {relaxed!r:.80}, give a list')
    things = [fact for fact in relaxed if '=' not in str(fact)]
    return Hazard(
        id=name,
        category=str(item.get('category') or ''),
        severity=_ratio(item.get('severity'), f'hazard {name}: field severity'),
        why=str(item.get('why') or ''),
        standard=str(item.get('standard') or ''),
        cases=tuple(_case(case, f'hazard {name}', properties) for case in cases),
        relaxed_facts=tuple(_fact(fact) for fact in relaxed if '=' in str(fact)),
        relaxed_things=_query(things, f'hazard {name}: relaxed_by', properties) if things else None,
        robots=_robots(item.get('robots') or [], f'hazard {name}'),
    )


def check_robot_kind(kind: str, where: str) -> None:
    """Raise KnowledgeError unless `kind` is empty or a kind of robot."""
    if kind and kind not in ROBOT_KINDS:
        raise KnowledgeError(f'{where} is {kind!r}, use one of {list(ROBOT_KINDS)}')


def query_of(value: object, where: str, properties: Collection[str]) -> Query:
    """Return the query written as 'a b -c | d'; raises KnowledgeError."""
    return _query(value, where, properties)


def _robots(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list):
        raise KnowledgeError(f'{where}: field robots is {value!r:.80}, give a list of kinds')
    for kind in value:
        check_robot_kind(str(kind), f'{where}: field robots')
    return frozenset(map(str, value))


def _case(data: Mapping[str, object], where: str, properties: Collection[str]) -> Case:
    for key in data:
        if key not in CASE_FIELDS:
            raise KnowledgeError(f'{where}: field when.{key} is unknown, use one of {CASE_FIELDS}')
    lists = {key: frozenset(_words(data[key])) for key in LISTS if key in data}
    roles = tuple(
        (role, _query(data[role], f'{where}: when.{role}', properties))
        for role in ROLES
        if role in data
    )
    absent = tuple(
        (role, _query(data[f'no_{role}'], f'{where}: when.no_{role}', properties))
        for role in ROLES
        if f'no_{role}' in data
    )
    both = data.get('both')
    if both is not None and not (isinstance(both, list) and len(both) == 2):
        raise KnowledgeError(f'{where}: field when.both is {both!r}, give two queries')
    pair = (
        (_query(both[0], where, properties), _query(both[1], where, properties)) if both else None
    )
    over = data.get('over') or {}
    if not isinstance(over, Mapping) or not set(over) <= set(NUMBERS):
        raise KnowledgeError(f'{where}: field when.over is {over!r}, use some of {NUMBERS}')
    if not (lists.get('do') or roles or pair or over or lists.get('manner')):
        raise KnowledgeError(f'{where}: a case needs do, a role, both, manner or over')
    return Case(
        **lists,
        negated=bool(data.get('negated', False)),
        roles=roles,
        absent=absent,
        both=pair,
        over=tuple((str(key), float(value)) for key, value in over.items()),
        score=_ratio(data.get('score', 0.9), f'{where}: field when.score'),
    )


def _fact(value: object) -> tuple[str, str]:
    key, _, wanted = str(value).partition('=')
    return key.strip(), wanted.strip()


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(word) for word in value]
    return str(value).replace(',', ' ').split()


def _query(value: object, where: str, properties: Collection[str]) -> Query:
    texts = value if isinstance(value, list) else str(value).split('|')
    alternatives = []
    for text in texts:
        marks = str(text).split()
        wanted = frozenset(mark for mark in marks if mark[0] != '-' and mark != 'any')
        unwanted = frozenset(mark[1:] for mark in marks if mark[0] == '-')
        for mark in wanted | unwanted:
            if mark not in properties:
                raise KnowledgeError(
                    f'{where}: property {mark!r} is unknown, add it to the section properties'
                )
        alternatives.append((wanted, unwanted))
    return Query(tuple(alternatives))


def _ratio(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise KnowledgeError(f'{where} is {value!r}, give a number 0 to 1')
    return float(value)
