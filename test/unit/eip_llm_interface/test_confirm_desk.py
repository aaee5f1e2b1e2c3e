"""A person's answer: it counts once, in time, and for a robot that still serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eip_llm_interface.command_desk import CommandDesk
from eip_llm_interface.confirm_desk import ConfirmDesk
from eip_llm_interface.confirmations import ConfirmationStore
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.outcome import Outcome, Request, rejection
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.scene_board import SceneBoard

SHARP = Violation('hazard.sharp', 'cut', 0.8, 0.9, 'knife', 'Knives cut.')
NEAR = Violation('hazard.someone_near', 'cut', 0.8, 0.9, 'Ada', 'Somebody is near.')
ASK = Verdict(Decision.CONFIRM, 0.5, (SHARP,), 'Knives cut.')
ASK_AGAIN = replace(ASK, violations=(SHARP, NEAR))


class FakeLlm:
    """Thinks `verdict` of every plan; `while_judging` runs meanwhile."""

    def __init__(self) -> None:
        self.guard = self
        self.verdict = ASK
        self.while_judging: Any = lambda: None

    def judge_plan(self, command: str, plan: Plan, scene: Any) -> Plan:
        self.while_judging()
        return Plan(plan.steps, self.verdict)


class Outbox:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.plans: list[Plan] = []

    def send_verdict(self, outcome: Outcome) -> None:
        self.verdicts.append(outcome.verdict)

    def send_record(self, outcome: Outcome) -> None:
        raise AssertionError('a request has one record, of its first answer')

    def send_plan(self, outcome: Outcome) -> None:
        self.plans.append(outcome.plan)


@pytest.fixture
def llm() -> FakeLlm:
    return FakeLlm()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def command_desk(llm: FakeLlm, outbox: Outbox) -> CommandDesk:
    desk = CommandDesk(outbox, SceneBoard())
    desk.llm = llm
    return desk


@pytest.fixture
def desk(command_desk: CommandDesk) -> ConfirmDesk:
    return ConfirmDesk(command_desk, ConfirmationStore(capacity=1))


@pytest.fixture
def held() -> Outcome:
    plan = Plan((PlanStep('pick', {'object': 'knife'}, 'pick the knife', ASK),), ASK)
    request = Request('bring me the knife', execute=True)
    return Outcome(request, ASK, plan, success=True, waits=True)


def test_yes_is_carried_out_in_the_name_of_who_said_it(desk, held, outbox):
    assert desk.approve(held, ' Ada ', 'I cook') == (True, '"bring me the knife" is carried out')
    assert outbox.verdicts[-1].reason == 'confirmed by Ada: I cook'
    assert outbox.plans == [replace(held.plan, verdict=outbox.verdicts[-1])]


def test_no_is_a_rejection(desk, held, outbox):
    assert desk.decline(held, ' Ada ', 'too sharp') == (True, '"bring me the knife" was dropped')
    assert outbox.verdicts[-1].decision is Decision.REJECT
    assert outbox.verdicts[-1].reason == 'declined by Ada: too sharp'
    assert not outbox.plans


@pytest.mark.parametrize('second', [ASK, ASK_AGAIN])
def test_yes_to_a_node_deactivated_meanwhile_is_rejected_and_forgotten(
    desk, command_desk, llm, held, outbox, second
):
    llm.verdict = second
    llm.while_judging = lambda: setattr(command_desk, 'llm', None)
    taken, message = desk.approve(held, 'Ada', 'I cook')
    assert not taken
    assert 'no language model is loaded' in message
    [verdict] = outbox.verdicts
    assert verdict.decision is Decision.REJECT
    assert verdict.violations[0].rule == 'system.not_ready'
    assert not outbox.plans
    assert len(desk.store) == 0


@pytest.mark.parametrize('second', [ASK, ASK_AGAIN, Verdict(reason='a child is near')])
def test_yes_that_was_given_up_meanwhile_no_longer_counts(desk, llm, held, outbox, second):
    said: list[str] = []
    llm.verdict = second
    llm.while_judging = lambda: said.append(desk.give_up(held, 'no answer within 1 s'))
    assert not desk.approve(held, 'Ada', 'I cook')[0]
    assert said == ['not carried out: no answer within 1 s; give the command again']
    [verdict] = outbox.verdicts
    assert verdict.decision is Decision.REJECT
    assert verdict.violations[0].rule == 'system.timeout'
    assert not outbox.plans
    assert len(desk.store) == 0


def test_new_concern_waits_for_a_new_answer(desk, llm, held, outbox):
    llm.verdict = ASK_AGAIN
    taken, message = desk.approve(held, 'Ada', 'I cook')
    assert not taken
    assert 'Somebody is near.' in message
    assert not outbox.plans
    again = desk.store.take(held.request.request_id, 'Ada', 'I see her')
    assert desk.approve(again, 'Ada', 'I see her')[0]
    assert outbox.plans


def test_judge_that_fails_is_told_as_a_failure_and_not_as_a_change_of_scene(desk, llm, held):
    llm.verdict = rejection('model.failed', 'The model channel failed.')
    told = desk.approve(held, 'Ada', 'I cook')
    assert told == (False, 'not carried out: The model channel failed.')


def test_answer_that_nobody_can_look_at_leaves_the_command_waiting(desk, held, outbox):
    assert desk.put_back(held, 'busy') == 'busy'
    assert not outbox.verdicts
    assert desk.store.take(held.request.request_id, 'Ada', 'I cook') == held


def test_without_room_or_model_a_command_cannot_go_on_waiting(desk, command_desk, held, outbox):
    desk.store.put('other', held)
    assert 'give the command again' in desk.put_back(held, 'busy')
    desk.store.clear()
    command_desk.llm = None
    assert 'give the command again' in desk.put_back(held, 'busy')
    assert [verdict.decision for verdict in outbox.verdicts] == [Decision.REJECT] * 2
    assert len(desk.store) == 0
