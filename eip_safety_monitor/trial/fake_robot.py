"""A robot of no mass: publishes what sensors would, wants to drive, notes what the gate gives."""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from eip.msg import Heartbeat, Person, SafetyEvent, SafetyState, SafetyVerdict, SceneContext
from eip.srv import ArmMotion, ResetStop
from eip_ros import names, qos
from eip_ros.executor import make_executor
from eip_ros.heartbeat import read_boot_id

__all__ = ['FakeRobot']

BEAMS = 360
PEERS = ('safety_llm', 'memory_manager', 'performance_monitor')

PATIENCE_S = 1.0


class FakeRobot(Node):
    """Every input of the monitor at its usual rate; attributes change what is said.

    `silent` names topics, or nodes for their heartbeats, that say nothing; `slowed` topics of
    which only every n-th message is sent. The robot takes the
    gate's velocity at once. Spins in a thread of its own between `open` and `close`.
    """

    def __init__(self, context: Context) -> None:
        super().__init__('trial_robot', context=context)
        self._ros_context = context
        self._boot_id = read_boot_id()
        self._instances = {name: uuid.uuid4().hex for name in PEERS}
        self._sequence = 0
        self._impostor_sequence = 0
        self.silent: set[str] = set()
        self.slowed: dict[str, int] = {}
        self.unhealthy: dict[str, str] = {}
        self.heal()
        self.heard_beats: deque[Heartbeat] = deque(maxlen=200)
        self._x_m = 0.0
        self.given: deque[tuple[int, float, float]] = deque(maxlen=300)
        self.states: deque[tuple[int, SafetyState]] = deque(maxlen=2_000)
        self.events: deque[SafetyEvent] = deque(maxlen=2_000)
        self.said: deque[tuple[int, str]] = deque(maxlen=2_000)
        self._scans = 0
        self._make_publishers()
        self._make_timers()
        self.create_subscription(Twist, names.Topic.CMD_VEL, self._on_velocity, qos.MOTION)
        self.create_subscription(SafetyState, names.Topic.STATE, self._on_state, qos.PERMIT_INBOX)
        self.create_subscription(
            Heartbeat, names.Topic.HEARTBEAT, self._on_heartbeat, qos.HEARTBEAT
        )
        self.create_subscription(SafetyEvent, names.Topic.EVENT, self._on_event, qos.EVENT)
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

    def heal(self) -> None:
        """Say again what a robot with nothing wrong says."""
        self.silent.clear()
        self.slowed.clear()
        self.unhealthy.clear()
        self.person_m: float | None = None
        self.is_pressed = False
        self.wanted = (0.3, 0.0)
        self.ranges: list[float] = [3.0] * BEAMS
        self.odometry_speed: float | None = None
        self.stamp_offset_s = 0.0
        self.is_scan_frozen = False

    def show_person(self, distance_m: float | None) -> int:
        """Put a person there, or nobody, say so at once, return the monotonic time, ns."""
        self.person_m = distance_m
        now_ns = time.monotonic_ns()
        self.publish_scene()
        return now_ns

    def press(self, is_pressed: bool) -> int:
        """Press or release the hardware stop, say so at once, return the monotonic time, ns."""
        self.is_pressed = is_pressed
        now_ns = time.monotonic_ns()
        self._publish_hardware_stop()
        return now_ns

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

    def mode(self) -> int | None:
        """Return the mode of the newest state that is not old; None when there is none."""
        if not self.states or time.monotonic_ns() - self.states[-1][0] > 200_000_000:
            return None
        return int(self.states[-1][1].mode)

    def is_moving(self) -> bool:
        """Tell whether the gate's last velocity, not older than 0.1 s, is not zero."""
        if not self.given:
            return False
        received_ns, linear, angular = self.given[-1]
        is_fresh = time.monotonic_ns() - received_ns < 100_000_000
        return is_fresh and (linear != 0.0 or angular != 0.0)

    def last_motion_ns(self) -> int | None:
        """Return when the last velocity other than zero came, ns; None when none did."""
        for received_ns, linear, angular in reversed(list(self.given)):
            if linear != 0.0 or angular != 0.0:
                return received_ns
        return None

    def monitor_ids(self) -> set[str]:
        """Return every monitor heard so far."""
        return {state.monitor_id for _, state in list(self.states)}

    def allow_everything(self) -> None:
        """Publish a verdict that allows with score 1."""
        verdict = SafetyVerdict(
            request_id='trial', text='anything', decision=SafetyVerdict.ALLOW, safety_score=1.0
        )
        self._verdict.publish(verdict)

    def impostor_permit(self) -> None:
        """Publish a permit of a monitor that is none."""
        self._impostor_sequence += 1
        self._state.publish(
            SafetyState(
                monitor_id='impostor',
                sequence=self._impostor_sequence,
                boot_id=self._boot_id,
                monotonic_ns=time.monotonic_ns(),
                mode=SafetyState.ARMED,
                motion_permitted=True,
                permit_lifetime_s=0.1,
                max_linear_speed_mps=1.0,
                max_angular_speed_radps=1.0,
                stop_category=255,
            )
        )

    def speak_anew(self, name: str) -> None:
        """Beat as `name` again, as a process that was just started."""
        self._instances[name] = uuid.uuid4().hex
        self.silent.discard(name)

    def is_heard(self, text: str, since_ns: int) -> bool:
        """Tell whether a cause or an event since then matches the regular expression `text`."""
        states = [(at_ns, state.cause) for at_ns, state in list(self.states)]
        said = [*states, *self.said]
        return any(at_ns >= since_ns and re.search(text, words) for at_ns, words in said)

    def replay(self, beats: Iterable[Heartbeat]) -> None:
        """Publish heartbeats as they were once heard."""
        for beat in beats:
            self._beat.publish(beat)

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

    def first_zero_ns(self, since_ns: int, deadline_s: float = 1.0) -> int | None:
        """Return when the first zero after `since_ns` came, ns; None past the deadline."""
        end_ns = since_ns + int(deadline_s * 1e9)
        while True:
            for received_ns, linear, angular in list(self.given):
                if received_ns >= since_ns and linear == 0.0 and angular == 0.0:
                    return received_ns
            if time.monotonic_ns() >= end_ns:
                return None
            time.sleep(0.001)

    def wait(self, condition: Callable[[], object], deadline_s: float = 5.0) -> bool:
        """Return whether `condition` came true within the deadline."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.002)
        return False

    def publish_scene(self) -> None:
        """Publish `scene`, with the person if there is one."""
        message = SceneContext()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = 'odom'
        if self.person_m is not None:
            person = Person(name='visitor', kind='adult', distance_m=float(self.person_m))
            person.position.x = self._x_m + float(self.person_m)
            message.people = [person]
        self._scene.publish(message)

    def publish_scan(self) -> None:
        """Publish `scan`, each a little different from the last as a real one is."""
        self._scans += 1
        message = LaserScan(
            angle_min=-math.pi,
            angle_max=math.pi,
            angle_increment=2.0 * math.pi / BEAMS,
            range_min=0.05,
            range_max=10.0,
            ranges=self.ranges,
        )
        is_live = not self.is_scan_frozen and len(self.ranges) == BEAMS
        if is_live and math.isfinite(self.ranges[0]):
            message.ranges[0] = self.ranges[0] + 1e-3 * (self._scans % 7)
        message.header.stamp = self._stamp()
        self._scan.publish(message)

    def _client(self, kind: Any, service: str) -> Any:
        return self.create_client(kind, names.private(names.Node.SAFETY_MONITOR, service))

    def _make_publishers(self) -> None:
        topic = names.Topic
        self._scan = self.create_publisher(LaserScan, topic.SCAN, qos.SENSOR)
        self._odom = self.create_publisher(Odometry, topic.ODOM, qos.SENSOR)
        self._scene = self.create_publisher(SceneContext, topic.SCENE, qos.SENSOR)
        self._hardware = self.create_publisher(Bool, topic.HARDWARE_STOP, qos.SENSOR)
        self._beat = self.create_publisher(Heartbeat, topic.HEARTBEAT, qos.HEARTBEAT)
        self._verdict = self.create_publisher(SafetyVerdict, topic.VERDICT, qos.EVENT)
        self._state = self.create_publisher(SafetyState, topic.STATE, qos.PERMIT)
        self._wish = self.create_publisher(Twist, topic.CMD_VEL_IN, qos.MOTION)

    def _make_timers(self) -> None:
        topic = names.Topic
        turns: Iterable[tuple[float, str, Callable[[], None]]] = (
            (0.05, topic.SCAN, self.publish_scan),
            (0.02, topic.ODOM, self._publish_odometry),
            (0.1, topic.SCENE, self.publish_scene),
            (0.05, topic.HARDWARE_STOP, self._publish_hardware_stop),
            (0.1, topic.HEARTBEAT, self._publish_beats),
            (0.02, topic.CMD_VEL_IN, self._publish_wish),
        )
        for period_s, name, publish in turns:
            self.create_timer(period_s, self._unless_silent(name, publish))

    def _unless_silent(self, name: str, publish: Callable[[], None]) -> Callable[[], None]:
        turns = itertools.count()

        def turn() -> None:
            if name not in self.silent and next(turns) % self.slowed.get(name, 1) == 0:
                publish()

        return turn

    def _spin(self) -> None:
        executor = make_executor(self._ros_context)
        executor.add_node(self)
        while self._is_open:
            executor.spin_once(timeout_sec=0.1)
        executor.remove_node(self)

    def _on_velocity(self, message: Twist) -> None:
        self.given.append((time.monotonic_ns(), message.linear.x, message.angular.z))

    def _on_state(self, message: SafetyState) -> None:
        self.states.append((time.monotonic_ns(), message))

    def _on_heartbeat(self, message: Heartbeat) -> None:
        self.heard_beats.append(message)

    def _stamp(self) -> Time:
        offset = Duration(nanoseconds=int(self.stamp_offset_s * 1e9))
        return (self.get_clock().now() + offset).to_msg()

    def _on_event(self, message: SafetyEvent) -> None:
        self.events.append(message)
        self.said.append((time.monotonic_ns(), message.message))

    def _publish_odometry(self) -> None:
        message = Odometry()
        message.header.stamp = self._stamp()
        message.header.frame_id = 'odom'
        message.pose.pose.orientation.w = 1.0
        given = self.given[-1][1:] if self.given else (0.0, 0.0)
        speed = given[0] if self.odometry_speed is None else self.odometry_speed
        self._x_m += given[0] * 0.02
        message.pose.pose.position.x = self._x_m
        message.twist.twist.linear.x, message.twist.twist.angular.z = speed, given[1]
        self._odom.publish(message)

    def _publish_hardware_stop(self) -> None:
        self._hardware.publish(Bool(data=self.is_pressed))

    def _publish_beats(self) -> None:
        self._sequence += 1
        for name, instance in self._instances.items():
            if name in self.silent:
                continue
            self._beat.publish(
                Heartbeat(
                    node=name,
                    instance_id=instance,
                    sequence=self._sequence,
                    period_s=0.1,
                    boot_id=self._boot_id,
                    monotonic_ns=time.monotonic_ns(),
                    healthy=name not in self.unhealthy,
                    detail=self.unhealthy.get(name, ''),
                )
            )

    def _publish_wish(self) -> None:
        message = Twist()
        message.linear.x, message.angular.z = map(float, self.wanted)
        self._wish.publish(message)
