from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from diagnostic_msgs.msg import KeyValue
from geometry_msgs.msg import Point
from sim_bench import SimBench

from eip.msg import ActionPlan, PlanStatus, PlanStep, SafetyState, SafetyVerdict
from eip.srv import SimMovePerson
from eip_bringup.sim.conversions import errand_of, permit_of
from eip_bringup.sim.kitchen_file import load_kitchen

Wait = Callable[..., None]


@pytest.fixture
def bench(ros_domain: int, wait_until: Wait) -> Iterator[SimBench]:
    bench = SimBench()
    bench.start('robot_node', 'real_time_factor:=1.5')
    bench.start('skills_node')
    try:
        wait_until(
            lambda: (
                {'odom', 'scan', 'scene', 'plan/status'} <= bench.latest.keys()
                and bench.has_plan_listener()
            ),
            20,
            'first messages of robot and skills',
        )
        yield bench
    finally:
        bench.close()


def test_an_approved_go_to_arrives_within_thirty_centimetres(
    bench: SimBench, wait_until: Wait
) -> None:
    bench.send_plan('p1', ('go_to', {'place': 'table'}))
    wait_until(lambda: bench.reached('p1', PlanStatus.SUCCEEDED), 20, 'p1 succeeded')
    goal = load_kitchen().places['table'].approach
    wait_until(
        lambda: math.dist(bench.position(), (goal.x, goal.y)) < 0.3, 2, 'the robot is at the table'
    )
    wait_until(lambda: bench.latest['cmd_vel_in'].linear.x == 0.0, 2, 'zero is the last word')
    wait_until(lambda: bench.latest['scene'].zone == 'table', 2, 'the scene says table')


def test_a_withdrawn_permit_holds_and_the_errand_goes_on_by_itself(
    bench: SimBench, wait_until: Wait
) -> None:
    bench.send_plan('p1', ('go_to', {'place': 'counter'}))
    wait_until(lambda: bench.position()[1] > -1.6, 10, 'the robot is under way')
    bench.is_armed = False
    wait_until(lambda: bench.reached('p1', PlanStatus.HELD), 2, 'held')
    wait_until(lambda: abs(bench.latest['odom'].twist.twist.linear.x) < 0.01, 3, 'stands')
    assert bench.latest['cmd_vel_in'].linear.x == 0.0
    bench.is_armed = True
    wait_until(lambda: bench.reached('p1', PlanStatus.SUCCEEDED), 20, 'p1 succeeded')


def test_a_silent_safety_monitor_holds_the_errand(bench: SimBench, wait_until: Wait) -> None:
    bench.send_plan('p1', ('go_to', {'place': 'counter'}))
    wait_until(lambda: bench.position()[1] > -1.6, 10, 'the robot is under way')
    bench.publishes_state = False
    wait_until(lambda: bench.reached('p1', PlanStatus.HELD), 2, 'held')
    assert 'safety monitor' in bench.states[-1][2]


def test_plans_that_nobody_granted_fail_without_motion(bench: SimBench, wait_until: Wait) -> None:
    go = ('go_to', {'place': 'counter'})
    bench.send_plan('unapproved', go, approved=False)
    bench.send_plan('unconfirmed', go, decision=SafetyVerdict.CONFIRM)
    bench.send_plan('rejected', go, decision=SafetyVerdict.REJECT)
    bench.send_plan('unknown', ('fly', {}))
    for plan_id in ('unapproved', 'unconfirmed', 'rejected', 'unknown'):
        wait_until(lambda name=plan_id: bench.reached(name, PlanStatus.FAILED), 5, plan_id)
    assert 'cmd_vel_in' not in bench.latest


def test_a_confirmed_errand_fetches_the_knife_and_hands_it_over(
    bench: SimBench, wait_until: Wait
) -> None:
    place = bench.call(SimMovePerson, 'sim_robot/move_person', name='anna', target=_point(2.2, 0.8))
    assert place.success
    wait_until(lambda: bench.latest['scene'].people, 2, 'anna is seen')
    bench.send_plan(
        'knife',
        ('go_to', {'place': 'counter'}),
        ('pick', {'object': 'knife'}),
        ('hand_over', {'object': 'knife', 'person': 'user'}),
        decision=SafetyVerdict.CONFIRM,
        confirmed_by='anna',
    )
    wait_until(lambda: bench.latest['scene'].held_object == 'knife', 20, 'the knife is held')
    wait_until(lambda: bench.reached('knife', PlanStatus.SUCCEEDED), 20, 'handed over')
    assert bench.authorized == [('knife', 0), ('knife', 1), ('knife', 2)]
    wait_until(lambda: bench.latest['scene'].held_object == '', 2, 'the gripper is empty')


def test_a_parameter_given_twice_is_never_silently_one_of_both() -> None:
    pairs = [KeyValue(key='place', value='sink'), KeyValue(key='place', value='stove')]
    plan = ActionPlan(plan_id='p', steps=[PlanStep(skill='go_to', parameters=pairs)])
    assert errand_of(plan).steps[0].parameters == {'place': 'sink', 'place twice': 'stove'}


@pytest.mark.parametrize(
    'changes',
    [
        {'mode': SafetyState.PROTECTIVE},
        {'mode': 200},
        {'motion_permitted': False},
        {'max_linear_speed_mps': math.nan},
        {'max_angular_speed_radps': -1.0},
    ],
)
def test_only_a_sound_armed_state_permits_motion(changes: dict[str, float]) -> None:
    sound = {
        'mode': SafetyState.ARMED,
        'motion_permitted': True,
        'max_linear_speed_mps': 0.5,
        'max_angular_speed_radps': 1.0,
    }
    assert permit_of(SafetyState(**sound)).is_permitted
    permit = permit_of(SafetyState(**{**sound, **changes}))
    assert not permit.is_permitted
    assert permit.cause


def _point(x: float, y: float) -> Point:
    return Point(x=x, y=y, z=0.0)
