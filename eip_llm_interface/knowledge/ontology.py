"""What is known of objects, verbs, places and hazards: loaded from YAML and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import yaml

from eip_llm_interface.knowledge.lexicon import Entity, Lexicon, VerbSense
from eip_llm_interface.knowledge.measures import Measure, measure_of
from eip_llm_interface.knowledge.rules import Hazard, KnowledgeError, hazard_of

__all__ = ['KNOWLEDGE_FILES', 'Knowledge', 'KnowledgeError']

FOLDER = Path(__file__).parent
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
SECTIONS = (
    'properties',
    'categories',
    'things',
    'verbs',
    'states',
    'manners',
    'little',
    'idioms',
    'hazards',
    'mitigations',
)
BaseLoader: type = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class _Loader(BaseLoader):
    """Refuses a key that is given twice, of which YAML would silently drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            line = node.start_mark.line + 1
            raise KnowledgeError(f'line {line}: key {twice} is given twice, keep one')
        made: dict[object, object] = super().construct_mapping(node, deep)
        return made


@dataclass
class _Gathered:
    """The raw facts of all files, later ones on top.

    `things` holds properties by wording, `wordings` the thing's name by wording, `heads` the
    wordings by name.
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
    def load(cls, extra_paths: Sequence[str | Path] = ()) -> Knowledge:
        """Return the shipped knowledge with the user's files merged on top.

        A thing named again gains the properties (`-property` takes one away), a hazard with a
        known id replaces the old, so does a mitigation. Raises KnowledgeError naming file, field,
        value and remedy.
        """
        if not extra_paths:
            return _shipped()
        return _load((*KNOWLEDGE_FILES, *(Path(path) for path in extra_paths)))


@lru_cache(maxsize=1)
def _shipped() -> Knowledge:
    return _load(KNOWLEDGE_FILES)


def _load(paths: Iterable[Path]) -> Knowledge:
    gathered = _Gathered()
    for path in paths:
        try:
            _gather(gathered, _read(path))
        except KnowledgeError as error:
            raise KnowledgeError(f'{path}: {error}') from None
    return _compiled(gathered)


def _read(path: Path) -> Mapping[str, object]:
    try:
        data = yaml.load(path.read_text(encoding='utf-8'), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f'cannot be read ({error}); give a YAML file') from None
    except yaml.YAMLError as error:
        raise KnowledgeError(f'is not YAML: {" ".join(str(error).split())}') from None
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise KnowledgeError(f'holds {data!r:.80}, give sections {list(SECTIONS)}')
    for section in data:
        if section not in SECTIONS:
            raise KnowledgeError(f'section {section} is unknown, use one of {list(SECTIONS)}')
    return data


def _gather(gathered: _Gathered, data: Mapping[str, object]) -> None:
    for section in ('properties', 'categories', 'idioms'):
        given = data.get(section) or {}
        if not isinstance(given, Mapping):
            raise KnowledgeError(f'section {section} is {given!r:.80}, give name: text')
        getattr(gathered, section).update({str(k): str(v) for k, v in given.items()})
    for item in _list(data, 'things'):
        _gather_thing(gathered, item)
    for item in _list(data, 'verbs'):
        _gather_verb(gathered, item)
    for section in ('states', 'manners'):
        given = data.get(section) or {}
        if not isinstance(given, Mapping):
            raise KnowledgeError(f'section {section} is {given!r:.80}, give tag: wordings')
        for tag, words in given.items():
            for wording in _wordings(words, f'{section}.{tag}'):
                if section == 'states':
                    tags = frozenset(str(tag).split())
                    _known(gathered, tags, f'states.{tag}')
                    gathered.states.append((tags, wording))
                else:
                    gathered.manners.append((str(tag), wording))
    _gather_little(gathered, data.get('little') or {})
    for item in _list(data, 'hazards'):
        hazard = hazard_of(item, gathered.properties)
        if hazard.category not in gathered.categories:
            raise KnowledgeError(
                f'hazard {hazard.id}: category {hazard.category!r} is unknown, add it to the '
                f'section categories or use one of {sorted(gathered.categories)}'
            )
        gathered.hazards[hazard.id] = hazard
    for item in _list(data, 'mitigations'):
        known = (gathered.properties, gathered.hazards, gathered.categories)
        measure = measure_of(item, *known)
        gathered.measures[measure.id] = measure


def _gather_thing(gathered: _Gathered, item: Mapping[str, object]) -> None:
    names = item.get('names')
    marks = str(item.get('is') or '').replace(',', ' ').split()
    if isinstance(item.get('is'), list):
        marks = [str(mark) for mark in item['is']]  # type: ignore[attr-defined]
    if not isinstance(names, str) or not names.strip():
        raise KnowledgeError(f'thing {dict(item)!r:.80} needs names: NAME | WORDING, NAME ...')
    for key in item:
        if key not in ('is', 'names'):
            raise KnowledgeError(f'thing {names!r:.40}: field {key} is unknown, use is and names')
    added = {mark for mark in marks if not mark.startswith('-')}
    removed = {mark[1:] for mark in marks if mark.startswith('-')}
    _known(gathered, added | removed, f'thing {names!r:.40}')
    for group in names.split(','):
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
    words = _wordings(item.get('words'), f'verb {item.get("do")!r}')
    effects = frozenset(str(item.get('do') or '').split())
    if not effects:
        raise KnowledgeError(f'verb {words[0]!r} needs do: EFFECT ...')
    leaves = frozenset(str(item.get('leaves') or '').split())
    wants = frozenset(str(item.get('wants') or '').split())
    _known(gathered, leaves | wants, f'verb {words[0]!r}')
    gathered.verbs.append((VerbSense(words[0].replace(' * ', ' '), effects, leaves, wants), words))


def _gather_little(gathered: _Gathered, given: object) -> None:
    if not isinstance(given, Mapping):
        raise KnowledgeError(f'section little is {given!r:.80}, give class: {{value: wordings}}')
    for kind, values in given.items():
        for value, words in values.items():
            for wording in _wordings(words, f'little.{kind}.{value}'):
                gathered.little.append((str(kind), str(value), wording))


def _known(gathered: _Gathered, marks: Iterable[str], where: str) -> None:
    for mark in marks:
        if mark not in gathered.properties:
            raise KnowledgeError(
                f'{where}: property {mark!r} is unknown, add it to the section properties'
            )


def _list(data: Mapping[str, object], section: str) -> list[Mapping[str, object]]:
    given = data.get(section) or []
    if not isinstance(given, list):
        raise KnowledgeError(f'section {section} is {given!r:.80}, give a list')
    for item in given:
        if not isinstance(item, Mapping):
            raise KnowledgeError(f'section {section} holds {item!r:.80}, give mappings')
    return given


def _wordings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, str) or not value.strip():
        raise KnowledgeError(f'{where} has the wordings {value!r:.80}, give WORDING | WORDING ...')
    return tuple(' '.join(part.lower().split()) for part in value.split('|') if part.strip())


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
