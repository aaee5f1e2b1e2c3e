"""A process that beats as a node does; SIGUSR1 hangs it: it runs on and says nothing."""

from __future__ import annotations

import signal
import sys

import rclpy
from rclpy.node import Node

from eip_ros.heartbeat import HeartbeatPublisher

__all__ = ['main']


def main(name: str, period_s: float) -> None:
    """Beat as `name` every `period_s` until killed."""
    signal.signal(signal.SIGUSR1, _hang)
    rclpy.init()
    node = Node(name)
    heartbeat = HeartbeatPublisher(node, period_s)
    while heartbeat:
        rclpy.spin_once(node, timeout_sec=0.05)


def _hang(number: int, frame: object) -> None:
    while True:
        signal.pause()


if __name__ == '__main__':
    main(sys.argv[1], float(sys.argv[2]))
