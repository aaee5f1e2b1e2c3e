"""Zones in a real monitor, around a robot that drives."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from geometry_msgs.msg import TransformStamped

from eip.msg import SafetyState
from eip_ros import names
from eip_safety_monitor import conversions
from eip_safety_monitor.trial.bench import Bench, open_bench

HALL = """
frames: {timeout_s: 0.6}
zones:
  - name: hall
    kind: speed_limit
    frame: odom
    polygon: [[1, -5], [900, -5], [900, 5], [1, 5]]
    speed_limit_mps: 0.12
"""


@pytest.fixture(scope='module')
def bench(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


def restart(bench: Bench, zones: str) -> None:
    bench.monitor.stop()
    path = bench.folder / 'policy.yaml'
    path.write_text(path.read_text().split('\nzones:')[0].split('\nframes:')[0] + zones)
    bench.robot.states.clear()
    bench.robot.events.clear()
    bench.monitor.start()
    assert bench.robot.wait(lambda: bench.robot.states, 20.0)


def transform(x_m: float, yaw_rad: float) -> TransformStamped:
    link = TransformStamped(child_frame_id='odom')
    link.header.frame_id = 'map'
    link.transform.translation.x = x_m
    link.transform.rotation.z = math.sin(yaw_rad / 2.0)
    link.transform.rotation.w = math.cos(yaw_rad / 2.0)
    return link


def test_a_zone_limits_the_permit_and_its_passage_is_an_event(bench: Bench) -> None:
    restart(bench, HALL)
    robot = bench.robot
    robot.make_move(30.0)
    robot.wanted = (0.5, 0.0)
    assert robot.wait(lambda: 0.11 < robot.states[-1][1].max_linear_speed_mps < 0.13, 20.0)
    entered = 'entered speed_limit zone hall'
    assert robot.wait(lambda: any(event.message == entered for event in robot.events), 20.0)
    assert {event.kind for event in robot.events if event.cause == 'zone.hall'} == {'zone'}


def test_a_zone_in_a_frame_that_nothing_links_refuses_arming(bench: Bench) -> None:
    restart(bench, HALL.replace('frame: odom', 'frame: map'))
    robot = bench.robot
    assert robot.wait(lambda: 'zone.frame' in robot.states[-1][1].active_causes, 20.0)
    success, message = robot.call('arm', operator_name='ada', reason='go')
    assert not success
    assert 'hall is in frame map' in message


@pytest.mark.skipif(not importlib.util.find_spec('tf2_msgs'), reason='tf2_msgs has no wheel')
def test_a_localiser_links_the_map_and_its_silence_stops(bench: Bench) -> None:
    from tf2_msgs.msg import TFMessage

    restart(bench, HALL.replace('frame: odom', 'frame: map'))
    robot = bench.robot
    publisher = robot.create_publisher(TFMessage, names.Topic.TF, 100)
    message = TFMessage(transforms=[transform(100.0, 0.0)])
    timer = robot.create_timer(0.05, lambda: publisher.publish(message))
    robot.make_move(30.0)
    assert robot.wait(lambda: 0.11 < robot.states[-1][1].max_linear_speed_mps < 0.13)
    timer.cancel()
    assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED)
    assert 'zone.frame' in robot.states[-1][1].active_causes


def test_a_transform_becomes_a_link_and_a_bad_rotation_no_number() -> None:
    bad = transform(1.0, 0.0)
    bad.transform.rotation.w = 0.0
    found = conversions.links_from(SimpleNamespace(transforms=[transform(2.0, 1.5), bad]))
    assert (found[0].parent, found[0].child, found[0].x_m) == ('map', 'odom', 2.0)
    assert found[0].yaw_rad == pytest.approx(1.5)
    assert found[0].is_sound()
    assert not found[1].is_sound()
