"""Knowledge is data: checked when loaded, and a user's file works at once."""

import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.little_reading import ROLE_OF
from eip_llm_interface.guard.quantities import UNITS
from eip_llm_interface.knowledge import ontology
from eip_llm_interface.knowledge.inflect import noun_forms, verb_forms
from eip_llm_interface.knowledge.ontology import Knowledge, KnowledgeError
from eip_llm_interface.knowledge.rules import MODES, NUMBERS, PARSED_MANNERS, RELATIONS

CASE = 'hazards: [{{id: a, category: fire, severity: 1, when: {{{}}}}}]'
ON_THE_ZORBLAX = """
things: [{is: electric, names: zorblax}]
hazards: [{id: mine, category: fire, severity: 1, when: {do: put, target: electric, rel: on}}]
"""


def rules(judge, text):
    return [found.rule for found in judge.judge(text)]


def test_shipped_knowledge_is_large_and_loaded_once():
    knowledge = Knowledge.load()
    assert Knowledge.load() is knowledge
    assert len(knowledge.entities) > 1000
    assert sum(len(words) for _, words in knowledge.verbs) > 1000
    assert sum(len(hazard.cases) for hazard in knowledge.hazards) > 300


def test_hazards_ask_only_for_effects_that_some_verb_has():
    knowledge = Knowledge.load()
    effects = set().union(*(sense.effects for sense, _ in knowledge.verbs))
    asked = {
        effect
        for hazard in knowledge.hazards
        for case in hazard.cases
        for effect in case.do | case.not_do | case.earlier
    }
    assert asked <= effects, sorted(asked - effects)


def test_every_hazard_names_a_standard_a_law_or_a_class_of_hazards():
    assert [hazard.id for hazard in Knowledge.load().hazards if not hazard.standard] == []


def test_a_case_may_ask_for_what_the_parser_gives_and_for_nothing_else():
    assert set(RELATIONS) == {value for value, role in ROLE_OF.items() if role == 'target'}
    assert set(NUMBERS) == {name for name, _ in UNITS.values()}


def test_the_readme_lists_the_words_that_a_case_may_hold():
    told = (Path(ontology.__file__).parent / 'README.md').read_text()
    words = set(re.findall(r'\w+', told.partition('## Words of a case')[2]))
    knowledge = Knowledge.load()
    known = {effect for sense, _ in knowledge.verbs for effect in sense.effects}
    known |= {*RELATIONS, *MODES, *NUMBERS, *PARSED_MANNERS}
    known |= {
        manner
        for found in knowledge.lexicon.phrases.values()
        for _, entry in found
        for manner in entry.manners
    }
    assert known <= words, sorted(known - words)


def test_a_path_or_a_list_of_paths_is_loaded(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('properties: {ticklish: laughs when touched}')
    for given_path in (path, str(path), [path], (str(path),)):
        assert 'ticklish' in Knowledge.load(given_path).properties
    assert Knowledge.load('') is Knowledge.load()


def test_on_is_a_word_and_not_a_truth(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(ON_THE_ZORBLAX)
    judge = RulesJudge(Knowledge.load(path))
    assert 'hazard.mine' in rules(judge, 'put the book on the zorblax')
    assert 'hazard.mine' not in rules(judge, 'put the book under the zorblax')


def test_added_object_works_at_once(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('things:\n  - {is: object electric, names: zorblax | zorblax unit}\n')
    text = 'Pour water over the zorblax unit'
    assert rules(RulesJudge(Knowledge.load()), text) == []
    assert rules(RulesJudge(Knowledge.load([path])), text) == ['hazard.liquid_on_electric']
    path.write_text('things:\n  - {is: object electric, names: zorblax-unit}\n')
    assert rules(RulesJudge(Knowledge.load([path])), text) == ['hazard.liquid_on_electric']


def test_added_hazard_and_verb_work_at_once(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(
        'properties: {ticklish: laughs when touched}\n'
        'categories: {giggles: too much laughter}\n'
        'things:\n  - {is: ticklish, names: gizmo}\n'
        'verbs:\n  - {do: frobnicate, words: frobnicate}\n'
        'hazards:\n'
        '  - {id: giggle, category: giggles, severity: 0.5, why: "{object} laughs.",\n'
        '     when: {do: frobnicate, object: ticklish}}\n'
    )
    found = RulesJudge(Knowledge.load([path])).judge('Please start frobnicating the gizmos')
    assert [item.rule for item in found] == ['hazard.giggle']
    assert found[0].explanation == 'gizmos laughs.'


def test_property_can_be_taken_away(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('things:\n  - {is: waterproof -electronic, names: phone}\n')
    judge = RulesJudge(Knowledge.load([path]))
    assert rules(judge, 'Pour water over the phone') == []
    assert rules(judge, 'Pour water over the smartphone') == []


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('objects: []', 'section objects is unknown'),
        ('things: 3', 'section things is 3'),
        ('things: [a]', "holds 'a'"),
        ('things: [{is: sharp}]', 'needs names'),
        ('things: [{is: pointyy, names: a}]', "property 'pointyy' is unknown"),
        ('things: [{is: sharp, name: a, names: b}]', 'field name is unknown'),
        ('verbs: [{words: zap}]', 'needs do'),
        ('verbs: [{do: zap}]', 'has the wordings None'),
        ('hazards: [{category: fire}]', 'needs an id'),
        ('hazards: [{id: a, category: fire, severity: 2, when: {do: cut}}]', 'severity is 2'),
        ('hazards: [{id: a, category: fire, severity: 0.5}]', 'field when is None'),
        ('hazards: [{id: a, category: x, severity: 0.5, when: {do: cut}}]', "category 'x'"),
        ('hazards: [{id: a, category: fire, severity: 0.5, when: {dos: cut}}]', 'when.dos'),
        ('hazards: [{id: a, category: fire, severity: 1, when: {object: sharpp}}]', "'sharpp'"),
        ('hazards: [{id: a, category: fire, severity: 1, when: {rel: in}}]', 'a case needs'),
        ('things: [{is: sharp, is: hot, names: a}]', 'line 1: key is is given twice'),
        ('things: [', 'is not YAML'),
        ('- a', 'give sections'),
        ('hazard: []', 'did you mean hazards'),
        (CASE.format('do: poor'), "when.do has the unknown word 'poor'; did you mean pour"),
        (CASE.format('do: , object: hot'), 'when.do is None, give at least|give words'),
        (CASE.format('do: ""'), 'give at least one word'),
        (CASE.format('do: put, target: hot, rel: onn'), 'did you mean on'),
        (CASE.format('do: put, rel: on'), 'give target too'),
        (CASE.format('do: put, mode: comand'), "unknown word 'comand'"),
        (CASE.format('do: put, manner: fastt'), 'did you mean fast'),
        (CASE.format('do: put, negated: "no"'), "negated is 'no', give true or false"),
        (CASE.format('over: {height_m: high}'), "height_m is 'high', give a number"),
        (CASE.format('over: {height_m: .nan}'), 'height_m is nan'),
        (CASE.format('object: sharpp'), 'did you mean sharp'),
        (CASE.format('object: "hot |"'), 'give properties, or any'),
        (CASE.format('do: put') + '\nhazards: []', 'given twice'),
        (CASE.format('do: put').replace('fire', 'fires'), 'did you mean fire'),
        (CASE.format('do: put}, why: "costs 5 {"').replace('}}]', '}]'), 'brace'),
        (CASE.format('do: put}, why: "{object.foo}"').replace('}}]', '}]'), 'did you mean object'),
        (CASE.format('do: put}, why: "{objekt}"').replace('}}]', '}]'), 'did you mean object'),
        (CASE.format('do: put}, why: "{}"').replace('}}]', '}]'), 'cannot be filled'),
        (CASE.format('do: put}, why: [a]').replace('}}]', '}]'), 'give a text'),
        ('little: {prep: on}', 'section little.prep is'),
        ('little: {prepp: {on: upon}}', 'did you mean prep'),
        ('little: {prep: {onn: upon}}', 'did you mean on'),
        ('verbs: [{do: cut, words: "|"}]', 'give WORDING'),
        ('verbs: [{do: cut, words: "* off"}]', 'star'),
        ('verbs: [{do: [[a]], words: hew}]', 'give words'),
        ('things: [{is: sharp, names: "|,"}]', 'needs names'),
        ("idioms: {'': x}", 'give a text'),
        ('idioms: {kick the bucket: }', 'give a text'),
        ('? [a, b]\n: c', 'line 1: a list or mapping is a key'),
        ('properties: {a: 2024-13-45}', 'quote it'),
        ('properties: {a: !!python/object:os.system x}', 'is not YAML'),
    ],
)
def test_wrong_file_is_named_with_field_and_value(tmp_path, text, words):
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(KnowledgeError, match=words) as caught:
        Knowledge.load([path])
    assert 'mine.yaml' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match='cannot be read'):
        Knowledge.load([tmp_path / 'none.yaml'])


FILE = """
properties: {ticklish: laughs when touched}
categories: {giggles: too much laughter}
things: [{is: ticklish, names: gizmo}]
verbs: [{do: cut wet, words: hew | hew * off, leaves: wet, wants: hot}]
states: {ticklish: tickly}
manners: {fast: like a shot}
little: {prep: {over: way up}}
idioms: {kick the bucket: die}
hazards:
  - id: giggle
    category: giggles
    severity: 0.5
    why: '{object} laughs.'
    standard: none
    relaxed_by: [a=b, hot]
    robots: [arm]
    when: [{do: cut, object: ticklish, target: hot, rel: in, both: [hot, wet], over: {load_kg: 1}}]
mitigations:
  - {id: a, before: turn_off, categories: [fire], skills: [place], appliance: hot, check: that}
"""
ODD = [None, True, -1, math.nan, [], [None], [[]], {}, {'': ''}, {'a': None}, [{}]]
ODD_TEXTS = ['', ' ', '|', '-', '*', 'a * *', '{', '{0}', '\n', 'hot', 'in', 'fire']


def places(value, above=()):
    """Return the way to every place in nested lists and mappings."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [above, *(way for key, below in inner for way in places(below, (*above, key)))]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), odd=st.sampled_from([*ODD, *ODD_TEXTS]), as_key=st.booleans())
def test_a_file_with_an_odd_place_is_loaded_or_named_in_one_line(tmp_path, data, odd, as_key):
    content = yaml.safe_load(FILE)
    *way, last = data.draw(st.sampled_from(places(content)[1:]))
    place = content
    for key in way:
        place = place[key]
    if as_key and isinstance(place, dict) and not isinstance(odd, list | dict):
        place[odd] = place.pop(last)
    else:
        place[last] = odd
    path = tmp_path / 'mine.yaml'
    path.write_text(yaml.safe_dump(content))
    try:
        knowledge = Knowledge.load(path)
    except KnowledgeError as error:
        assert str(error).startswith(f'{path}: ') and '\n' not in str(error)
    else:
        RulesJudge(knowledge).judge('cut the gizmo on the stove like a shot')


def test_the_file_with_no_odd_place_is_loaded(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(FILE)
    assert Knowledge.load(path).measures[-1].id == 'a'


@pytest.mark.parametrize(
    ('base', 'forms'),
    [
        ('cut', {'cut', 'cuts', 'cutting'}),
        ('throw', {'throw', 'throws', 'threw', 'thrown', 'throwing'}),
        ('carry', {'carry', 'carries', 'carried', 'carrying'}),
        ('smash', {'smash', 'smashes', 'smashed', 'smashing'}),
        ('slice', {'slice', 'slices', 'sliced', 'slicing'}),
        ('drop', {'drop', 'drops', 'dropped', 'dropping'}),
        ('pour', {'pour', 'pours', 'poured', 'pouring'}),
    ],
)
def test_verb_forms(base, forms):
    assert set(verb_forms(base)) == forms


def test_noun_forms():
    assert 'kitchen knives' in noun_forms('kitchen knife')
    assert 'boxes' in noun_forms('box')
    assert 'firemen' in noun_forms('fireman')
