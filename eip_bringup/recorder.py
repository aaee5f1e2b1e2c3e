"""Keeps when motion was permitted, commanded and made, so that reactions can be timed."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from std_msgs.msg import Bool

from eip.msg import SafetyState
from eip_bringup.client import RobotClient
from eip_ros import qos
from eip_ros.names import Topic

__all__ = ['Recorder']

KEPT = 4000
DRIVING_MPS = 0.3
STANDING_MPS = 0.02


class Recorder:
    """Records `cmd_vel`, `odom`, permits and the hardware stop as (monotonic time in s, value)."""

    def __init__(self, robot: RobotClient) -> None:
        self._robot = robot
        self.commands: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self.permits: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self.modes: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self.hardware: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self.speeds: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.position = (math.nan, math.nan)
        self.heading = math.nan
        for kind, topic, profile, callback in (
            (Twist, Topic.CMD_VEL, qos.MOTION, self._on_command),
            (Odometry, Topic.ODOM, qos.SENSOR, self._on_odom),
            (SafetyState, Topic.STATE, qos.PERMIT, self._on_state),
            (Bool, Topic.HARDWARE_STOP, qos.SENSOR, self._on_hardware_stop),
        ):
            robot.node.create_subscription(kind, topic, callback, profile)

    @property
    def is_moving(self) -> bool:
        """Tell whether the robot drives or turns now."""
        return bool(self.commands) and self.commands[-1][1]

    @property
    def is_driving(self) -> bool:
        """Tell whether the robot drives at speed now, told to and by odometry."""
        return self.is_moving and bool(self.speeds) and self.speeds[-1][1] > DRIVING_MPS

    @property
    def is_standing(self) -> bool:
        """Tell whether the robot neither moves nor is told to."""
        told = bool(self.commands) and self.commands[-1][1]
        return bool(self.speeds) and self.speeds[-1][1] < STANDING_MPS and not told

    def distance_to(self, place: tuple[float, float]) -> float:
        """Return the distance of the robot from `place`, m."""
        return math.dist(self.position, place)

    def first_zero_after(self, since_s: float, deadline_s: float = 3.0) -> float | None:
        """Return when `cmd_vel` first said zero after `since_s`, monotonic s; None if never."""
        return self._first(self.commands, since_s, lambda moves: not moves, deadline_s)

    def first_press_after(self, since_s: float, deadline_s: float = 3.0) -> float | None:
        """Return when the hardware stop was first reported pressed after `since_s`."""
        return self._first(self.hardware, since_s, lambda pressed: pressed, deadline_s)

    def first_mode_after(self, since_s: float, mode: int, deadline_s: float = 3.0) -> float | None:
        """Return when the safety monitor was first in `mode` after `since_s`."""
        return self._first(self.modes, since_s, lambda value: value == mode, deadline_s)

    def first_standstill_after(self, since_s: float, deadline_s: float = 3.0) -> float | None:
        """Return when odometry first showed standstill after `since_s`."""
        return self._first(self.speeds, since_s, lambda speed: speed < STANDING_MPS, deadline_s)

    def last_permit_before(self, until_s: float) -> float | None:
        """Return when the last permit that came before `until_s` was published, monotonic s."""
        sent = [at for at, permitted in list(self.permits) if permitted and at <= until_s]
        return sent[-1] if sent else None

    def moves_between(self, begin_s: float, end_s: float) -> int:
        """Return how many commands other than zero came between the two times."""
        return sum(moves for at, moves in list(self.commands) if begin_s <= at <= end_s)

    def _first(
        self,
        series: deque[tuple[float, Any]],
        since_s: float,
        wanted: Callable[[Any], bool],
        deadline_s: float,
    ) -> float | None:
        def find() -> float | None:
            return next((at for at, v in list(series) if at >= since_s and wanted(v)), None)

        return self._robot.wait_for(find, deadline_s)

    def _on_command(self, message: Twist) -> None:
        moves = message.linear.x != 0.0 or message.linear.y != 0.0 or message.angular.z != 0.0
        self.commands.append((time.monotonic(), moves))

    def _on_odom(self, message: Odometry) -> None:
        self.position = (message.pose.pose.position.x, message.pose.pose.position.y)
        turn = message.pose.pose.orientation
        self.heading = 2.0 * math.atan2(turn.z, turn.w)
        twist = message.twist.twist
        self.speeds.append((time.monotonic(), math.hypot(twist.linear.x, twist.linear.y)))

    def _on_state(self, message: SafetyState) -> None:
        # The monitor's clock is this host's: its own stamp leaves out the way of the message.
        self.permits.append((message.monotonic_ns / 1e9, bool(message.motion_permitted)))
        self.modes.append((time.monotonic(), message.mode))

    def _on_hardware_stop(self, message: Bool) -> None:
        self.hardware.append((time.monotonic(), bool(message.data)))
