from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eip_bringup.environment import config_file
from eip_bringup.sim.dimensions import BEAMS
from eip_bringup.sim.drive import DriveLimits
from eip_bringup.sim.errand import Errand, ErrandState, ErrandStep, Progress, why_refused
from eip_bringup.sim.executor import PlanExecutor
from eip_bringup.sim.household import Household, Refusal
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.leave import LeaveAnswer
from eip_bringup.sim.route import RoutePlanner
from eip_bringup.sim.senses import Permit, Senses, Velocity
from eip_bringup.sim.skill import Robot
from eip_bringup.sim.skill_table import MAKERS
from eip_bringup.sim.world import World
from eip_llm_interface.guard.verdict import Decision

ANGLES = (-math.pi + np.arange(BEAMS) * 2 * math.pi / BEAMS).astype(np.float32)
KITCHEN = load_kitchen()
PLANNER = RoutePlanner(KITCHEN)
ALLOWED = Permit(True, '', 0.8, 1.8)
DENIED = Permit(cause='a person is near')
TICK_S = 0.05


class FakeDesk:
    """The safety monitor's answers, at once; `says` None is no answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.says: LeaveAnswer | None = LeaveAnswer(True, 30.0)

    def ask(self, errand: Errand, index: int) -> None:
        self.asked.append((errand.plan_id, index))

    def answer(self) -> LeaveAnswer | None:
        return self.says


class Site:
    """A world, a gripper and the executor, wired together without ROS."""

    def __init__(self) -> None:
        self.world = World(KITCHEN)
        self.household = Household(KITCHEN, self.world.people.get)
        self.said: list[str] = []
        self.reports: list[Progress] = []
        self.permit = ALLOWED
        self.knows_people = True
        self.now_s = 0.0
        self.last: Velocity | None = None
        self._answer: tuple[bool, str] | None = None
        robot = Robot(KITCHEN, PLANNER, self, self.said.append, DriveLimits())
        self.desk = FakeDesk()
        self.executor = PlanExecutor(robot, self.desk, self.reports.append)

    def begin(self, action: str, target: str, place: str) -> None:
        try:
            self._answer = True, self.household.act(action, target, place, self.world.pose)
        except Refusal as refusal:
            self._answer = False, str(refusal)

    def answer(self) -> tuple[bool, str] | None:
        return self._answer

    def senses(self) -> Senses:
        items = self.household.items.values()
        return Senses(
            pose=self.world.pose,
            permit=self.permit,
            ranges=self.world.scan(),
            angles=ANGLES,
            people={walker.name: (walker.x, walker.y) for walker in self.world.people}
            if self.knows_people
            else {},
            objects={item.name: item.position[:2] for item in items},
            object_places={item.name: item.place for item in items},
            held_object=self.household.held,
        )

    def tick(self) -> None:
        self.now_s += TICK_S
        self.last = self.executor.tick(self.senses(), self.now_s)
        velocity = self.last or Velocity()
        self.world.drive(velocity.speed_mps, velocity.turn_radps)
        self.world.advance(TICK_S)

    def run(self, until: Iterable[ErrandState], limit_s: float = 60.0) -> Progress:
        end_s = self.now_s + limit_s
        while self.executor.progress.state not in until:
            self.tick()
            assert self.now_s < end_s, f'still {self.executor.progress}'
        return self.executor.progress

    def finish(self, limit_s: float = 60.0) -> Progress:
        return self.run({ErrandState.SUCCEEDED, ErrandState.FAILED}, limit_s)

    @property
    def state(self) -> ErrandState:
        return self.executor.progress.state


@pytest.fixture
def site() -> Site:
    return Site()


def errand(*steps: tuple[str, dict[str, str]], **changes: Any) -> Errand:
    base = Errand(
        plan_id='p1',
        request_id='r1',
        steps=tuple(ErrandStep(skill, values, Decision.ALLOW) for skill, values in steps),
        decision=Decision.ALLOW,
        approved=True,
    )
    return replace(base, **changes)


GO = ('go_to', {'place': 'counter'})


def test_an_errand_across_the_kitchen_brings_the_cup_to_the_table(site: Site) -> None:
    site.executor.submit(
        errand(
            GO,
            ('pick', {'object': 'cup'}),
            ('go_to', {'place': 'table'}),
            ('place', {'object': 'cup', 'place': 'table'}),
        )
    )
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.household.items['cup'].place == 'table'
    assert site.now_s < 15.0


def test_a_pick_goes_to_the_object_by_itself(site: Site) -> None:
    site.executor.submit(errand(('pick', {'object': 'book'})))
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.household.held == 'book'


def test_a_step_that_the_gripper_refuses_fails_with_its_sentence(site: Site) -> None:
    site.executor.submit(errand(('pick', {'object': 'cup'}), ('pick', {'object': 'knife'})))
    progress = site.finish()
    assert progress.state is ErrandState.FAILED
    assert progress.message == 'cannot pick the knife: the gripper holds the cup'
    assert progress.step_index == 1


def test_milk_comes_out_of_the_fridge(site: Site) -> None:
    site.executor.submit(
        errand(
            ('open', {'appliance': 'fridge'}),
            ('pick', {'object': 'milk'}),
            ('close', {'appliance': 'fridge'}),
        )
    )
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.household.held == 'milk'
    assert site.household.facts()['fridge'] == 'closed'


@pytest.mark.parametrize('name', ['anna', 'user', 'me'])
def test_a_cup_is_handed_to_the_person_meant(site: Site, name: str) -> None:
    site.world.people.move('anna', 1.8, 0.8)
    site.executor.submit(
        errand(('pick', {'object': 'cup'}), ('hand_over', {'object': 'cup', 'person': name}))
    )
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.household.items['cup'].place == 'person:anna'


def test_a_person_who_walks_on_meanwhile_is_gone_after(site: Site) -> None:
    site.world.people.move('anna', 0.0, 0.0)
    site.executor.submit(
        errand(('pick', {'object': 'cup'}), ('hand_over', {'object': 'cup', 'person': 'anna'}))
    )
    while site.executor.progress.skill != 'hand_over':
        site.tick()
    site.world.people.move('anna', 2.2, -1.7, speed_mps=1.2)
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.household.items['cup'].place == 'person:anna'


def test_handing_over_to_nobody_fails_with_a_sentence(site: Site) -> None:
    site.executor.submit(
        errand(('pick', {'object': 'cup'}), ('hand_over', {'object': 'cup', 'person': 'user'}))
    )
    progress = site.finish()
    assert progress.state is ErrandState.FAILED
    assert progress.message == 'user is not in the room; the robot sees nobody'


def test_following_keeps_near_a_walking_person_at_arms_length(site: Site) -> None:
    site.world.people.move('anna', 0.0, 1.0)
    site.world.people.move('anna', 2.2, -1.5, speed_mps=0.5)
    site.executor.submit(errand(('follow', {'person': 'anna'})))
    least = math.inf
    while site.executor.is_busy:
        site.tick()
        anna = site.world.people.get('anna')
        assert anna is not None
        least = min(least, site.world.pose.distance_to(anna.x, anna.y))
    assert site.state is ErrandState.SUCCEEDED
    assert least > 1.0
    assert site.world.pose.distance_to(anna.x, anna.y) < 2.0


def test_appliances_are_switched_where_they_stand(site: Site) -> None:
    site.executor.submit(
        errand(('turn_on', {'appliance': 'lamp'}), ('turn_off', {'appliance': 'lamp'}))
    )
    assert site.finish().state is ErrandState.SUCCEEDED
    said = [report.message for report in site.reports if report.message.startswith('the lamp')]
    assert said == ['the lamp is on', 'the lamp is off']


def test_say_is_heard_and_wait_takes_its_time(site: Site) -> None:
    site.executor.submit(errand(('say', {'text': 'hello'}), ('wait', {'duration_s': '2'})))
    site.finish()
    assert site.said == ['hello']
    assert site.now_s == pytest.approx(2.0, abs=0.3)


def test_a_missing_permit_holds_with_its_cause_and_the_errand_goes_on_by_itself(
    site: Site,
) -> None:
    site.executor.submit(errand(GO))
    for _ in range(40):
        site.tick()
    site.permit = DENIED
    for _ in range(40):
        site.tick()
        assert site.last == Velocity()
    assert site.state is ErrandState.HELD
    assert site.executor.progress.message == 'held: a person is near'
    site.permit = ALLOWED
    assert site.finish().state is ErrandState.SUCCEEDED
    assert [report.state for report in site.reports].count(ErrandState.HELD) == 1


def test_time_held_does_not_count_against_the_skill(site: Site) -> None:
    site.permit = DENIED
    site.executor.submit(errand(GO))
    for _ in range(2500):
        site.now_s += TICK_S
        site.executor.tick(site.senses(), site.now_s)
    site.permit = ALLOWED
    assert site.finish().state is ErrandState.SUCCEEDED


def test_no_step_begins_without_a_permit_not_even_one_that_moves_nothing(site: Site) -> None:
    site.permit = DENIED
    site.executor.submit(errand(('say', {'text': 'I stand'}), ('stop', {})))
    for _ in range(40):
        site.tick()
    assert site.state is ErrandState.HELD
    assert site.said == []
    assert site.desk.asked == []
    site.permit = ALLOWED
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.said == ['I stand']


def test_leave_is_asked_before_every_step_once(site: Site) -> None:
    steps = [('say', {'text': 'a'}), GO, ('say', {'text': 'b'})]
    site.executor.submit(errand(*steps))
    assert site.finish().state is ErrandState.SUCCEEDED
    assert site.desk.asked == [('p1', 0), ('p1', 1), ('p1', 2)]
    assert ErrandState.HELD not in [report.state for report in site.reports]


def test_nothing_begins_while_the_monitor_does_not_answer_and_it_is_asked_again(site: Site) -> None:
    site.desk.says = None
    site.executor.submit(errand(GO))
    for _ in range(400):
        site.tick()
        assert site.last == Velocity()
    assert site.state is ErrandState.HELD
    assert 'does not say whether' in site.executor.progress.message
    assert 15 <= len(site.desk.asked) <= 25
    site.desk.says = LeaveAnswer(True, 30.0)
    assert site.finish().state is ErrandState.SUCCEEDED


def test_leave_refused_holds_first_and_fails_when_it_stays_refused(site: Site) -> None:
    site.desk.says = LeaveAnswer(False, refusal='the parameters differ')
    site.executor.submit(errand(GO))
    site.tick()
    assert site.state is ErrandState.HELD
    assert site.executor.progress.message == 'held: the parameters differ'
    progress = site.finish(10.0)
    assert progress.state is ErrandState.FAILED
    assert progress.message == 'the parameters differ'
    assert site.now_s > 4.9
    assert site.last == Velocity()


def test_leave_refused_for_a_moment_is_granted_when_asked_again(site: Site) -> None:
    site.desk.says = LeaveAnswer(False, refusal='motion is not permitted')
    site.executor.submit(errand(GO))
    for _ in range(40):
        site.tick()
    site.desk.says = LeaveAnswer(True, 30.0)
    assert site.finish().state is ErrandState.SUCCEEDED


def test_a_long_step_renews_its_leave_before_the_end_and_stands_when_it_runs_out(
    site: Site,
) -> None:
    site.desk.says = LeaveAnswer(True, 1.0)
    site.executor.submit(errand(('follow', {'person': 'anna'})))
    site.world.people.move('anna', 0.0, 1.0)
    for _ in range(60):
        site.tick()
        assert site.state is ErrandState.RUNNING
    assert len(site.desk.asked) >= 4
    site.desk.says = LeaveAnswer(False, refusal='the approval expired')
    for _ in range(25):
        site.tick()
    assert site.state is ErrandState.HELD
    assert site.last == Velocity()


def test_after_a_stop_leave_is_asked_anew(site: Site) -> None:
    site.executor.submit(errand(GO))
    for _ in range(10):
        site.tick()
    site.permit = DENIED
    site.tick()
    site.permit = ALLOWED
    site.tick()
    assert site.desk.asked == [('p1', 0), ('p1', 0)]


def test_a_new_plan_replaces_the_old_one_which_is_reported_cancelled(site: Site) -> None:
    site.executor.submit(errand(GO))
    site.tick()
    site.executor.submit(errand(('go_to', {'place': 'sofa'}), plan_id='p2'))
    assert [(report.plan_id, report.state) for report in site.reports][-2:] == [
        ('p1', ErrandState.CANCELLED),
        ('p2', ErrandState.RUNNING),
    ]
    site.finish()
    sofa = KITCHEN.places['sofa'].approach
    assert site.world.pose.distance_to(sofa.x, sofa.y) < 0.3


def test_the_same_plan_heard_twice_is_carried_out_once(site: Site) -> None:
    plan = errand(('say', {'text': 'once'}))
    assert site.executor.submit(plan)
    site.finish()
    site.executor.submit(plan)
    for _ in range(5):
        site.tick()
    assert site.said == ['once']


def test_a_plan_that_was_refused_may_come_again_once_it_is_approved(site: Site) -> None:
    plan = errand(('say', {'text': 'now'}))
    assert not site.executor.submit(replace(plan, approved=False))
    assert site.executor.submit(plan)
    assert site.finish().state is ErrandState.SUCCEEDED


def test_a_refused_plan_leaves_the_running_one_alone(site: Site) -> None:
    site.executor.submit(errand(GO))
    site.tick()
    assert not site.executor.submit(errand(GO, plan_id='bad', approved=False))
    assert site.reports[-1].plan_id == 'bad'
    assert site.reports[-1].state is ErrandState.FAILED
    assert site.finish().plan_id == 'p1'


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'approved': False}, 'not approved'),
        ({'steps': ()}, 'no steps'),
        ({'plan_id': ''}, 'plan_id'),
        ({'decision': Decision.REJECT}, 'verdict on the plan is reject'),
        ({'decision': Decision.CONFIRM}, 'nobody confirmed'),
        ({'decision': 77}, 'unknown (77)'),
        ({'steps': (ErrandStep('say', {'text': 'x'}),)}, 'step 0 (say) is reject'),
        ({'steps': (ErrandStep('say', {'text': 'x'}, Decision.CONFIRM),)}, 'nobody confirmed'),
        (
            {
                'steps': (ErrandStep('say', {'text': 'x'}, Decision.CONFIRM),),
                'confirmed_by': '  ',
            },
            'nobody confirmed',
        ),
    ],
)
def test_what_nobody_granted_is_refused_with_the_reason(
    site: Site, changes: dict[str, Any], named: str
) -> None:
    assert not site.executor.submit(errand(('say', {'text': 'x'}), **changes))
    assert named in site.reports[-1].message
    site.tick()
    assert site.last is None
    assert site.said == []


def test_a_confirmed_plan_is_carried_out() -> None:
    steps = (ErrandStep('say', {'text': 'x'}, Decision.CONFIRM),)
    plan = errand(steps=steps, decision=Decision.CONFIRM, confirmed_by='anna')
    assert why_refused(plan) == ''


@pytest.mark.parametrize(
    ('skill', 'parameters', 'named'),
    [
        ('fly', {}, "unknown skill 'fly'"),
        ('go_to', {}, 'lacks place'),
        ('go_to', {'place': ' '}, 'lacks place'),
        ('go_to', {'place': 'moon'}, "no place 'moon'"),
        ('go_to', {'place': 'sink', 'speed': '9'}, 'does not know speed'),
        ('pick', {'object': 'unicorn'}, "no object 'unicorn'"),
        ('place', {'object': 'cup', 'place': 'moon'}, "no place 'moon'"),
        ('turn_on', {'appliance': 'toaster'}, "no appliance 'toaster'"),
        ('wait', {'duration_s': 'nan'}, "duration_s is 'nan'"),
        ('wait', {'duration_s': 'soon'}, "duration_s is 'soon'"),
        ('wait', {'duration_s': '-1'}, "duration_s is '-1'"),
    ],
)
def test_a_step_that_nobody_knows_refuses_the_whole_plan_before_anything_moves(
    site: Site, skill: str, parameters: dict[str, str], named: str
) -> None:
    assert not site.executor.submit(errand(GO, (skill, parameters)))
    assert named in site.reports[-1].message
    assert 'step 1' in site.reports[-1].message
    assert not site.executor.is_busy


def test_a_skill_that_takes_too_long_fails(site: Site) -> None:
    site.executor.submit(errand(GO))
    stuck = site.senses()
    while site.executor.is_busy:
        site.now_s += 0.2
        site.executor.tick(stuck, site.now_s)
        assert site.now_s < 200
    assert site.state is ErrandState.FAILED
    assert 'took longer than 90 s' in site.executor.progress.message


def test_a_way_leaves_room_for_people_who_stand_there(site: Site) -> None:
    site.world.people.move('anna', -1.2, -0.2)
    site.executor.submit(errand(GO))
    least = math.inf
    while site.executor.is_busy:
        site.tick()
        least = min(least, site.world.pose.distance_to(-1.2, -0.2))
    assert site.state is ErrandState.SUCCEEDED
    assert least > 0.75


def test_what_only_the_lidar_sees_in_the_way_is_gone_round(site: Site) -> None:
    site.knows_people = False
    site.world.people.move('anna', -1.2, -0.2)
    site.executor.submit(errand(GO))
    assert site.finish().state is ErrandState.SUCCEEDED


def test_every_skill_of_the_manifest_is_one_of_the_executors() -> None:
    manifest = yaml.safe_load(config_file('skills.yaml').read_text())['skills']
    for name, entry in manifest.items():
        assert list(MAKERS[name][0]) == list(entry.get('parameters', {})), name


class ExecutorUnderFire(RuleBasedStateMachine):
    """Plans and permits come and go in any order; motion only ever under a permit."""

    def __init__(self) -> None:
        super().__init__()
        self.site = Site()
        self.count = 0

    @rule(place=st.sampled_from(list(KITCHEN.places)), approved=st.booleans())
    def submit(self, place: str, approved: bool) -> None:
        self.count += 1
        plan = errand(('go_to', {'place': place}), plan_id=f'p{self.count}', approved=approved)
        assert self.site.executor.submit(plan) == approved

    @rule(is_permitted=st.booleans())
    def permit(self, is_permitted: bool) -> None:
        self.site.permit = ALLOWED if is_permitted else DENIED

    @rule(count=st.integers(1, 8))
    def tick(self, count: int) -> None:
        for _ in range(count):
            self.site.tick()
            if not self.site.permit.is_permitted:
                assert self.site.last in (None, Velocity())

    @invariant()
    def standing_still_unless_running(self) -> None:
        if self.site.state is not ErrandState.RUNNING:
            assert self.site.last in (None, Velocity())


TestExecutorUnderFire = ExecutorUnderFire.TestCase
TestExecutorUnderFire.settings = settings(max_examples=15, stateful_step_count=25)
