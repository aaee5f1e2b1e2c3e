"""The newest scene counts, a stale one does not, and small changes are no changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.scene_board import SceneBoard, is_changed

SCENE = SceneFacts(
    people=(PersonFacts('p1', 'adult', 3.0),),
    objects=(SceneObjectFacts('cup', 'cup', 'table'),),
    facts={'stove': 'on'},
)


def test_scene_is_known_until_it_is_stale():
    now = [0.0]
    board = SceneBoard(2.0, lambda: now[0])
    assert board.current() == SceneFacts()
    assert board.age_s() is None
    board.put(SCENE)
    now[0] = 2.0
    assert board.current() == SCENE
    now[0] = 2.1
    assert board.current() == SceneFacts()
    assert board.age_s() == pytest.approx(2.1)


@pytest.mark.parametrize(
    'after',
    [
        replace(SCENE, people=()),
        replace(SCENE, people=(PersonFacts('p1', 'child', 3.0),)),
        replace(SCENE, people=(PersonFacts('p1', 'adult', 0.8),)),
        replace(SCENE, people=(PersonFacts('p1', 'adult', None),)),
        replace(SCENE, facts={'stove': 'off'}),
        replace(SCENE, held_object='knife'),
        replace(SCENE, objects=()),
        SceneFacts(),
    ],
)
def test_what_a_verdict_may_rest_upon_is_a_change(after):
    assert is_changed(SCENE, after)
    assert is_changed(after, SCENE)


def test_a_step_aside_and_the_own_speed_are_no_change():
    after = replace(SCENE, people=(PersonFacts('p1', 'adult', 3.2),), speed_mps=0.4)
    assert not is_changed(SCENE, after)
