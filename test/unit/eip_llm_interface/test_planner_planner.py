"""Plans are parsed strictly, grounded in what was said, and proposed only when all fits."""

import pytest
import yaml

from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.planner import PlanError, Planner
from eip_llm_interface.planner.skills import SKILLS_FILE, SkillsManifest

PLANNER = Planner(SkillsManifest.load())


def calls(plan):
    return PLANNER.write(plan).splitlines()[:-1]


def test_plan_is_parsed_into_steps_with_sentences():
    plan = PLANNER.parse('go_to(place=sink)\nsay(text="Hello, you")\nend\n')
    assert [step.skill for step in plan.steps] == ['go_to', 'say']
    assert plan.steps[0].text == 'Go to the sink.'
    assert plan.steps[1].parameters == {'text': 'Hello, you'}


@pytest.mark.parametrize(
    ('skill', 'command'),
    [
        ('pick: {parameters: {item: {type: object}}}', 'pick up the cup'),
        ('pick: {parameters: {object: {type: place}}}', 'pick up the cup'),
        ('say: {parameters: {text: {type: text, maximum_characters: 4}}}', 'say hello'),
        ('wait: {}', 'wait 5 seconds'),
        ('wait: {parameters: {duration_s: {type: number, minimum: 9, maximum: 20}}}', 'wait 5 s'),
    ],
)
def test_no_plan_is_proposed_where_the_manifest_asks_otherwise_for_a_skill(skill, command):
    shipped = yaml.safe_load(SKILLS_FILE.read_text(encoding='utf-8'))
    assert Planner(SkillsManifest.of(shipped)).propose(command) is not None
    shipped['skills'] |= yaml.safe_load(skill)
    assert Planner(SkillsManifest.of(shipped)).propose(command) is None


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'cut short'),
        ('go_to(place=sink)\n', 'cut short'),
        ('fly(place=sink)\nend', 'skill fly is unknown'),
        ('go_to(place=moon)\nend', "place is 'moon'"),
        ('go_to(object=cup)\nend', 'no parameter object'),
        ('go_to()\nend', 'lacks the parameter place'),
        ('go_to(place=sink, place=table)\nend', 'given twice'),
        ('go to the sink\nend', 'write skill'),
        ('wait(duration_s=9999)\nend', 'must be 1 to 600'),
        ('wait(duration_s=inf)\nend', 'plain number'),
        ('wait(duration_s=nan)\nend', 'plain number'),
        ('say(text="' + 'a' * 99 + '")\nend', '1 to 80 characters'),
        ('say(text="a\u202eb")\nend', 'plain punctuation'),
        ('stop()\n' * 17 + 'end', 'has 17 steps'),
        ('stop(;)\nend', 'cannot read'),
    ],
)
def test_what_is_unknown_is_an_error_and_never_dropped(text, words):
    with pytest.raises(PlanError, match=words):
        PLANNER.parse(text)


@pytest.mark.parametrize(
    ('command', 'expected'),
    [
        (
            'Bring me the apple',
            ['go_to(place=table)', 'pick(object=apple)', 'hand_over(object=apple, person=user)'],
        ),
        (
            'please put the book on the table, then go to the charger',
            [
                'go_to(place=sofa)',
                'pick(object=book)',
                'go_to(place=table)',
                'place(object=book, place=table)',
                'go_to(place=charger)',
            ],
        ),
        (
            'Take the mug from the table to the sink.',
            [
                'go_to(place=table)',
                'pick(object=cup)',
                'go_to(place=sink)',
                'place(object=cup, place=sink)',
            ],
        ),
        (
            'get the cup',
            ['go_to(place=counter)', 'pick(object=cup)', 'hand_over(object=cup, person=user)'],
        ),
        (
            'get the cup and put it on the table',
            [
                'go_to(place=counter)',
                'pick(object=cup)',
                'go_to(place=table)',
                'place(object=cup, place=table)',
            ],
        ),
        (
            'fetch the cup and hand it to me',
            ['go_to(place=counter)', 'pick(object=cup)', 'hand_over(object=cup, person=user)'],
        ),
        (
            'get the cup, go to the sofa and hand it to me',
            [
                'go_to(place=counter)',
                'pick(object=cup)',
                'go_to(place=sofa)',
                'hand_over(object=cup, person=user)',
            ],
        ),
        (
            'get the cup and turn on the lamp',
            [
                'go_to(place=counter)',
                'pick(object=cup)',
                'hand_over(object=cup, person=user)',
                'go_to(place=sofa)',
                'turn_on(appliance=lamp)',
            ],
        ),
        ('Turn the light off', ['go_to(place=sofa)', 'turn_off(appliance=lamp)']),
        ('wait 2 minutes', ['wait(duration_s=120)']),
        ('Say "dinner, and tea"', ['say(text="dinner, and tea")']),
        ('Stop!', ['stop()']),
        (
            'pick up the knife and put it in the sink',
            [
                'go_to(place=counter)',
                'pick(object=knife)',
                'go_to(place=sink)',
                'place(object=knife, place=sink)',
            ],
        ),
    ],
)
def test_simple_errand_is_proposed(command, expected):
    plan = PLANNER.propose(command)
    assert calls(plan) == expected
    assert PLANNER.check_grounding(command, plan) == ()
    assert PLANNER.parse(PLANNER.write(plan)) == plan


@pytest.mark.parametrize(
    'command',
    ['fly to the moon', 'bring me the unicorn', 'go to the sink and dance', '', 'wait 3 hours'],
)
def test_what_does_not_fit_whole_is_not_proposed(command):
    assert PLANNER.propose(command) is None


def test_held_object_and_place_are_used():
    scene = SceneFacts(held_object='apple', zone='table')
    plan = PLANNER.propose('put the apple on the table', scene)
    assert calls(plan) == ['place(object=apple, place=table)']


def test_scene_object_is_found_where_the_scene_says():
    scene = SceneFacts(objects=(SceneObjectFacts('blue mug', 'cup', 'table'),))
    plan = PLANNER.propose('bring me the blue mug', scene)
    assert calls(plan)[:2] == ['go_to(place=table)', 'pick(object=blue_mug)']
    assert PLANNER.check_grounding('bring me the blue mug', plan, scene) == ()


def test_name_that_nobody_spoke_of_is_a_violation():
    plan = Plan((PlanStep('pick', {'object': 'knife'}), PlanStep('go_to', {'place': 'door'})))
    found = PLANNER.check_grounding('bring me the apple', plan)
    assert [(item.rule, item.evidence) for item in found] == [
        ('plan.ungrounded', 'knife'),
        ('plan.ungrounded', 'door'),
    ]
    assert all(item.channel == 'plan' for item in found)


def test_person_in_the_scene_grounds():
    scene = SceneFacts(people=(PersonFacts('anna'),))
    plan = Plan((PlanStep('follow', {'person': 'anna'}),))
    assert PLANNER.check_grounding('follow her', plan, scene) == ()
    assert PLANNER.check_grounding('follow her', plan) != ()


def test_prompts_hold_command_and_scene_on_single_lines():
    scene = SceneFacts(held_object='cup', description='a\nb')
    assert PLANNER.prompt('go\nend', scene) == 'command: go end\nheld: cup\nplan:\n'
    text = PLANNER.instruct_prompt('go\nend', scene)
    assert '- go_to(place=place): drive to a place' in text
    assert 'Command: go end\n' in text
