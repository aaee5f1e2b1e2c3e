"""Numbering what a command speaks of, and putting the names back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eip_llm_interface.engine.mentions import MOST_MENTIONS, marks, number_mentions
from eip_llm_interface.engine.nano_format import NanoFormat
from eip_llm_interface.engine.plan_request import PlanStream
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.planner.planner import PlanError, Planner
from eip_llm_interface.planner.skills import Named, SkillsManifest

MANIFEST = SkillsManifest.load()
PLANNER = Planner(MANIFEST)


def test_things_are_numbered_in_order_with_where_they_stand() -> None:
    numbered = number_mentions('take the mug to the basin', SceneFacts(), MANIFEST)
    assert numbered.text == 'take the @1 mug to the @2 basin'
    assert numbered.note == '@1 object@3;@2 place'
    assert numbered.names['@1'] == {'object': 'cup'} and numbered.names['@2'] == {'place': 'sink'}
    assert numbered.names['@3'] == {'place': 'counter'}


def test_the_longest_wording_wins() -> None:
    numbered = number_mentions('open the kitchen door', SceneFacts(), MANIFEST)
    assert numbered.text == 'open the @1 kitchen door'
    assert numbered.names['@1'] == {'appliance': 'door', 'place': 'door'}


def test_one_thing_said_twice_has_one_number() -> None:
    numbered = number_mentions('get the cup and wash the mug', SceneFacts(), MANIFEST)
    assert numbered.text == 'get the @1 cup and wash the @1 mug'


def test_the_scene_says_where_things_are_now() -> None:
    scene = SceneFacts(objects=(SceneObjectFacts('cup', 'cup', 'sofa'),), zone='sofa')
    numbered = number_mentions('bring the cup', scene, MANIFEST)
    assert numbered.names['@2'] == {'place': 'sofa'}
    assert numbered.note.endswith('at @2')


def test_what_is_held_stands_nowhere() -> None:
    numbered = number_mentions('bring the cup', SceneFacts(held_object='cup'), MANIFEST)
    assert numbered.note == '@1 object;held @1'


def test_people_of_the_scene_are_numbered() -> None:
    scene = SceneFacts(people=(PersonFacts('Anna', 'person', 2.0),))
    assert number_mentions('follow anna', scene, MANIFEST).names['@1'] == {'person': 'anna'}


def test_a_plan_survives_numbers_and_back() -> None:
    command = 'take the book from the sofa and bring it to the table'
    plan = PLANNER.propose(command)
    assert plan is not None
    numbered = number_mentions(command, SceneFacts(), MANIFEST)
    short = numbered.numbered_plan(plan, MANIFEST)
    assert short is not None and 'book' not in PLANNER.write(short)
    assert numbered.named_plan(short, MANIFEST) == plan


def test_a_mark_that_stands_for_nothing_is_refused() -> None:
    request = NanoFormat().plan_request('go to the sink', SceneFacts(), PLANNER)
    with pytest.raises(PlanError):
        request.read('go_to(place=@2)\nend\n')


def test_the_grammar_knows_only_what_was_said() -> None:
    request = NanoFormat().plan_request('go to the sink', SceneFacts(), PLANNER)
    grammar = request.grammar()
    assert grammar.advance(grammar.start(), 'go_to(place=@1)\nend\n') is not None
    assert grammar.advance(grammar.start(), 'go_to(place=stove') is None
    assert grammar.advance(grammar.start(), 'pick(object=') is None


def test_a_user_cannot_write_marks() -> None:
    request = NanoFormat().plan_request('go to @2 the sink', SceneFacts(), PLANNER)
    assert request.prompt.count('@') == 2


def test_many_things_never_run_out_of_marks() -> None:
    objects = {f'thing{i}': Named(f'thing{i}') for i in range(40)}
    crowd = replace(MANIFEST, objects=objects)
    numbered = number_mentions(' '.join(objects), SceneFacts(), crowd)
    assert len(numbered.names) == MOST_MENTIONS
    assert set(numbered.names) <= set(marks())


def test_a_stream_speaks_in_names() -> None:
    heard: list[str] = []
    request = NanoFormat().plan_request('take the mug to the sink', SceneFacts(), PLANNER)
    stream = PlanStream(request, heard.append)
    for part in ('go_to(pl', 'ace=@3)\npick(object=@1)', '\nend', '\n'):
        stream(part)
    assert ''.join(heard) == 'go_to(place=counter)\npick(object=cup)\nend\n'
