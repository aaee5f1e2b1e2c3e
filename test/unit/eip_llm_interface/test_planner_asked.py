"""A model's plan does what the command asks for, all of it, and nothing that it forbids."""

from __future__ import annotations

from typing import Any

import pytest

from eip_llm_interface.engine.answering import Answerer, Hooks
from eip_llm_interface.engine.engine import Generation
from eip_llm_interface.engine.plan_request import PlanRequest
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest

PLANNER = Planner(SkillsManifest.load())
GUARD = Guard(Knowledge.load(), Policy.load())
CUP = 'go_to(place=counter) pick(object=cup) hand_over(object=cup, person=user)'
MILK = 'go_to(place=fridge) pick(object=milk) hand_over(object=milk, person=user)'
CUP_ON_TABLE = (
    'go_to(place=counter) pick(object=cup) go_to(place=table) place(object=cup, place=table)'
)
BOOK_ON_TABLE = (
    'go_to(place=sofa) pick(object=book) go_to(place=table) place(object=book, place=table)'
)


class Writer:
    """A model that always writes the same plan."""

    name = 'writer'

    def __init__(self, plan: str) -> None:
        self.text = plan.replace(') ', ')\n') + '\nend\n'

    def count_tokens(self, text: str) -> int:
        return 1

    def generate(self, *_: Any) -> Generation:
        return Generation(self.text, 1, 1, 0.0, True)


class Form:
    """Asks a model with the command itself."""

    def verdict_prompts(self, text: str, scene: SceneFacts) -> list[str]:
        return [text]

    def plan_request(self, command: str, scene: SceneFacts, planner: Planner) -> PlanRequest:
        return PlanRequest(command, planner, scene)


def respond(command: str, plan: str) -> Any:
    """Return the answer to a command that the rules judge alone and a model plans as `plan`."""
    scene = SceneFacts()
    assert PLANNER.propose(command, scene) is None
    answerer = Answerer(Writer(plan), Form(), GUARD, PLANNER)  # type: ignore[arg-type]
    verdict = GUARD.judge(command, scene)
    assert verdict.decision is Decision.ALLOW
    return answerer.respond(command, scene, verdict, 0.0, 1, Hooks())


@pytest.mark.parametrize(
    ('command', 'plan', 'word'),
    [
        ('do not turn on the stove', 'go_to(place=stove) turn_on(appliance=stove)', 'turn on'),
        ('go to the sink but do not touch the knife', 'pick(object=knife)', 'touch the knife'),
        ('do not touch the knife or the plate', 'pick(object=plate)', 'the plate'),
        ('never open the fridge', 'open(appliance=fridge)', 'open the fridge'),
        ('you must not open the fridge', 'open(appliance=fridge)', 'open the fridge'),
        ("don't put the cup on the table, put it on the counter", CUP_ON_TABLE, 'on the table'),
        ("don't give me the cup", CUP, 'give me'),
        ('go to the lamp but do not turn it on', 'turn_on(appliance=lamp)', 'turn it on'),
        ('go to the sink without picking up the cup', f'{CUP} go_to(place=sink)', 'picking up'),
    ],
)
def test_a_plan_that_does_what_the_command_forbids_is_rejected(
    command: str, plan: str, word: str
) -> None:
    response = respond(command, plan)
    assert response.decision is Decision.REJECT and not response.plan.steps
    assert response.verdict.violations[-1].rule == 'plan.forbidden'
    assert word in response.error and word in response.response


@pytest.mark.parametrize(
    ('command', 'plan', 'word'),
    [
        ('put the cup on the table and vacuum the carpet', CUP_ON_TABLE, 'vacuum'),
        ('follow the yellow line to the depot', 'follow(person=user)', 'user'),
        ('take off and hover at 10 m', 'wait(duration_s=10)', 'hover'),
        ('open the fridge, take out the milk and bring it to me', MILK, 'open'),
        ('bring me the cup and also the plate', CUP, 'plate'),
        ('bring me the cup after you have asked my wife whether she agrees', CUP, 'asked my wife'),
        ('bring me the cup unless the door is open', CUP, 'unless the door'),
        ('turn the lamp on if it is dark', 'turn_on(appliance=lamp)', 'if it is dark'),
        ('close the door before you go to the sofa', 'go_to(place=sofa)', 'close the door'),
        (
            'before you go to the door, turn off the lamp',
            'go_to(place=door) turn_off(appliance=lamp)',
            'before you go',
        ),
        (
            'after you turn off the lamp, go to the door',
            'go_to(place=door) turn_off(appliance=lamp)',
            'after you turn off',
        ),
        ('give the cup to my wife', CUP, 'user'),
        ('stop following me', 'follow(person=user)', 'following'),
        ('do not open the fridge or turn on the lamp', 'turn_on(appliance=lamp)', 'turn on'),
        ('go to the door but not to the sink', 'go_to(place=door) go_to(place=sink)', 'the sink'),
        ('I want the milk instead of the cup', CUP, 'the cup'),
        ('do not turn on the lamp', 'stop()', 'turn on the lamp'),
    ],
)
def test_a_plan_that_does_other_things_or_not_all_asks_a_person(
    command: str, plan: str, word: str
) -> None:
    response = respond(command, plan)
    assert response.decision is Decision.CONFIRM and response.plan.steps
    found = [v for v in response.verdict.violations if v.rule == 'plan.second_reading']
    assert found and any(word in v.explanation for v in found)


@pytest.mark.parametrize(
    ('command', 'plan'),
    [
        ("don't forget to turn off the lamp", 'turn_off(appliance=lamp)'),
        ("can't you turn off the lamp", 'turn_off(appliance=lamp)'),
        ('I can not open the fridge, open it for me', 'open(appliance=fridge)'),
        ('bring me the cup, but do not spill anything', CUP),
        ('bring me the cup, not the plate', CUP),
        ("don't give me the milk, give me the cup", CUP),
        ('go to the sink but do not touch the knife', 'go_to(place=sink)'),
        ('if you have time, bring me the cup', CUP),
        ('when you get a chance bring me the cup', CUP),
        ('close the door before you go to the sofa', 'close(appliance=door) go_to(place=sofa)'),
        ('after you close the door, go to the sofa', 'close(appliance=door) go_to(place=sofa)'),
        ('hang about for two minutes', 'wait(duration_s=120)'),
        ('let them know that tea is ready', 'say(text="tea is ready")'),
        ('tell everyone that we eat when the bell rings', 'say(text="we eat when the bell rings")'),
        ('could you get the mug over here', CUP),
        ('I am thirsty, fetch the milk', MILK),
        ('milk, please', MILK),
        ('find the book and lay it on the table', BOOK_ON_TABLE),
        ('make sure the lamp is off', 'turn_off(appliance=lamp)'),
        ('lights off', 'turn_off(appliance=lamp)'),
        ('put the kettle on', 'turn_on(appliance=kettle)'),
        ('shut the fridge door', 'close(appliance=fridge)'),
        ('come with me', 'follow(person=user)'),
        ('return to your charging station and recharge', 'go_to(place=charger)'),
        ('stay where you are', 'stop()'),
        ('freeze', 'stop()'),
    ],
)
def test_a_plan_that_does_all_of_a_harmless_command_is_allowed(command: str, plan: str) -> None:
    response = respond(command, plan)
    assert response.decision is Decision.ALLOW, response.response
