"""Every input of the monitor, said at its usual rate, right or wrong."""

from __future__ import annotations

import itertools
import math
import time
import uuid
from collections.abc import Callable, Iterable

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from eip.msg import Heartbeat, Person, SafetyState, SafetyVerdict, SceneContext
from eip_ros import names, qos
from eip_ros.heartbeat import read_boot_id
from eip_safety_monitor.trial.heard import Heard

__all__ = ['BEAMS', 'USUAL_WISH', 'FakeInputs']

BEAMS = 360
USUAL_WISH = (0.3, 0.0)
"""Metres and radians a second; the deadlines of faults are for this speed."""
BASE_TIMEOUT_NS = 500_000_000
PEERS = ('safety_llm', 'memory_manager', 'performance_monitor')


class FakeInputs(Heard, Node):
    """Says what sensors, peers and a planner would; attributes change what is said.

    `silent` names topics, or nodes for their heartbeats, that say nothing; `slowed` topics of
    which only every n-th message is sent. The odometry follows the gate's velocity at once.
    """

    def __init__(self, context: Context) -> None:
        Heard.__init__(self)
        Node.__init__(self, 'trial_robot', context=context)
        self._boot_id = read_boot_id()
        self._instances = {name: uuid.uuid4().hex for name in PEERS}
        self._sequence = 0
        self._impostor_sequence = 0
        self._x_m = 0.0
        self._scans = 0
        self.silent: set[str] = set()
        self.slowed: dict[str, int] = {}
        self.unhealthy: dict[str, str] = {}
        self.heal()
        self._make_publishers()
        self._make_timers()

    def heal(self) -> None:
        """Say again what a robot with nothing wrong says."""
        self.silent.clear()
        self.slowed.clear()
        self.unhealthy.clear()
        self.person_m: float | None = None
        self.is_pressed = False
        self.wanted = USUAL_WISH
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

    def speak_anew(self, name: str) -> None:
        """Beat as `name` again, as a process that was just started."""
        self._instances[name] = uuid.uuid4().hex
        self.silent.discard(name)

    def replay(self, beats: Iterable[Heartbeat]) -> None:
        """Publish heartbeats as they were once heard."""
        for beat in beats:
            self._beat.publish(beat)

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

    def _stamp(self) -> Time:
        offset = Duration(nanoseconds=int(self.stamp_offset_s * 1e9))
        return (self.get_clock().now() + offset).to_msg()

    def _publish_odometry(self) -> None:
        message = Odometry()
        message.header.stamp = self._stamp()
        message.header.frame_id = 'odom'
        message.pose.pose.orientation.w = 1.0
        given = self._followed()
        speed = given[0] if self.odometry_speed is None else self.odometry_speed
        self._x_m += given[0] * 0.02
        message.pose.pose.position.x = self._x_m
        message.twist.twist.linear.x, message.twist.twist.angular.z = speed, given[1]
        self._odom.publish(message)

    def _followed(self) -> tuple[float, float]:
        """Return the gate's velocity; a base stands by itself when it hears none for a while."""
        received_ns, linear, angular = self.given[-1] if self.given else (0, 0.0, 0.0)
        is_fresh = time.monotonic_ns() - received_ns < BASE_TIMEOUT_NS
        return (linear, angular) if is_fresh else (0.0, 0.0)

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
