"""Signs of life go on where ROS time stands still."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from eip.msg import Heartbeat
from eip_ros import qos
from eip_ros.heartbeat import HeartbeatPublisher
from eip_ros.names import Topic


@pytest.fixture
def context(ros_domain: int) -> Iterator[Context]:
    context = Context()
    rclpy.init(args=[], context=context)
    yield context
    context.try_shutdown()


def test_a_heartbeat_needs_no_ros_time(context: Context) -> None:
    stopped = [Parameter('use_sim_time', value=True)]
    node = Node('alive', context=context, parameter_overrides=stopped)
    HeartbeatPublisher(node, period_s=0.02)
    heard: list[Heartbeat] = []
    node.create_subscription(Heartbeat, Topic.HEARTBEAT, heard.append, qos.HEARTBEAT)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    deadline = time.monotonic() + 10.0
    while len(heard) < 3 and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    assert [beat.sequence for beat in heard[:3]] == [1, 2, 3]
