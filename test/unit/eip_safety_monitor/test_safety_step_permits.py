"""Which step of which plan may be done, and until when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.authorizer import Authorizer, StepAnswer
from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.step_permits import (
    PlanHeard,
    PlanStepHeard,
    StepAsked,
    StepPermitPolicy,
    StepPermits,
    fingerprint,
)
from eip_safety_monitor.trial.memory_files import MemoryLog
from eip_safety_monitor.trial.play import Play

STEPS = (
    PlanStepHeard('go_to', (('place', 'sink'),)),
    PlanStepHeard('place', (('object', 'cup'), ('place', 'sink'))),
    PlanStepHeard('say', (('text', 'done'),)),
)
POLICY = StepPermitPolicy(step_lifetime_s=10.0, plan_lifetime_s=100.0)


class Desk:
    """An authorizer with a log in memory, an armed robot and one approved plan."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog()
        self.journal = Journal(self.log)  # type: ignore[arg-type]
        numbers = itertools.count(1)
        self.desk = Authorizer(POLICY, self.clock, self.journal, lambda: f'permit{next(numbers)}')
        self.mode = Mode.ARMED
        self.hear()

    def hear(self, plan_id: str = 'p', steps: tuple[PlanStepHeard, ...] = STEPS) -> None:
        self.desk.hear_plan(PlanHeard(plan_id, True, steps), self.mode)

    def ask(
        self,
        index: int,
        step: PlanStepHeard | None = None,
        permit_id: str = '',
        plan_id: str = 'p',
    ) -> StepAnswer:
        step = step or STEPS[min(index, len(STEPS) - 1)]
        asked = StepAsked(plan_id, index, step, permit_id)
        return self.desk.authorize(asked, self.mode, 'a stop is latched')

    def refused(self, *arguments: object, **named: object) -> str:
        answer = self.ask(*arguments, **named)  # type: ignore[arg-type]
        assert not answer.granted
        assert answer.permit_id == ''
        assert answer.lifetime_s == 0.0
        assert answer.refusal
        assert '\n' not in answer.refusal
        return answer.refusal


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_steps_are_granted_one_after_the_other_each_with_a_permit_of_its_own(desk: Desk) -> None:
    answers = [desk.ask(index) for index in range(3)]
    assert [answer.granted for answer in answers] == [True] * 3
    assert len({answer.permit_id for answer in answers}) == 3
    assert all(answer.lifetime_s == 10.0 and not answer.refusal for answer in answers)


def test_the_order_of_parameters_does_not_matter(desk: Desk) -> None:
    desk.ask(0)
    turned = PlanStepHeard('place', tuple(reversed(STEPS[1].parameters)))
    assert desk.ask(1, turned).granted


@pytest.mark.parametrize(
    ('step', 'named'),
    [
        (PlanStepHeard('go_to', (('place', 'stove'),)), 'differ from the approved ones: place'),
        (PlanStepHeard('go_to', ()), 'differ from the approved ones: place'),
        (PlanStepHeard('go_to', (('place', 'sink'), ('speed', '9'))), 'ones: speed'),
        (PlanStepHeard('go_to', (('place', 'sink'), ('place', 'sink'))), 'given twice'),
        (PlanStepHeard('fly', (('place', 'sink'),)), "is 'go_to', not 'fly'"),
        (PlanStepHeard('', ()), "is 'go_to', not ''"),
    ],
)
def test_what_was_changed_after_the_approval_is_refused(
    desk: Desk, step: PlanStepHeard, named: str
) -> None:
    assert named in desk.refused(0, step)


def test_unknown_expired_and_changed_plans_are_refused(desk: Desk) -> None:
    assert "'q' is not known" in desk.refused(0, plan_id='q')
    desk.clock.advance(100.0)
    assert 'expired' in desk.refused(0)
    desk.hear()
    assert 'expired' in desk.refused(0), 'a plan heard again began anew'
    desk.hear('r')
    assert desk.ask(0, plan_id='r').granted
    desk.hear('r', STEPS[:1])
    assert 'changed after its approval' in desk.refused(0, plan_id='r')
    desk.hear('r')
    assert 'changed after its approval' in desk.refused(0, plan_id='r')


def test_a_plan_that_is_withdrawn_by_its_sender_is_refused(desk: Desk) -> None:
    permit = desk.ask(0)
    desk.desk.hear_plan(PlanHeard('p', False, STEPS), desk.mode)
    assert 'changed after its approval' in desk.refused(0, permit_id=permit.permit_id)


@pytest.mark.parametrize(
    'plan',
    [
        PlanHeard('n', False, STEPS),
        PlanHeard('', True, STEPS),
        PlanHeard('n', True, ()),
        PlanHeard('n', True, STEPS * 100),
        PlanHeard('n', True, (PlanStepHeard('go_to', (('place', 'a'), ('place', 'b'))),)),
    ],
)
def test_plans_nobody_approved_or_can_read_are_never_known(desk: Desk, plan: PlanHeard) -> None:
    desk.desk.hear_plan(plan, desk.mode)
    step = plan.steps[0] if plan.steps else STEPS[0]
    assert 'is not known' in desk.refused(0, step, plan_id=plan.plan_id)


def test_steps_out_of_turn_are_refused(desk: Desk) -> None:
    assert 'out of turn, step 0 is next' in desk.refused(1)
    desk.ask(0)
    assert 'out of turn, step 1 is next' in desk.refused(2)
    desk.ask(1)
    assert 'out of turn' in desk.refused(0)
    assert 'does not exist' in desk.refused(3)
    assert 'does not exist' in desk.refused(-1)


@pytest.mark.parametrize('mode', [Mode.STOPPED, Mode.DISARMED, Mode.PROTECTIVE])
def test_nothing_is_granted_or_held_valid_while_motion_is_not_permitted(
    desk: Desk, mode: Mode
) -> None:
    permit = desk.ask(0)
    desk.mode = mode
    assert desk.refused(0) == 'motion is not permitted: a stop is latched'
    assert 'not permitted' in desk.refused(0, permit_id=permit.permit_id)


def test_a_permit_can_be_checked_by_whoever_was_handed_it(desk: Desk) -> None:
    permit_id = desk.ask(0).permit_id
    desk.clock.advance(4.0)
    checked = desk.ask(0, permit_id=permit_id)
    assert checked.granted
    assert checked.permit_id == permit_id
    assert checked.lifetime_s == pytest.approx(6.0)
    assert 'not known' in desk.refused(0, permit_id='forged')
    assert 'is for step 0, not for step 1' in desk.refused(1, permit_id=permit_id)
    desk.clock.advance(6.0)
    assert 'expired 0.0 s ago' in desk.refused(0, permit_id=permit_id)
    assert desk.ask(0).permit_id != permit_id


def test_the_next_step_ends_the_permit_of_the_one_before(desk: Desk) -> None:
    first = desk.ask(0).permit_id
    desk.ask(1)
    assert 'replaced' in desk.refused(0, permit_id=first)


def test_a_question_asked_twice_has_one_answer_until_half_of_its_life_is_over(desk: Desk) -> None:
    first = desk.ask(0)
    lines = desk.log.count
    desk.clock.advance(4.9)
    again = desk.ask(0)
    assert again.permit_id == first.permit_id
    assert again.lifetime_s == pytest.approx(5.1)
    assert desk.log.count == lines
    desk.clock.advance(0.2)
    renewed = desk.ask(0)
    assert renewed.permit_id != first.permit_id
    assert renewed.lifetime_s == 10.0


def test_a_stop_revokes_every_permit_and_the_plan_goes_on_with_a_new_one(desk: Desk) -> None:
    first = desk.ask(0).permit_id
    desk.desk.revoke_all(desk.mode)
    assert 'revoked' in desk.refused(0, permit_id=first)
    assert 'out of turn' in desk.refused(2)
    assert desk.ask(0).permit_id != first


def test_grants_refusals_and_revocations_are_logged_before_the_answer(desk: Desk) -> None:
    permit_id = desk.ask(0).permit_id
    assert desk.log.last is not None
    body = desk.log.last.body
    assert (body['kind'], body['cause']) == ('permit', 'permit.granted')
    assert body['plan_id'] == 'p'
    assert body['permit_id'] == permit_id
    assert body['parameters'] == {'place': 'sink'}
    desk.desk.revoke_all(desk.mode)
    assert desk.log.last.body['cause'] == 'permit.revoked'
    desk.refused(2)
    assert desk.log.last.body['kind'] == 'refused'


def test_a_thousand_refusals_do_not_fill_the_disk_and_are_counted(desk: Desk) -> None:
    before = desk.log.count
    for number in range(1000):
        desk.refused(0, plan_id=f'guess{number}')
        desk.clock.advance(0.001)
    assert desk.log.count - before <= 11
    desk.clock.advance(1.0)
    desk.refused(0, plan_id='last')
    assert desk.log.last is not None
    assert desk.log.last.body['refusals_before'] > 50


def test_what_cannot_be_logged_is_refused_and_opens_no_further_step(desk: Desk) -> None:
    desk.log.is_full = True
    assert 'disk is full' in desk.refused(0)
    desk.log.is_full = False
    assert 'out of turn, step 0 is next' in desk.refused(1)
    assert desk.ask(0).granted


def test_old_plans_make_room_and_are_unknown_then(desk: Desk) -> None:
    for number in range(32):
        desk.hear(f'new{number}')
    assert 'not known' in desk.refused(0)
    assert desk.ask(0, plan_id='new31').granted


TEXT = st.text(max_size=8)
PARAMETERS = st.dictionaries(TEXT, TEXT, max_size=4).map(lambda values: tuple(values.items()))
PLACED = st.tuples(TEXT, st.integers(0, 3), st.builds(PlanStepHeard, TEXT, PARAMETERS))


@settings(max_examples=100)
@given(PLACED, PLACED)
def test_two_steps_share_a_fingerprint_only_when_they_are_the_same(
    one: tuple[str, int, PlanStepHeard], other: tuple[str, int, PlanStepHeard]
) -> None:
    (plan_a, index_a, a), (plan_b, index_b, b) = one, other
    is_same = (plan_a, index_a, a.skill, sorted(a.parameters)) == (
        plan_b,
        index_b,
        b.skill,
        sorted(b.parameters),
    )
    assert (fingerprint(*one) == fingerprint(*other)) == is_same


PLANS = st.sampled_from(['p', 'q', 'r'])
STEP = st.sampled_from([*STEPS, PlanStepHeard('go_to', (('place', 'stove'),))])


class PermitsUnderFire(RuleBasedStateMachine):
    """Plans, questions, stops and time in any order, against an account kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.permits = StepPermits(POLICY, self.clock)
        self.numbers = itertools.count(1)
        self.approved: dict[str, tuple[tuple[PlanStepHeard, ...], float]] = {}
        self.spoilt: set[str] = set()
        self.reached: dict[str, int] = {}
        self.live: dict[str, tuple[str, int, float]] = {}
        self.now_s = 0.0

    @rule(plan_id=PLANS, approved=st.booleans(), count=st.integers(1, 3))
    def hear(self, plan_id: str, approved: bool, count: int) -> None:
        self.permits.hear_plan(PlanHeard(plan_id, approved, STEPS[:count]))
        known = self.approved.get(plan_id)
        if known is None and approved:
            self.approved[plan_id] = (STEPS[:count], self.now_s)
        elif known is not None and (not approved or known[0] != STEPS[:count]):
            self.spoilt.add(plan_id)
            self.live.pop(plan_id, None)

    @rule(plan_id=PLANS, index=st.integers(-1, 3), step=STEP)
    def ask(self, plan_id: str, index: int, step: PlanStepHeard) -> None:
        asked = StepAsked(plan_id, index, step)
        may = self.may(plan_id, index, step)
        assert (self.permits.refusal(asked) == '') == may
        if not may:
            with pytest.raises(ValueError):
                self.permits.grant(asked, 'never')
            return
        permit = self.permits.fresh(asked) or self.permits.grant(asked, f'n{next(self.numbers)}')
        left_s = self.permits.left_s(permit)
        assert 0.0 < left_s <= POLICY.step_lifetime_s
        self.live[plan_id] = (permit.permit_id, index, self.now_s + left_s)
        self.reached[plan_id] = index

    def may(self, plan_id: str, index: int, step: PlanStepHeard) -> bool:
        steps, heard_s = self.approved.get(plan_id, ((), 0.0))
        reached = self.reached.get(plan_id, -1)
        return (
            plan_id not in self.spoilt
            and self.now_s - heard_s < POLICY.plan_lifetime_s
            and 0 <= index < len(steps)
            and steps[index] == step
            and index in (reached, reached + 1)
        )

    @rule()
    def stop(self) -> None:
        self.permits.revoke_all()
        self.live.clear()

    @rule(duration_s=st.sampled_from([0.5, 4.0, 11.0, 60.0]))
    def wait(self, duration_s: float) -> None:
        self.clock.advance(duration_s)
        self.now_s += duration_s

    @invariant()
    def only_live_permits_hold(self) -> None:
        for plan_id, number, step in itertools.product('pqr', range(1, 6), STEPS):
            for index in range(3):
                asked = StepAsked(plan_id, index, step, f'n{number}')
                live = self.live.get(plan_id)
                holds = (
                    live is not None
                    and live[:2] == (f'n{number}', index)
                    and self.now_s < live[2] - 1e-6
                    and self.approved[plan_id][0][index] == step
                    and self.now_s - self.approved[plan_id][1] < POLICY.plan_lifetime_s
                )
                assert (self.permits.refusal(asked) == '') == holds


TestPermitsUnderFire = PermitsUnderFire.TestCase
TestPermitsUnderFire.settings = settings(max_examples=30, stateful_step_count=30)


def test_through_the_supervisor_a_stop_revokes_and_rearming_does_not_revive() -> None:
    play = Play()

    def run() -> None:
        for _ in range(5):
            play.advance(0.04)
            play.sense()
            play.tick()

    run()
    supervisor = play.supervisor
    supervisor.hear_plan(PlanHeard('p', True, STEPS))
    asked = StepAsked('p', 0, STEPS[0])
    assert supervisor.authorize(asked).refusal.startswith('motion is not permitted: not armed')
    assert play.arm().success
    permit = supervisor.authorize(asked)
    assert permit.granted
    held = StepAsked('p', 0, STEPS[0], permit.permit_id)
    assert supervisor.authorize(held).granted
    play.emergency_stop()
    assert 'operator' in supervisor.authorize(held).refusal
    run()
    assert supervisor.reset('ada', 'looked').success
    assert supervisor.arm('ada', 'clear').success
    assert 'revoked' in supervisor.authorize(held).refusal
    assert supervisor.authorize(asked).granted
