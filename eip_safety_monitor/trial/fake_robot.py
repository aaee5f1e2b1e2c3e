"""A robot of no mass: says what sensors would, wants to drive, notes what the gate gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from geometry_msgs.msg import Twist
from rclpy.context import Context
from rclpy.node import Node
from std_srvs.srv import Trigger

from eip.msg import Heartbeat, SafetyEvent, SafetyState
from eip.srv import ArmMotion, ResetStop
from eip_ros import names, qos
from eip_ros.executor import make_executor
from eip_safety_monitor.trial.fake_inputs import FakeInputs

__all__ = ['FakeRobot']

PATIENCE_S = 1.0


class FakeRobot(FakeInputs):
    """Says what a robot says, takes the gate's velocity at once, and asks the monitor to arm.

    Spins in a thread of its own between `open` and `close`.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ros_context = context
        self.create_subscription(Twist, names.Topic.CMD_VEL, self.hear_velocity, qos.MOTION)
        self.create_subscription(SafetyState, names.Topic.STATE, self.hear_state, qos.PERMIT_INBOX)
        self.create_subscription(
            Heartbeat, names.Topic.HEARTBEAT, self.hear_heartbeat, qos.HEARTBEAT
        )
        self.create_subscription(SafetyEvent, names.Topic.EVENT, self.hear_event, qos.EVENT)
        kinds = {'arm': ArmMotion, 'reset': ResetStop, 'emergency_stop': Trigger, 'disarm': Trigger}
        self._monitor_services: dict[str, Any] = {
            name: self._client(kind, name) for name, kind in kinds.items()
        }
        self._is_open = False

    def open(self) -> None:
        """Begin to publish and to listen."""
        self._is_open = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Fall silent."""
        self._is_open = False
        self._thread.join(2.0)
        Node.destroy_node(self)

    def call(self, service: str, **fields: Any) -> tuple[bool, str]:
        """Call `~/service` of the monitor and return (success, message)."""
        client = self._monitor_services[service]
        if not client.wait_for_service(5.0):
            return False, f'{service} is not there'
        done = threading.Event()
        future = client.call_async(client.srv_type.Request(**fields))
        future.add_done_callback(lambda _: done.set())
        if not done.wait(5.0):
            # DDS at times never matches a client with a service that was started anew.
            self._monitor_services[service] = self._client(client.srv_type, service)
            return False, f'{service} did not answer'
        answer = future.result()
        return bool(answer.success), str(answer.message)

    def make_move(self, deadline_s: float = 10.0) -> None:
        """Reset and arm until the robot moves; raises TimeoutError with the last refusal."""
        end = time.monotonic() + deadline_s
        message, armed_s = '', time.monotonic()
        while time.monotonic() < end:
            mode = self.mode()
            # What stands in for the gate may move without a permit: that is no beginning.
            if mode == SafetyState.ARMED and self.is_moving():
                return
            if mode != SafetyState.ARMED:
                armed_s = time.monotonic()
            elif time.monotonic() - armed_s > PATIENCE_S:
                # A gate that hears its first permit only now wants to see motion withdrawn once.
                self.call('disarm')
            if mode == SafetyState.STOPPED:
                _, message = self.call('reset', operator_name='trial', reason='next trial')
            elif mode == SafetyState.DISARMED:
                _, message = self.call('arm', operator_name='trial', reason='next trial')
            time.sleep(0.02)
        raise TimeoutError(f'the robot does not move; last answer: {message}')

    @contextmanager
    def repeating(self, publish: Callable[[], None], period_s: float) -> Iterator[None]:
        """Call `publish` again and again while the block runs."""
        done = threading.Event()

        def repeat() -> None:
            while not done.wait(period_s):
                publish()

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _client(self, kind: Any, service: str) -> Any:
        return self.create_client(kind, names.private(names.Node.SAFETY_MONITOR, service))

    def _spin(self) -> None:
        executor = make_executor(self._ros_context)
        executor.add_node(self)
        while self._is_open:
            executor.spin_once(timeout_sec=0.1)
        executor.remove_node(self)
