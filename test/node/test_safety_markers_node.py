"""What RViz gets from a real monitor, and that the shipped view shows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from visualization_msgs.msg import Marker, MarkerArray

from eip_ros import names, qos
from eip_safety_monitor.marker_publisher import marker_message
from eip_safety_monitor.markers import Shape, ShapeKind
from eip_safety_monitor.policy import default_policy_file, load_policy
from eip_safety_monitor.trial.bench import Bench, open_bench


@pytest.fixture(scope='module')
def bench(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


def by_layer(message: MarkerArray) -> dict[str, list[Marker]]:
    found: dict[str, list[Marker]] = {}
    for marker in message.markers:
        found.setdefault(marker.ns, []).append(marker)
    return found


def test_zones_ring_people_and_cause_come_and_not_too_often(bench: Bench) -> None:
    seen: list[MarkerArray] = []
    bench.robot.create_subscription(MarkerArray, names.Topic.MARKERS, seen.append, qos.STATUS)
    bench.make_ready()
    robot = bench.robot
    robot.make_move(30.0)
    robot.show_person(0.4)
    layers = {'zones', 'robot', 'protective_distance', 'people', 'cause'}
    assert robot.wait(lambda: seen and set(by_layer(seen[-1])) == layers, 10.0)
    assert robot.wait(lambda: 'visitor is' in by_layer(seen[-1])['cause'][0].text, 10.0)
    found = by_layer(seen[-1])
    assert len(found['zones']) == 3 * len(load_policy(default_policy_file()).zones)
    assert {marker.header.frame_id for marker in seen[-1].markers} == {'odom'}
    assert all(marker.lifetime.nanosec > 0 for marker in seen[-1].markers)
    assert found['people'][0].type == Marker.CYLINDER
    seen.clear()
    assert robot.wait(lambda: len(seen) >= 6)
    stamps = [m.markers[0].header.stamp for m in seen]
    times = [stamp.sec + stamp.nanosec * 1e-9 for stamp in stamps]
    assert (times[-1] - times[0]) / (len(times) - 1) > 0.15


@pytest.mark.parametrize('kind', list(ShapeKind))
def test_every_kind_of_shape_is_a_marker_that_rviz_can_draw(kind: ShapeKind) -> None:
    corners = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    marker = marker_message(Shape('a', 1, kind, 'map', corners, (1.0, 0.0, 0.0, 0.5), text='x'))
    assert marker.action == Marker.ADD
    assert marker.pose.orientation.w == 1.0
    assert marker.color.a == 0.5
    assert max(marker.scale.x, marker.scale.y, marker.scale.z) > 0.0
    has_points = kind in (ShapeKind.LINE, ShapeKind.AREA, ShapeKind.ARROW)
    assert len(marker.points) == (3 if has_points else 0)


def test_the_shipped_view_shows_robot_scan_and_markers() -> None:
    path = default_policy_file().parent / 'eip.rviz'
    shown = yaml.safe_load(path.read_text())['Visualization Manager']['Displays']
    topics = {display['Class']: display.get('Topic', {}).get('Value') for display in shown}
    assert topics['rviz_default_plugins/LaserScan'] == names.Topic.SCAN
    assert topics['rviz_default_plugins/MarkerArray'] == names.Topic.MARKERS
    assert topics['rviz_default_plugins/Odometry'] == names.Topic.ODOM
    assert 'rviz_default_plugins/RobotModel' in topics
