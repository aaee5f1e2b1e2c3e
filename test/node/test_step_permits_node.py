"""A skill server's questions to the node `safety_monitor`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from diagnostic_msgs.msg import KeyValue

from eip.msg import ActionPlan, PlanStatus, PlanStep, SafetyState, SafetyVerdict
from eip.srv import AuthorizeStep
from eip_ros import qos
from eip_ros.names import Topic
from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.processes import NodeProcess


@pytest.fixture(scope='module')
def bench(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


def test_steps_of_an_approved_plan_are_granted_until_a_stop_revokes_them(bench: Bench) -> None:
    robot = bench.robot
    plans = robot.create_publisher(ActionPlan, 'plan', qos.COMMAND)
    asking = robot.create_client(AuthorizeStep, 'safety_monitor/authorize')
    assert robot.wait(lambda: plans.get_subscription_count() > 0, 20.0)
    assert asking.wait_for_service(20.0)

    def ask(index: int, place: str, permit_id: str = '') -> AuthorizeStep.Response:
        parameters = [KeyValue(key='place', value=place)]
        request = AuthorizeStep.Request(
            plan_id='p', step_index=index, skill='go_to', parameters=parameters, permit_id=permit_id
        )
        future = asking.call_async(request)
        end = time.monotonic() + 10.0
        while not future.done():
            assert time.monotonic() < end, 'no answer'
            time.sleep(0.002)
        return future.result()

    robot.make_move(30.0)
    assert 'not known' in ask(0, 'sink').refusal
    steps = [
        PlanStep(index=index, skill='go_to', parameters=[KeyValue(key='place', value=place)])
        for index, place in enumerate(('sink', 'table'))
    ]
    plans.publish(ActionPlan(plan_id='p', approved=True, steps=steps))
    assert robot.wait(lambda: ask(0, 'sink').granted)
    assert 'differ from the approved' in ask(0, 'stove').refusal
    first = ask(0, 'sink')
    assert first.permit_id
    assert 0.0 < first.lifetime_s <= 30.0
    assert ask(0, 'sink', first.permit_id).granted
    robot.call('emergency_stop')
    assert 'motion is not permitted' in ask(0, 'sink', first.permit_id).refusal
    assert robot.wait(lambda: any(event.cause == 'permit.revoked' for event in robot.events))
    robot.make_move(40.0)
    assert robot.mode() == SafetyState.ARMED
    assert 'revoked' in ask(0, 'sink', first.permit_id).refusal
    assert ask(0, 'sink').granted
    assert ask(1, 'table').granted
    causes = [event.cause for event in robot.events]
    assert causes.count('permit.granted') == 3
    assert 'authorize.refused' in causes


def test_the_simulated_skill_server_asks_a_real_monitor_and_holds_until_it_is_armed(
    bench: Bench,
) -> None:
    robot = bench.robot
    robot.make_move(30.0)
    robot.call('disarm')
    statuses: list[PlanStatus] = []
    robot.create_subscription(PlanStatus, 'plan/status', statuses.append, qos.PROGRESS)
    plans = robot.create_publisher(ActionPlan, 'plan', qos.COMMAND)
    skills = NodeProcess(
        'eip_bringup.sim.skills_node', bench.folder / 'skills.log', environment=bench.environment
    )
    skills.start()
    try:
        assert robot.wait(lambda: statuses and plans.get_subscription_count() > 1, 20.0)
        allowed = SafetyVerdict(decision=SafetyVerdict.ALLOW)
        steps = [
            PlanStep(
                index=index,
                skill='wait',
                parameters=[KeyValue(key='duration_s', value='0.2')],
                verdict=allowed,
            )
            for index in range(2)
        ]
        plan = ActionPlan(plan_id='w', approved=True, verdict=allowed, steps=steps)
        plans.publish(plan)

        def reached(state: int) -> bool:
            return any(status.plan_id == 'w' and status.state == state for status in statuses)

        assert robot.wait(lambda: reached(PlanStatus.HELD), 10.0)
        assert not reached(PlanStatus.FAILED)
        robot.events.clear()
        # The skill server drives from here on; two that want a velocity make a base that jerks.
        robot.silent.add(Topic.CMD_VEL_IN)
        assert robot.wait(lambda: robot.call('arm', operator_name='ada', reason='go')[0], 10.0)
        assert robot.wait(lambda: reached(PlanStatus.SUCCEEDED), 20.0), statuses[-1].message
        granted = [event.message for event in robot.events if event.cause == 'permit.granted']
        assert granted[0] == "step 0 of plan 'w' may begin: wait"
        assert "step 1 of plan 'w' may begin: wait" in granted
    finally:
        assert skills.stop() == 0
