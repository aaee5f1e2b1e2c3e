"""The node `safety_monitor` in this process, turned by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from nav_msgs.msg import Odometry
from rclpy.utilities import try_shutdown
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from eip.msg import Heartbeat, SafetyVerdict, SceneContext
from eip_ros import qos
from eip_ros.heartbeat import read_boot_id
from eip_ros.names import Topic
from eip_safety_monitor.audit.audit_check import verify_audit
from eip_safety_monitor.audit.audit_log import AuditLog
from eip_safety_monitor.audit.audit_record import read_audit
from eip_safety_monitor.safety_monitor_node import SafetyMonitorNode
from eip_safety_monitor.trial.processes import NodeProcess

Wait = Callable[..., None]


@pytest.fixture
def node(ros_domain: int, tmp_path: Path) -> Iterator[SafetyMonitorNode]:
    rclpy.init(args=['--ros-args', '-p', f'state_dir:={tmp_path}'])
    node = SafetyMonitorNode()
    try:
        yield node
    finally:
        node.destroy_node()
        try_shutdown()


def test_a_burst_of_verdicts_is_written_after_the_permit_two_lines_a_turn(
    node: SafetyMonitorNode, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    append, tell = AuditLog.append, node._teller.tell

    def noted_append(log: AuditLog, kind: str, **fields: Any) -> Any:
        happened.append(kind)
        return append(log, kind, **fields)

    def noted_tell(*arguments: Any) -> None:
        happened.append('told')
        tell(*arguments)

    monkeypatch.setattr(AuditLog, 'append', noted_append)
    monkeypatch.setattr(node._teller, 'tell', noted_tell)
    publisher = node.create_publisher(SafetyVerdict, Topic.VERDICT, qos.EVENT)
    wait_until(publisher.get_subscription_count, what='the monitor listens')
    for number in range(100):
        publisher.publish(SafetyVerdict(request_id=str(number)))
    turns: list[list[str]] = []

    def are_all_written() -> bool:
        happened.clear()
        node._turn()
        turns.append(list(happened))
        return sum(turn.count('verdict') for turn in turns) >= 100

    wait_until(are_all_written, what='100 lines')
    assert all(turn.count('verdict') <= 2 for turn in turns)
    assert sum('told' in turn for turn in turns) > 1
    assert all('verdict' not in turn[: turn.index('told')] for turn in turns if 'told' in turn)
    folder = tmp_path / 'safety_monitor'
    lines = [record.body for record in read_audit(folder) if record.body['kind'] == 'verdict']
    assert [line['request_id'] for line in lines] == [str(number) for number in range(100)]
    assert verify_audit(folder).ok


def test_the_flood_of_the_trials_reaches_the_verdicts(
    node: SafetyMonitorNode, tmp_path: Path, wait_until: Wait
) -> None:
    flooder = NodeProcess('eip_safety_monitor.trial.flood', tmp_path / 'flood.log')

    def has_come() -> bool:
        node._turn()
        return any(
            record.body['kind'] == 'verdict' for record in read_audit(tmp_path / 'safety_monitor')
        )

    flooder.start()
    try:
        wait_until(has_come, 20.0, 'a verdict of the flood')
    finally:
        flooder.kill()


def test_a_second_monitor_of_the_same_process_number_is_another_one(
    node: SafetyMonitorNode, wait_until: Wait
) -> None:
    publisher = node.create_publisher(Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT)
    wait_until(publisher.get_subscription_count, what='the monitor listens')

    def causes() -> tuple[str, ...]:
        node._turn()
        node._supervisor.tick()
        return node._supervisor.state().active_causes

    def hears(instance_id: str, number: int) -> None:
        publisher.publish(
            Heartbeat(
                node='safety_monitor',
                instance_id=instance_id,
                sequence=number,
                boot_id=read_boot_id(),
                pid=os.getpid(),
            )
        )

    hears(node._heartbeat.instance_id, 1)
    for _ in range(20):
        assert 'monitor.second' not in causes()
    hears('in another container', 2)
    wait_until(lambda: 'monitor.second' in causes(), what='the cause')


def test_what_may_end_motion_is_looked_at_in_its_own_turn(
    node: SafetyMonitorNode, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(node, '_is_look_due', lambda: False)
    tick = node._supervisor.tick
    monkeypatch.setattr(node._supervisor, 'tick', lambda: (looks.append('look'), tick()))
    for kind, topic, is_urgent in (
        (Odometry, Topic.ODOM, False),
        (Heartbeat, Topic.HEARTBEAT, False),
        (Bool, Topic.HARDWARE_STOP, True),
        (LaserScan, Topic.SCAN, True),
        (SceneContext, Topic.SCENE, True),
    ):
        publisher = node.create_publisher(kind, topic, qos.STOP_INPUT)
        wait_until(publisher.get_subscription_count, what=f'the monitor listens to {topic}')
        inbox = next(inbox for inbox, _ in node._inboxes if inbox.topic == topic)
        taken: list[object] = []

        def noted_take(take: Callable[[], list[Any]] = inbox.take, into: list[Any] = taken) -> Any:
            messages = take()
            into.extend(messages)
            return messages

        def has_come(into: list[Any] = taken) -> bool:
            node._turn()
            return bool(into)

        monkeypatch.setattr(inbox, 'take', noted_take)
        looks.clear()
        publisher.publish(kind())
        wait_until(has_come, what=f'a message on {topic}')
        assert looks == (['look'] if is_urgent else [])
