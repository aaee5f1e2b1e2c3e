"""The node `motion_gate` with stamped velocities, under a monitor that the test plays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from geometry_msgs.msg import TwistStamped
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from eip.msg import Heartbeat, SafetyState
from eip_ros import qos
from eip_ros.heartbeat import read_boot_id
from eip_safety_monitor.trial.processes import NodeProcess

Wait = Callable[..., None]


class Monitor(Node):
    """Permits or forbids motion 25 times a second and wants to drive with stamps of its choice."""

    def __init__(self, context: Context) -> None:
        super().__init__('monitor', context=context)
        self.is_armed = False
        self.offset_s = 0.0
        self.given: list[TwistStamped] = []
        self.detail: str | None = None
        self._number = 0
        self._state = self.create_publisher(SafetyState, 'safety/state', qos.PERMIT)
        self._wish = self.create_publisher(TwistStamped, 'cmd_vel_in', qos.MOTION)
        self.create_subscription(TwistStamped, 'cmd_vel', self.given.append, qos.MOTION)
        self.create_subscription(Heartbeat, 'heartbeat', self._on_beat, qos.HEARTBEAT)
        self.create_timer(0.03, self._turn)

    def _on_beat(self, message: Heartbeat) -> None:
        self.detail = message.detail

    def _turn(self) -> None:
        self._number += 1
        state = SafetyState(
            monitor_id='m',
            sequence=self._number,
            boot_id=read_boot_id(),
            monotonic_ns=time.monotonic_ns(),
            mode=SafetyState.ARMED if self.is_armed else SafetyState.DISARMED,
            motion_permitted=self.is_armed,
            permit_lifetime_s=0.1,
            stop_category=255 if self.is_armed else 2,
        )
        if self.is_armed:
            state.max_linear_speed_mps = state.max_angular_speed_radps = 1.0
        self._state.publish(state)
        wish = TwistStamped()
        offset = Duration(nanoseconds=int(self.offset_s * 1e9))
        wish.header.stamp = (self.get_clock().now() + offset).to_msg()
        wish.header.frame_id = 'base_footprint'
        wish.twist.linear.x = 0.3
        self._wish.publish(wish)

    def speed(self) -> float:
        return float(self.given[-1].twist.linear.x) if self.given else 0.0


@pytest.fixture
def monitor(ros_domain: int, tmp_path: Path) -> Iterator[Monitor]:
    context = Context()
    context.init(domain_id=ros_domain)
    monitor = Monitor(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(monitor)
    ended = threading.Event()

    def spin() -> None:
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    parameters = {'stamped': 'true', 'stamp_ahead_s': 0.2, 'command_timeout_s': 1.0}
    gate = NodeProcess('eip_safety_monitor.motion_gate_node', tmp_path / 'gate.log', parameters)
    gate.start()
    try:
        yield monitor
    finally:
        gate.stop()
        ended.set()
        thread.join(5.0)
        executor.shutdown()
        monitor.destroy_node()
        context.try_shutdown()


def test_stamped_velocities_pass_stamped_and_old_or_future_ones_stop(
    monitor: Monitor, wait_until: Wait
) -> None:
    wait_until(lambda: len(monitor.given) > 5, 20.0, 'zeros from the gate')
    assert monitor.speed() == 0.0
    wait_until(lambda: monitor.detail == '', 10.0, 'the gate says that it is ready')
    monitor.is_armed = True
    for offset_s in (-3600.0, 3600.0):
        wait_until(lambda: monitor.speed() > 0.0, 10.0, 'motion')
        message = monitor.given[-1]
        assert message.header.frame_id == 'base_footprint'
        age_s = monitor.get_clock().now().nanoseconds / 1e9 - message.header.stamp.sec
        assert abs(age_s) < 60.0
        monitor.offset_s = offset_s
        wait_until(lambda: monitor.speed() == 0.0, 10.0, f'zero for stamps off by {offset_s} s')
        monitor.offset_s = 0.0


def test_a_gate_that_hears_its_first_permit_late_says_what_it_waits_for(
    monitor: Monitor, wait_until: Wait
) -> None:
    monitor.is_armed = True
    wait_until(lambda: monitor.detail is not None, 20.0, 'a heartbeat')
    wait_until(lambda: len(monitor.given) > 50, 10.0, 'one second of zeros')
    assert monitor.detail == 'it has not heard the monitor forbid motion yet'
    assert not any(message.twist.linear.x for message in monitor.given)
    monitor.is_armed = False
    wait_until(lambda: monitor.detail == '', 10.0, 'the gate says that it is ready')
