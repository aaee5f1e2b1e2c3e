"""What the monitor hears, without ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['Beat', 'Odometry', 'PersonSeen', 'Scan', 'Scene', 'VerdictHeard']


@dataclass(frozen=True, eq=False)
class Scan:
    """One turn of a planar lidar; `ranges_m` by REP 117 (inf: no echo, -inf: too near)."""

    ranges_m: NDArray[np.float32]
    angle_min_rad: float
    angle_step_rad: float
    range_min_m: float
    range_max_m: float
    stamp_ns: int = 0


@dataclass(frozen=True)
class Odometry:
    """Pose in `frame` and speeds of the base; it is placed in the plane, yet may also climb."""

    x_m: float
    y_m: float
    yaw_rad: float
    forward_mps: float
    sideways_mps: float
    turn_radps: float
    frame: str = 'odom'
    stamp_ns: int = 0
    upward_mps: float = 0.0

    @property
    def speed_mps(self) -> float:
        """Return the linear speed, m/s."""
        return math.hypot(self.forward_mps, self.sideways_mps, self.upward_mps)

    @property
    def problem(self) -> str:
        """Return which field of the message cannot be believed; empty when all can."""
        if not math.isfinite(self.yaw_rad):
            return 'pose.pose.orientation is no unit quaternion, let the driver send one'
        for field, value in (
            ('pose.pose.position', self.x_m + self.y_m),
            ('twist.twist.linear', self.speed_mps),
            ('twist.twist.angular.z', self.turn_radps),
        ):
            if not math.isfinite(value):
                return f'{field} is {value:g}, let the driver send finite numbers'
        return ''

    def is_finite(self) -> bool:
        """Tell whether every number is one."""
        values = (self.x_m, self.y_m, self.yaw_rad, self.speed_mps, self.turn_radps)
        return all(map(math.isfinite, values))


@dataclass(frozen=True)
class PersonSeen:
    """One person or animal; the distance counts from the robot's base and is NaN when unknown."""

    name: str
    kind: str
    x_m: float
    y_m: float
    vx_mps: float
    vy_mps: float
    distance_m: float


@dataclass(frozen=True)
class Scene:
    """Who is near; positions and velocities in `frame`."""

    people: tuple[PersonSeen, ...] = ()
    frame: str = 'odom'
    stamp_ns: int = 0


@dataclass(frozen=True)
class Beat:
    """One sign of life; fields as in eip/msg/Heartbeat."""

    node: str
    instance_id: str
    sequence: int
    boot_id: str = ''
    pid: int = 0
    monotonic_ns: int = 0
    healthy: bool = True
    detail: str = ''
    period_s: float = 0.0


@dataclass(frozen=True)
class VerdictHeard:
    """What the guard decided, as far as the audit log needs it."""

    request_id: str
    text: str
    stage: str
    step_index: int
    decision: str
    safety_score: float
    reason: str
    rules: tuple[str, ...] = ()
