"""What is known of objects, verbs, places and hazards: loaded from YAML and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from eip_llm_interface.knowledge.checks import (
    KnowledgeError,
    check_properties,
    mapping_of,
    remedy,
    words_of,
)
from eip_llm_interface.knowledge.lexicon import Entity, Lexicon, VerbSense
from eip_llm_interface.knowledge.measures import Measure, measure_of
from eip_llm_interface.knowledge.rules import CaseWords, Hazard, hazard_of
from eip_llm_interface.knowledge.yaml_file import read_sections

__all__ = ['KNOWLEDGE_FILES', 'Knowledge', 'KnowledgeError']

FOLDER = Path(__file__).parent
SPLIT_VERB = re.compile(r'[^ *]+ \* [^*]+')
KNOWLEDGE_FILES = tuple(
    FOLDER / f'{name}.yaml'
    for name in (
        'properties',
        'grammar',
        'objects',
        'materials',
        'beings',
        'places',
        'verbs',
        'intents',
        'states',
        'hazards',
        'hazards_people',
        'hazards_conduct',
        'mitigations',
    )
)


@dataclass
class _Gathered:
    """The raw facts of all files, later ones on top.

    `things` holds properties by wording, `wordings` the thing's name by wording, `heads` the
    wordings by name. `strict` holds for a user's file: what the shipped ones do not have is wrong.
    """

    properties: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    things: dict[str, set[str]] = field(default_factory=dict)
    wordings: dict[str, str] = field(default_factory=dict)
    heads: dict[str, list[str]] = field(default_factory=dict)
    verbs: list[tuple[VerbSense, tuple[str, ...]]] = field(default_factory=list)
    states: list[tuple[frozenset[str], str]] = field(default_factory=list)
    manners: list[tuple[str, str]] = field(default_factory=list)
    little: list[tuple[str, str, str]] = field(default_factory=list)
    idioms: dict[str, str] = field(default_factory=dict)
    hazards: dict[str, Hazard] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True)
class Knowledge:
    """All facts that the rules channel judges with; `load` it, it is shared and read-only."""

    lexicon: Lexicon
    hazards: tuple[Hazard, ...]
    properties: Mapping[str, str]
    categories: Mapping[str, str]
    entities: Mapping[str, Entity]
    idioms: Lexicon
    verbs: tuple[tuple[VerbSense, tuple[str, ...]], ...] = ()
    wordings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()

    @classmethod
    def load(cls, extra_paths: str | Path | Sequence[str | Path] = ()) -> Knowledge:
        """Return the shipped knowledge with the user's file or files merged on top.

        A thing named again gains the properties (`-property` takes one away), a hazard with a
        known id replaces the old, so does a mitigation. Raises KnowledgeError naming file, field,
        value and remedy.
        """
        if isinstance(extra_paths, str | Path):
            extra_paths = [extra_paths] if str(extra_paths) else ()
        if not extra_paths:
            return _shipped()
        return _load(tuple(Path(path) for path in extra_paths))


@lru_cache(maxsize=1)
def _shipped() -> Knowledge:
    return _load(())


def _load(extra_paths: Sequence[Path]) -> Knowledge:
    gathered = _Gathered()
    for path in (*KNOWLEDGE_FILES, *extra_paths):
        gathered.strict = path not in KNOWLEDGE_FILES
        try:
            _gather(gathered, read_sections(path))
        except KnowledgeError as error:
            raise KnowledgeError(f'{path}: {" ".join(str(error).split())}') from None
    return _compiled(gathered)


def _gather(gathered: _Gathered, data: Mapping[str, object]) -> None:
    for section in ('properties', 'categories', 'idioms'):
        for name, text in mapping_of(data.get(section), section, 'name: text').items():
            if not isinstance(text, str) or not text.strip():
                raise KnowledgeError(f'{section}.{name} is {text!r:.80}, give a text')
            getattr(gathered, section)[name] = text
    for item in _list(data, 'things'):
        _gather_thing(gathered, item)
    for item in _list(data, 'verbs'):
        _gather_verb(gathered, item)
    for tag, words in mapping_of(data.get('states'), 'states', 'property: wordings').items():
        tags = frozenset(tag.split())
        check_properties(tags, f'states.{tag}', gathered.properties)
        gathered.states += [
            (tags, wording) for wording in _wordings(gathered, words, f'states.{tag}')
        ]
    for manner, words in mapping_of(data.get('manners'), 'manners', 'manner: wordings').items():
        wordings = _wordings(gathered, words, f'manners.{manner}')
        gathered.manners += [(manner, wording) for wording in wordings]
    _gather_little(gathered, mapping_of(data.get('little'), 'little', 'class: {value: wordings}'))
    for item in _list(data, 'hazards'):
        _gather_hazard(gathered, item)
    for item in _list(data, 'mitigations'):
        known = (gathered.properties, gathered.hazards, gathered.categories)
        measure = measure_of(item, *known)
        gathered.measures[measure.id] = measure


def _gather_hazard(gathered: _Gathered, item: Mapping[str, object]) -> None:
    effects = {effect for sense, _ in gathered.verbs for effect in sense.effects}
    manners = {manner for manner, _ in gathered.manners}
    hazard = hazard_of(item, CaseWords(gathered.properties, effects, manners))
    if hazard.category not in gathered.categories:
        raise KnowledgeError(
            f'hazard {hazard.id}: category {hazard.category!r} is unknown; add it to the section '
            f'categories, or {remedy(hazard.category, gathered.categories)}'
        )
    gathered.hazards[hazard.id] = hazard


def _gather_thing(gathered: _Gathered, item: Mapping[str, object]) -> None:
    names = item.get('names')
    marks = str(item.get('is') or '').replace(',', ' ').split()
    if isinstance(item.get('is'), list):
        marks = [str(mark) for mark in item['is']]  # type: ignore[attr-defined]
    if not isinstance(names, str) or not names.strip(' |,-_'):
        raise KnowledgeError(f'thing {dict(item)!r:.80} needs names: NAME | WORDING, NAME ...')
    for key in item:
        if key not in ('is', 'names'):
            raise KnowledgeError(f'thing {names!r:.40}: field {key} is unknown, use is and names')
    added = {mark for mark in marks if not mark.startswith('-')}
    removed = {mark[1:] for mark in marks if mark.startswith('-')}
    check_properties(added | removed, f'thing {names!r:.40}', gathered.properties)
    for group in _spaced(gathered, names).split(','):
        wordings = [' '.join(word.lower().split()) for word in group.split('|')]
        wordings = [word for word in wordings if word]
        if not wordings:
            continue
        if len(wordings) == 1:
            wordings = gathered.heads.get(wordings[0], wordings)
        for wording in list(wordings):
            if wording not in gathered.wordings:
                gathered.wordings[wording] = wordings[0]
                gathered.heads.setdefault(wordings[0], []).append(wording)
            properties = gathered.things.setdefault(wording, set())
            properties |= added
            properties -= removed


def _gather_verb(gathered: _Gathered, item: Mapping[str, object]) -> None:
    for key in item:
        if key not in ('do', 'words', 'leaves', 'wants'):
            raise KnowledgeError(
                f'verb {dict(item)!r:.60}: field {key} is unknown, use do, words, leaves, wants'
            )
    words = _wordings(gathered, item.get('words'), f'verb {item.get("do")!r}')
    if not item.get('do'):
        raise KnowledgeError(f'verb {words[0]!r} needs do: EFFECT ...')
    effects = words_of(item['do'], f'verb {words[0]!r}: field do')
    leaves = frozenset(str(item.get('leaves') or '').split())
    wants = frozenset(str(item.get('wants') or '').split())
    check_properties(leaves | wants, f'verb {words[0]!r}', gathered.properties)
    for wording in words if gathered.strict else ():
        if '*' in wording and not SPLIT_VERB.fullmatch(wording):
            raise KnowledgeError(f'verb {wording!r}: give one word before the star: turn * off')
    gathered.verbs.append((VerbSense(words[0].replace(' * ', ' '), effects, leaves, wants), words))


def _gather_little(gathered: _Gathered, given: Mapping[str, object]) -> None:
    """Gather little words; the shipped grammar, read first, says which classes there are."""
    known: dict[str, set[str]] = {}
    for kind, value, _ in gathered.little:
        known.setdefault(kind, set()).add(value)
    for kind in given:
        if gathered.strict and kind not in known:
            raise KnowledgeError(f'little.{kind} is no class; {remedy(kind, known)}')
        for value, words in mapping_of(given[kind], f'little.{kind}', 'value: wordings').items():
            if gathered.strict and value not in known[kind]:
                raise KnowledgeError(
                    f'little.{kind}.{value} is no value; {remedy(value, known[kind])}'
                )
            for wording in _wordings(gathered, words, f'little.{kind}.{value}'):
                gathered.little.append((kind, value, wording))


def _list(data: Mapping[str, object], section: str) -> list[Mapping[str, object]]:
    given = data.get(section) or []
    if not isinstance(given, list):
        raise KnowledgeError(f'section {section} is {given!r:.80}, give a list')
    for item in given:
        if not isinstance(item, Mapping):
            raise KnowledgeError(f'section {section} holds {item!r:.80}, give mappings')
    return given


def _wordings(gathered: _Gathered, value: object, where: str) -> tuple[str, ...]:
    parts = _spaced(gathered, value).lower().split('|') if isinstance(value, str) else ()
    found = tuple(' '.join(part.split()) for part in parts if part.strip())
    if not found:
        raise KnowledgeError(f'{where} has the wordings {value!r:.80}, give WORDING | WORDING ...')
    return found


def _spaced(gathered: _Gathered, text: str) -> str:
    """Return a user's text as sentences are read: hyphens and underscores are spaces."""
    return text.replace('-', ' ').replace('_', ' ') if gathered.strict else text


def _compiled(gathered: _Gathered) -> Knowledge:
    lexicon, idioms = Lexicon(), Lexicon()
    entities = {
        wording: Entity(gathered.wordings[wording], frozenset(marks))
        for wording, marks in gathered.things.items()
    }
    for wording, entity in entities.items():
        lexicon.add_noun(entity, (wording,))
    for sense, words in gathered.verbs:
        lexicon.add_verb(sense, words)
    for tags, wording in gathered.states:
        entry = lexicon.entry(wording)
        entry.states = entry.states | tags
    for manner, wording in gathered.manners:
        entry = lexicon.entry(wording)
        entry.manners = entry.manners | {manner}
    for kind, value, wording in gathered.little:
        entry = lexicon.entry(wording)
        entry.little, entry.value = kind, value
    for phrase, meaning in gathered.idioms.items():
        idioms.entry(phrase.lower()).value = meaning.lower()
    lexicon.finish()
    idioms.finish()
    return Knowledge(
        lexicon=lexicon,
        hazards=tuple(gathered.hazards.values()),
        properties=gathered.properties,
        categories=gathered.categories,
        entities=entities,
        idioms=idioms,
        verbs=tuple(gathered.verbs),
        wordings={name: tuple(words) for name, words in gathered.heads.items()},
        measures=tuple(gathered.measures.values()),
    )
