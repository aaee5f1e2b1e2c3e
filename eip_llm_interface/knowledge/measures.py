"""Measures that make a rejected plan allowable: read from data and checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from eip_llm_interface.knowledge.rules import Hazard, KnowledgeError, Query, query_of

__all__ = ['NEVER_ANSWERED', 'Measure', 'measure_of']

NEVER_ANSWERED = frozenset(
    {
        'animal_cruelty',
        'code_injection',
        'cyber',
        'deception',
        'discrimination',
        'fault',
        'harassment',
        'harm',
        'harm_animal',
        'harm_person',
        'illegal',
        'input',
        'neglect',
        'poison',
        'poisoning',
        'privacy',
        'safety_bypass',
        'self_harm',
        'theft',
        'ungrounded_plan',
        'violence',
        'weapon',
    }
)
"""Categories of what somebody means to do, by the rules' and by the model's names: no measure makes
them allowable."""

ACTIONS = {'before': ('turn_off', 'wait_until_clear'), 'after': ('turn_off',)}
FIELDS = (
    'id',
    'hazards',
    'categories',
    'skills',
    'appliance',
    *ACTIONS,
    'confirm',
    'check',
    'says',
    'allows',
)
BLANK = re.compile(r'\{(\w*)\}')
BLANKS = ('appliance', 'object', 'place', 'person')


@dataclass(frozen=True)
class Measure:
    """What is done about some hazards: steps before or after, a question to a person, or both.

    `when` is 'before', 'after' or 'confirm', `action` the skill that is used ('' for 'confirm').
    It covers findings of `hazards` or `categories`, in steps of `skills` (empty: any), at
    appliances that match `appliance`. Only with `allows` is the plan allowed without a person, who
    otherwise is asked to check `check`. `says` tells people what is done.
    """

    id: str
    when: str
    action: str = ''
    hazards: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    appliance: Query | None = None
    check: str = ''
    says: str = ''
    allows: bool = False

    def covers(self, rule: str, category: str) -> bool:
        """Return whether a finding of the rules is one of those that this measure is for."""
        if category in NEVER_ANSWERED or not rule.startswith('hazard.'):
            return False
        return rule.removeprefix('hazard.') in self.hazards or category in self.categories


def measure_of(
    item: Mapping[str, object],
    properties: Collection[str],
    hazards: Mapping[str, Hazard],
    categories: Collection[str],
) -> Measure:
    """Return the measure described by one mapping; raises KnowledgeError."""
    name = str(item.get('id') or '')
    if not name:
        raise KnowledgeError(f'mitigation {dict(item)!r:.80} needs an id')
    where = f'mitigation {name}'
    for key in item:
        if key not in FIELDS:
            raise KnowledgeError(f'{where}: field {key} is unknown, use one of {FIELDS}')
    when, action = _kind(item, where)
    measure = Measure(
        id=name,
        when=when,
        action=action,
        hazards=_covered_hazards(item, where, hazards),
        categories=_covered_categories(item, where, categories),
        skills=_names(item, 'skills', where),
        appliance=query_of(item['appliance'], f'{where}: appliance', properties)
        if 'appliance' in item
        else None,
        check=_sentence(item, 'confirm' if when == 'confirm' else 'check', where),
        says=_sentence(item, 'says', where),
        allows=_allows(item, when, where),
    )
    if not measure.hazards and not measure.categories:
        raise KnowledgeError(f'{where}: names no hazards or categories, say what it is for')
    if action == 'turn_off' and measure.appliance is None:
        raise KnowledgeError(f'{where}: field appliance is missing, say what is to be turned off')
    if not measure.allows and not measure.check:
        raise KnowledgeError(
            f'{where}: field check is missing, say what a person must check, or allows: true'
        )
    return measure


def _kind(item: Mapping[str, object], where: str) -> tuple[str, str]:
    given = [key for key in (*ACTIONS, 'confirm') if key in item]
    if len(given) != 1:
        raise KnowledgeError(f'{where} has the kinds {given}, give one of before, after, confirm')
    if given[0] == 'confirm':
        if 'check' in item:
            raise KnowledgeError(f'{where}: field check is given beside confirm, keep confirm')
        return 'confirm', ''
    action = item[given[0]]
    if action not in ACTIONS[given[0]]:
        raise KnowledgeError(
            f'{where}: field {given[0]} is {action!r}, use one of {list(ACTIONS[given[0]])}'
        )
    return given[0], str(action)


def _covered_hazards(
    item: Mapping[str, object], where: str, known: Mapping[str, Hazard]
) -> frozenset[str]:
    names = _names(item, 'hazards', where)
    for name in sorted(names):
        if name not in known:
            raise KnowledgeError(f'{where}: field hazards names {name!r}, which is no known hazard')
        _answerable(known[name].category, f'{where}: field hazards names {name!r}')
    return names


def _covered_categories(
    item: Mapping[str, object], where: str, known: Collection[str]
) -> frozenset[str]:
    names = _names(item, 'categories', where)
    for name in sorted(names):
        if name not in known:
            raise KnowledgeError(f'{where}: field categories names {name!r}, use {sorted(known)}')
        _answerable(name, f'{where}: field categories')
    return names


def _answerable(category: str, where: str) -> None:
    if category in NEVER_ANSWERED:
        raise KnowledgeError(
            f'{where} is of the category {category}, which no measure makes allowable; leave it out'
        )


def _allows(item: Mapping[str, object], when: str, where: str) -> bool:
    given = item.get('allows', False)
    if not isinstance(given, bool):
        raise KnowledgeError(f'{where}: field allows is {given!r}, give true or false')
    if given and when == 'confirm':
        raise KnowledgeError(f'{where}: field allows is true, but confirm always asks a person')
    return given


def _names(item: Mapping[str, object], field: str, where: str) -> frozenset[str]:
    given = item.get(field, [])
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise KnowledgeError(f'{where}: field {field} is {given!r:.80}, give a list of names')
    return frozenset(given)


def _sentence(item: Mapping[str, object], field: str, where: str) -> str:
    given = item.get(field, '')
    if not isinstance(given, str) or (field in item and not given.strip()):
        raise KnowledgeError(f'{where}: field {field} is {given!r:.80}, give a text')
    for blank in BLANK.findall(given):
        if blank not in BLANKS:
            raise KnowledgeError(
                f'{where}: field {field} has the blank {blank!r}, use one of {list(BLANKS)}'
            )
    return given.strip()
