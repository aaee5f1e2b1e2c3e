"""What the desk lets out: verdict first, nothing that the newest scene speaks against."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from eip_llm_interface.command_desk import CommandDesk, one_line
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.outcome import Outcome, Request, rejection
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.scene_board import SceneBoard

CHILD = SceneFacts(people=(PersonFacts('p', 'child', 1.0),))
ALONE = SceneFacts(zone='kitchen')
HALL = SceneFacts(zone='hall')


class FakeLlm:
    """Allows everything unless a child is in the scene; `while_thinking` runs meanwhile."""

    def __init__(self) -> None:
        self.guard = self
        self.while_thinking: Any = lambda: None
        self.step_decision: Decision | None = None
        self.decision = Decision.ALLOW
        self.parts: list[int] = []

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

    def generate_batch_responses(self, commands: Any, scenes: Any) -> list[SafeResponse]:
        self.parts.append(len(commands))
        self.while_thinking()
        pairs = zip(commands, scenes, strict=True)
        return [SafeResponse('x', command, self.check(command, scene)) for command, scene in pairs]


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


@pytest.fixture
def shelf(desk: CommandDesk) -> list[Outcome]:
    kept: list[Outcome] = []
    desk.hold = lambda outcome: kept.append(outcome) or True
    return kept


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


def test_confirm_verdict_waits_on_the_shelf(desk, llm, shelf, outbox):
    llm.decision = Decision.CONFIRM
    outcome = desk.generate(order())
    assert outcome.waits
    assert [kept.request for kept in shelf] == [outcome.request]
    assert 'plan' not in outbox.kinds


def test_what_was_refused_meanwhile_is_not_on_the_shelf(desk, llm, shelf):
    llm.decision = Decision.CONFIRM
    request, cancelled = order(), threading.Event()
    llm.while_thinking = request.withdrawn.set
    assert desk.generate(request).verdict.decision is Decision.REJECT
    llm.while_thinking = cancelled.set
    assert not desk.stream(order(), lambda *_: None, cancelled.is_set).success
    llm.while_thinking = lambda: setattr(desk, 'llm', None)
    assert desk.generate(order()).verdict.decision is Decision.REJECT
    assert not shelf


def second_look(desk: CommandDesk, llm: FakeLlm, verdict: Verdict, then: Any = None) -> None:
    """Let the scene move on while the plan is made and `verdict` be what is thought of it then."""

    def judge_again(command: str, plan: Plan, scene: SceneFacts) -> Plan:
        if then is not None:
            then()
        return Plan(plan.steps, verdict)

    desk.scenes.put(ALONE)
    llm.while_thinking = lambda: desk.scenes.put(HALL)
    llm.judge_plan = judge_again


def test_stream_that_is_cancelled_during_the_second_look_carries_nothing_out(
    desk, llm, outbox, shelf
):
    for decision in (Decision.ALLOW, Decision.CONFIRM):
        cancelled = threading.Event()
        second_look(desk, llm, Verdict(decision, 1.0), cancelled.set)
        outcome = desk.stream(order(), lambda *_: None, cancelled.is_set)
        assert not outcome.success
        assert outcome.verdict.decision is Decision.REJECT
    assert 'plan' not in outbox.kinds
    assert not shelf


def test_words_and_plan_go_by_the_second_look(desk, llm, shelf):
    second_look(desk, llm, Verdict(Decision.CONFIRM, 0.5, reason='the hall is wet.'))
    outcome = desk.generate(order())
    assert outcome.response.startswith('the hall is wet.')
    assert outcome.plan.verdict == outcome.verdict
    assert shelf[0].plan.verdict == outcome.verdict


def test_second_look_that_fails_is_a_failure(desk, llm):
    second_look(desk, llm, rejection('model.failed', 'The model channel failed.'))
    outcome = desk.generate(order())
    assert (outcome.success, outcome.error) == (False, 'The model channel failed.')
    assert outcome.verdict.decision is Decision.REJECT
    assert desk.failures == 1


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


def test_judge_that_failed_is_a_failure_and_no_answer(desk, llm):
    verdict = rejection('model.failed', 'The model channel failed.')
    llm.check = lambda command, scene: verdict
    checked = desk.check(order())
    assert (checked.success, checked.error) == (False, 'The model channel failed.')
    assert checked.verdict.decision is Decision.REJECT
    assert desk.generate(order()).verdict.decision is Decision.REJECT
    desk.generate_batch([order()])
    assert (desk.failures, desk.last_failure) == (3, 'The model channel failed.')
    del llm.check
    assert desk.check(order()).success
    assert desk.failures == 0


def batch(size: int = 20) -> list[Request]:
    return [Request(f'stop {number}', 'batch') for number in range(size)]


def test_batch_is_answered_part_by_part_and_in_order(desk, llm, outbox):
    requests = batch()
    outcomes = desk.generate_batch(requests)
    assert llm.parts == [8, 8, 4]
    assert [outcome.request for outcome in outcomes] == requests
    assert all(outcome.success for outcome in outcomes)
    assert outbox.kinds == ['verdict', 'record'] * 20


def test_withdrawn_batch_goes_no_further_and_gets_no_second_verdict(desk, llm, outbox):
    requests = batch()
    llm.while_thinking = lambda: [request.withdrawn.set() for request in requests]
    desk.generate_batch(requests)
    assert llm.parts == [8]
    assert not outbox.sent


def test_batch_of_a_model_closed_meanwhile_is_rejected(desk, llm):
    llm.while_thinking = lambda: setattr(desk, 'llm', None)
    outcomes = desk.generate_batch(batch())
    assert llm.parts == [8]
    assert {outcome.verdict.violations[0].rule for outcome in outcomes} == {'system.not_ready'}


def test_times_are_measured_from_receipt(desk):
    outcome = desk.generate(order(received_s=time.monotonic() - 1.0))
    assert outcome.processing_time_s >= outcome.queue_time_s >= 1.0


def test_error_is_told_in_one_line():
    assert one_line(ValueError('\n first \nsecond')) == 'first'
    assert one_line(ValueError()) == 'ValueError'
