"""Knowledge is data: checked when loaded, and a user's file works at once."""

import pytest

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.knowledge.inflect import noun_forms, verb_forms
from eip_llm_interface.knowledge.ontology import Knowledge, KnowledgeError


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


def test_added_object_works_at_once(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('things:\n  - {is: object electric, names: zorblax | zorblax unit}\n')
    text = 'Pour water over the zorblax unit'
    assert rules(RulesJudge(Knowledge.load()), text) == []
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
