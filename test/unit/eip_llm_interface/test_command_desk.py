"""What the desk lets out: verdict first, nothing that the newest scene speaks against."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from eip_llm_interface.command_desk import CommandDesk, one_line
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import Outcome, Request
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.scene_board import SceneBoard

CHILD = SceneFacts(people=(PersonFacts('p', 'child', 1.0),))
ALONE = SceneFacts(zone='kitchen')


class FakeLlm:
    """Allows everything unless a child is in the scene; `while_thinking` runs meanwhile."""

    def __init__(self) -> None:
        self.guard = self
        self.while_thinking: Any = lambda: None
        self.step_decision: Decision | None = None
        self.decision = Decision.ALLOW

    def check(self, command: str, scene: SceneFacts) -> Verdict:
        if scene.people:
            return Verdict(reason='a child is near')
        return Verdict(self.decision, 1.0)

    def judge_plan(self, command: str, plan: Plan, scene: SceneFacts) -> Plan:
        return Plan(plan.steps, self.check(command, scene))

    def stream(self, command: str, scene: SceneFacts, *hooks: Any) -> SafeResponse:
        verdict = self.check(command, scene)
        step = Verdict(verdict.decision if self.step_decision is None else self.step_decision, 1.0)
        self.while_thinking()
        return SafeResponse('x', command, verdict, Plan((PlanStep('stop', {}, '', step),), verdict))


class Outbox:
    def __init__(self) -> None:
        self.sent: list[tuple[str, Outcome]] = []
        self.broken = False

    def send_verdict(self, outcome: Outcome) -> None:
        if self.broken:
            raise RuntimeError('no publisher')
        self.sent.append(('verdict', outcome))

    def send_record(self, outcome: Outcome) -> None:
        self.sent.append(('record', outcome))

    def send_plan(self, outcome: Outcome) -> None:
        self.sent.append(('plan', outcome))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.sent]


@pytest.fixture
def llm() -> FakeLlm:
    return FakeLlm()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def desk(llm: FakeLlm, outbox: Outbox) -> CommandDesk:
    desk = CommandDesk(outbox, SceneBoard())
    desk.llm = llm
    return desk


def order(**changes: Any) -> Request:
    return Request('stop', execute=True, **changes)


def test_verdict_goes_out_before_the_plan(desk, outbox):
    assert desk.generate(order()).approved
    assert outbox.kinds == ['verdict', 'record', 'plan']


def test_without_a_published_verdict_nothing_is_carried_out(desk, outbox):
    outbox.broken = True
    with pytest.raises(RuntimeError):
        desk.generate(order())
    assert outbox.kinds == []


def test_plan_is_judged_again_when_the_scene_changed_while_it_was_made(desk, llm, outbox):
    desk.scenes.put(ALONE)
    llm.while_thinking = lambda: desk.scenes.put(CHILD)
    outcome = desk.generate(order())
    assert outcome.verdict.decision is Decision.REJECT
    assert not outcome.plan.steps
    assert 'plan' not in outbox.kinds


def test_caller_cannot_talk_away_what_the_robot_sees(desk, outbox):
    desk.scenes.put(CHILD)
    assert not desk.generate(order(context=ALONE)).approved
    assert 'plan' not in outbox.kinds


def test_without_a_scene_source_the_callers_context_counts(desk):
    assert desk.generate(order(context=ALONE)).approved
    assert not desk.generate(order(context=CHILD)).approved


def test_step_that_is_not_allowed_keeps_the_plan_from_being_approved(desk, llm, outbox):
    llm.step_decision = Decision.CONFIRM
    assert not desk.generate(order()).approved
    assert 'plan' not in outbox.kinds


def test_confirm_verdict_without_a_shelf_is_rejected(desk, llm, outbox):
    llm.decision = Decision.CONFIRM
    assert desk.generate(order()).verdict.decision is Decision.REJECT
    assert 'plan' not in outbox.kinds


def test_plan_with_measures_is_judged_again_by_what_knows_them(desk, llm):
    outcome = Outcome(order(), Verdict(Decision.CONFIRM, 0.5))
    asked: list[str] = []
    llm.guard = SimpleNamespace(judge_plan=lambda c, p, s: asked.append('guard') or p)
    llm.judge_plan = lambda c, p, s: asked.append('llm') or p
    for mitigations in ((), ('Turns off the stove first.',)):
        desk.judge_again(replace(outcome, plan=Plan(mitigations=mitigations)), ALONE)
    assert asked == ['guard', 'llm']


def test_withdrawn_request_is_not_carried_out(desk, llm, outbox):
    request = order()
    llm.while_thinking = request.withdrawn.set
    assert desk.generate(request).verdict.decision is Decision.REJECT
    assert 'plan' not in outbox.kinds


def test_request_that_waited_too_long_is_rejected(desk, outbox):
    request = order(received_s=time.monotonic() - 121.0)
    assert 'give it again' in desk.generate(request).error
    assert 'plan' not in outbox.kinds


def test_model_closed_while_it_thought_carries_nothing_out(desk, llm, outbox):
    llm.while_thinking = lambda: setattr(desk, 'llm', None)
    assert not desk.generate(order()).success
    assert 'plan' not in outbox.kinds


def test_failures_in_a_row_are_counted_and_told(desk, llm):
    def fail() -> None:
        raise MemoryError('out of memory\nmore')

    llm.while_thinking = fail
    desk.generate(order())
    assert desk.generate(order()).error == 'out of memory'
    assert (desk.failures, desk.last_failure) == (2, 'out of memory')
    llm.while_thinking = lambda: None
    desk.generate(order())
    assert desk.failures == 0


def test_times_are_measured_from_receipt(desk):
    outcome = desk.generate(order(received_s=time.monotonic() - 1.0))
    assert outcome.processing_time_s >= outcome.queue_time_s >= 1.0


def test_error_is_told_in_one_line():
    assert one_line(ValueError('\n first \nsecond')) == 'first'
    assert one_line(ValueError()) == 'ValueError'
