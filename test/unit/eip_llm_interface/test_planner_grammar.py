"""The grammar admits every plan of the manifest and nothing else, character by character."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_llm_interface.guard.scene import SceneFacts, SceneObjectFacts
from eip_llm_interface.planner.grammar import MAX_STEPS, Grammar
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest

MANIFEST = SkillsManifest.load()
GRAMMAR = Grammar(MANIFEST)


def reached(text, grammar=GRAMMAR):
    return grammar.advance(grammar.start(), text)


@pytest.mark.parametrize(
    'text',
    [
        'end\n',
        'stop()\nend\n',
        'go_to(place=sink)\nend\n',
        'pick(object=cup)\nplace(object=cup, place=table)\nend\n',
        'say(text="Dinner is ready, come!")\nend\n',
        'wait(duration_s=1)\nend\n',
        'wait(duration_s=600)\nend\n',
        'wait(duration_s=2.5)\nend\n',
        'hand_over(object=apple, person=user)\nend\n',
    ],
)
def test_plan_is_admitted_and_final_only_at_its_end(text):
    assert GRAMMAR.is_final(reached(text))
    assert not GRAMMAR.is_final(reached(text[:-1]))


@pytest.mark.parametrize(
    'text',
    [
        'fly_to(',
        'go_to(place=moon',
        'go_to(object',
        'pick(object=cup, ',
        'stop(x',
        'wait(duration_s=0)',
        'wait(duration_s=601',
        'wait(duration_s=00',
        'wait(duration_s=-',
        'wait(duration_s=1e',
        'wait(duration_s=1.234',
        'say(text="")',
        'say(text=" ',
        'say(text="a\n',
        'say(text="a\\',
        'say(text="' + 'a' * 81,
        'end\n\n',
        'end go',
        ' ',
    ],
)
def test_anything_else_is_refused(text):
    assert reached(text) is None


def test_number_of_steps_is_bounded():
    assert reached('stop()\n' * MAX_STEPS + 'end\n') is not None
    assert reached('stop()\n' * MAX_STEPS + 's') is None


def test_states_are_hashable_and_do_not_depend_on_the_path_of_calls():
    text = 'go_to(place=sink)\n'
    state = GRAMMAR.start()
    for character in text:
        state = GRAMMAR.advance(state, character)
    assert state == reached(text)
    assert len({state, reached(text)}) == 1


def test_names_of_the_scene_are_admitted():
    scene = SceneFacts(objects=(SceneObjectFacts('Blue Mug', 'cup', 'table'),))
    assert reached('pick(object=blue_mug)\n', Grammar(MANIFEST, scene)) is not None
    assert reached('pick(object=blue_mug)\n') is None


@given(st.integers(0, 2**32))
def test_random_walk_never_sticks_and_every_plan_parses(seed):
    source = random.Random(seed)
    state, text = GRAMMAR.start(), ''
    while not GRAMMAR.is_final(state):
        allowed = sorted(GRAMMAR.allowed(state))
        assert allowed, text
        character = source.choice(allowed)
        state = GRAMMAR.advance(state, character)
        text += character
        assert state is not None
    plan = Planner(MANIFEST).parse(text)
    assert Planner(MANIFEST).write(plan) == text


@given(st.text(max_size=60))
def test_advance_takes_any_text(text):
    state = reached(text)
    assert state is None or isinstance(hash(state), int)
