from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from geometry_msgs.msg import Point
from sim_bench import SimBench
from std_srvs.srv import SetBool, Trigger

from eip.srv import SimManipulate, SimMovePerson
from eip_bringup.sim.conversions import odometry_message
from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.tf import transforms_of

Wait = Callable[..., None]
TOPICS = {'odom', 'scan', 'scene', 'safety/hardware_stop'}


@pytest.fixture
def bench(ros_domain: int, wait_until: Wait) -> Iterator[SimBench]:
    bench = SimBench()
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def robot(bench: SimBench, wait_until: Wait) -> SimBench:
    bench.start('robot_node')
    wait_until(lambda: bench.latest.keys() >= TOPICS, 20, 'first messages')
    return bench


def drive_until(
    robot: SimBench, wait_until: Wait, condition: Callable[[], object], what: str
) -> None:
    def keep_driving() -> object:
        robot.drive(0.5)
        return condition()

    wait_until(keep_driving, 10, what)


def test_everything_a_robot_publishes_is_there_and_plausible(robot: SimBench) -> None:
    scan, scene = robot.latest['scan'], robot.latest['scene']
    assert len(scan.ranges) == 360
    assert all(scan.range_min <= r <= scan.range_max for r in scan.ranges)
    assert scene.zone == 'charger'
    assert scene.header.frame_id == 'odom'
    assert {item.name for item in scene.objects} >= {'cup', 'knife', 'milk'}
    assert {fact.key: fact.value for fact in scene.facts}['stove'] == 'off'
    assert not robot.latest['safety/hardware_stop'].data


def test_it_drives_and_stops_by_itself_when_commands_cease(
    robot: SimBench, wait_until: Wait
) -> None:
    start = robot.position()
    drive_until(robot, wait_until, lambda: math.dist(start, robot.position()) > 0.3, 'it drives')
    wait_until(lambda: abs(robot.latest['odom'].twist.twist.linear.x) < 0.01, 2, 'it stands')


def test_a_pressed_hardware_stop_is_told_and_cuts_the_drives(
    robot: SimBench, wait_until: Wait
) -> None:
    start = robot.position()
    drive_until(robot, wait_until, lambda: math.dist(start, robot.position()) > 0.2, 'it drives')
    assert robot.call(SetBool, 'sim_robot/press_stop', data=True).success
    wait_until(lambda: robot.latest['safety/hardware_stop'].data, 1, 'the stop is told')
    drive_until(
        robot,
        wait_until,
        lambda: abs(robot.latest['odom'].twist.twist.linear.x) < 0.01,
        'it stands although commanded',
    )
    robot.call(SetBool, 'sim_robot/press_stop', data=False)
    wait_until(lambda: not robot.latest['safety/hardware_stop'].data, 1, 'the release is told')


def test_a_person_appears_in_scene_and_scan_and_leaves_again(
    robot: SimBench, wait_until: Wait
) -> None:
    at = Point(x=-1.4, y=-0.8, z=0.0)
    assert robot.call(SimMovePerson, 'sim_robot/move_person', name='ben', target=at).success
    wait_until(lambda: robot.latest['scene'].people, 2, 'seen')
    person = robot.latest['scene'].people[0]
    assert (person.name, person.kind) == ('ben', 'child')
    wait_until(lambda: abs(robot.latest['scan'].ranges[180] - person.distance_m) < 0.05, 2, 'scan')
    assert robot.call(SimMovePerson, 'sim_robot/move_person', name='ben', remove=True).success
    wait_until(lambda: not robot.latest['scene'].people, 2, 'gone')


NONSENSE = (
    ({'name': ''}, 'name is empty'),
    ({'name': 'x', 'target': Point(x=math.nan)}, 'target'),
    ({'name': 'x', 'speed_mps': -1.0}, 'speed_mps is -1.0'),
    ({'name': 'x', 'remove': True}, "'x'"),
)


def test_requests_that_make_no_sense_are_refused_by_name(robot: SimBench) -> None:
    for fields, named in NONSENSE:
        answer = robot.call(SimMovePerson, 'sim_robot/move_person', **fields)
        assert not answer.success, fields
        assert named in answer.message
    answer = robot.call(SimManipulate, 'sim_robot/manipulate', action='pick', object='cup')
    assert not answer.success
    assert 'cup is' in answer.message


def test_reset_world_brings_the_robot_home(robot: SimBench, wait_until: Wait) -> None:
    start = robot.position()
    drive_until(robot, wait_until, lambda: math.dist(start, robot.position()) > 0.3, 'it drives')
    assert robot.call(Trigger, 'sim_robot/reset_world').success
    wait_until(lambda: math.dist(start, robot.position()) < 0.05, 2, 'it is home')


@pytest.mark.parametrize(
    ('parameter', 'named'),
    [
        ('world_file:=/no/such/site.yaml', '/no/such/site.yaml'),
        ('use_sim_time:=true', 'use_sim_time'),
        ('odom_rate_hz:=0.0', 'odom_rate_hz'),
    ],
)
def test_a_wrong_parameter_ends_it_with_one_line(
    bench: SimBench, parameter: str, named: str
) -> None:
    child = bench.start('robot_node', parameter)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 2
    line = [line for line in errors.splitlines() if line.startswith('error: ')]
    assert len(line) == 1
    assert named in line[0]
    assert 'Traceback' not in errors


def test_transforms_put_the_base_where_odometry_says_and_the_lidar_above_it() -> None:
    odometry = odometry_message(Pose(1.0, -2.0, math.pi / 2), 0.0, 0.0)
    base, laser = transforms_of(odometry)
    assert (base.header.frame_id, base.child_frame_id) == ('odom', 'base_link')
    assert (base.transform.translation.x, base.transform.translation.y) == (1.0, -2.0)
    assert base.transform.rotation.z == pytest.approx(math.sqrt(0.5))
    assert (laser.header.frame_id, laser.child_frame_id) == ('base_link', 'laser')
    assert laser.transform.translation.z > 0
