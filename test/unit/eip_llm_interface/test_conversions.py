"""Dataclasses and messages say the same, and a message can always be sent."""

from __future__ import annotations

import math

import pytest
from diagnostic_msgs.msg import KeyValue
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message

from eip.msg import (
    ActionPlan,
    GenerationResult,
    Person,
    RequestRecord,
    SafetyVerdict,
    SceneContext,
    SceneObject,
)
from eip_llm_interface import conversions
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.guard.scene_reading import is_too_long
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.outcome import Outcome, Request
from eip_llm_interface.planner.plan import Plan, PlanStep

VIOLATION = Violation(
    'hazard.sharp', 'cut', 0.5, 0.75, 'knife', 'A knife cuts.', 'ISO 13482', 'rules'
)
VERDICT = Verdict(Decision.CONFIRM, 0.25, (VIOLATION,), 'Ask first.', 'nano', 0.5)
STEP = PlanStep('go_to', {'place': 'sink'}, 'go to the sink', VERDICT)
PLAN = Plan((STEP,), VERDICT, ('turn the stove off',))
ANY_TEXT = st.text(st.characters() | st.sampled_from('\x00\ud800\udfff'), max_size=50)


def sent(message, kind):
    return deserialize_message(serialize_message(message), kind)


def test_scene_survives_the_way_there_and_back():
    scene = SceneFacts(
        people=(PersonFacts('p1', 'child', 1.5), PersonFacts('p2', 'adult', None)),
        objects=(SceneObjectFacts('blue_cup', 'cup', 'table'),),
        held_object='knife',
        zone='kitchen',
        speed_mps=0.5,
        description='a busy kitchen',
        facts={'stove': 'on'},
    )
    message = sent(conversions.scene_to_message(scene), SceneContext)
    assert conversions.scene_from_message(message) == scene


def test_empty_context_means_none_was_given():
    assert conversions.context_from_message(SceneContext()) is None
    assert conversions.context_from_message(SceneContext(zone='kitchen')) is not None
    assert conversions.context_from_message(SceneContext(people=[Person()])) is not None


@pytest.mark.parametrize('distance_m', [math.nan, math.inf, -1.0])
def test_distance_that_is_none_becomes_unknown(distance_m):
    message = SceneContext(people=[Person(kind='', distance_m=distance_m)])
    assert conversions.scene_from_message(message).people == (PersonFacts('', 'unknown', None),)


def test_speed_that_is_none_is_said_to_be_unknown():
    scene = conversions.scene_from_message(SceneContext(speed_mps=math.nan))
    assert scene.speed_mps == 0.0
    assert scene.facts == {'speed': 'unknown'}


@pytest.mark.parametrize(
    'fields',
    [
        {'facts': [KeyValue(key='stove', value='x' * 5000)]},
        {'facts': [KeyValue(key='x' * 5000, value='on')]},
        {'held_object': 'x' * 5000},
        {'people': [Person(name='x' * 5000)]},
        {'description': 'x' * 5000},
    ],
    ids=['value', 'key', 'held', 'person', 'description'],
)
def test_scene_that_tells_too_much_is_still_too_long_when_it_is_read(fields):
    scene = conversions.scene_from_message(SceneContext(**fields))
    assert is_too_long(scene)
    assert is_too_long(conversions.scene_from_message(conversions.scene_to_message(scene)))


def test_verdict_survives_the_way_there_and_back():
    message = sent(conversions.verdict_to_message(VERDICT, 'r1', 'bring the knife'), SafetyVerdict)
    assert (message.request_id, message.text) == ('r1', 'bring the knife')
    assert conversions.verdict_from_message(message) == VERDICT


@pytest.mark.parametrize('decision', [3, 255])
def test_unknown_decision_rejects(decision):
    message = SafetyVerdict(decision=decision, safety_score=1.0)
    assert conversions.verdict_from_message(message).decision is Decision.REJECT


def test_score_that_is_none_counts_as_harmful():
    message = SafetyVerdict(decision=2, safety_score=math.nan)
    assert conversions.verdict_from_message(message).safety_score == 0.0


def test_zero_messages_forbid():
    assert conversions.verdict_from_message(SafetyVerdict()).decision is Decision.REJECT
    assert not ActionPlan().approved


def test_plan_survives_the_way_there_and_back():
    message = conversions.plan_to_message(PLAN, 'r1', 'bring it', approved=True, confirmed_by='Ada')
    message = sent(message, ActionPlan)
    assert message.approved
    assert message.plan_id
    assert (message.request_id, message.confirmed_by) == ('r1', 'Ada')
    assert [step.index for step in message.steps] == [0]
    assert conversions.plan_from_message(message) == PLAN


def test_empty_plan_is_never_approved():
    message = conversions.plan_to_message(Plan(), 'r1', approved=True)
    assert not message.approved
    assert message.plan_id == ''


def test_outcome_becomes_result_and_record_with_its_numbers():
    outcome = Outcome(
        Request('bring it', 'generate', request_id='r1'),
        VERDICT,
        PLAN,
        success=True,
        response='Shall I?',
        prompt_tokens=7,
        generated_tokens=9,
        time_to_first_token_s=0.25,
        processing_time_s=1.5,
        queue_time_s=0.5,
        guard_time_s=0.125,
        batch_size=4,
        cached=True,
    )
    result = sent(conversions.result_to_message(outcome), GenerationResult)
    record = sent(conversions.record_to_message(outcome), RequestRecord)
    for message in (result, record):
        assert message.request_id == 'r1'
        assert message.success
        assert (message.prompt_tokens, message.generated_tokens) == (7, 9)
        assert (message.processing_time_s, message.time_to_first_token_s) == (1.5, 0.25)
        assert message.cached
    assert not result.plan.approved
    assert (record.kind, record.batch_size, record.categories) == ('generate', 4, ['cut'])
    assert (record.queue_time_s, record.guard_time_s) == (0.5, 0.125)
    assert (record.decision, record.safety_score) == (1, 0.25)


@given(ANY_TEXT)
def test_whatever_a_text_holds_it_can_be_sent_and_arrives_whole(text):
    verdict = Verdict(reason=text)
    message = sent(conversions.verdict_to_message(verdict, 'r1', text), SafetyVerdict)
    assert len(message.text) == len(text)
    assert message.text == conversions.safe_text(text)


def test_long_text_is_shortened():
    message = conversions.verdict_to_message(VERDICT, 'r1', 'x' * 100_000)
    assert len(message.text) == conversions.MAX_TEXT


@given(ANY_TEXT, ANY_TEXT, st.floats(width=32))
def test_whatever_a_scene_message_holds_it_is_read(name, value, number):
    name, value = conversions.safe_text(name), conversions.safe_text(value)
    message = SceneContext(
        people=[Person(name=name, kind=value, distance_m=number)],
        objects=[SceneObject(name=name, kind=value)],
        description=value,
        speed_mps=number,
    )
    scene = conversions.scene_from_message(sent(message, SceneContext))
    assert scene.people[0].distance_m is None or scene.people[0].distance_m >= 0.0
    assert math.isfinite(scene.speed_mps)
