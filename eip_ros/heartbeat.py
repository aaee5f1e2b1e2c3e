"""The sign of life that every node publishes."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from eip.msg import Heartbeat
from eip_ros import qos
from eip_ros.names import Topic
from eip_ros.steady import STEADY

__all__ = ['HeartbeatPublisher', 'read_boot_id']

Health = Callable[[], tuple[bool, str]]


def read_boot_id() -> str:
    """Return the kernel's identifier of this boot, or an empty string where there is none."""
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''


class HeartbeatPublisher:
    """Publishes `heartbeat` at a fixed period with a strictly increasing sequence number.

    `health` returns (healthy, detail) and is asked at every beat, so a beat also says whether the
    node can do its job. Pass a callback group of your own so that long callbacks do not starve it.
    """

    def __init__(
        self,
        node: Node,
        period_s: float = 0.1,
        health: Health = lambda: (True, ''),
        callback_group: CallbackGroup | None = None,
    ) -> None:
        self._node = node
        self._period_s = period_s
        self._health = health
        self._sequence = 0
        self.instance_id = uuid.uuid4().hex
        self._boot_id = read_boot_id()
        # A plain publisher: a lifecycle node's own would fall silent while inactive.
        self._publisher = Node.create_publisher(node, Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT)
        self._timer = node.create_timer(
            period_s, self._beat, callback_group=callback_group, clock=STEADY
        )

    def _beat(self) -> None:
        healthy, detail = self._health()
        self._sequence += 1
        message = Heartbeat(
            node=self._node.get_name(),
            instance_id=self.instance_id,
            sequence=self._sequence,
            period_s=self._period_s,
            boot_id=self._boot_id,
            pid=os.getpid(),
            monotonic_ns=time.monotonic_ns(),
            healthy=healthy,
            detail=detail,
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
