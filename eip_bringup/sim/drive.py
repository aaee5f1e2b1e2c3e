"""Following a way on two wheels: pure pursuit, then the final heading.

Pure pursuit after R. C. Coulter, CMU-RI-TR-92-01: the curvature to a point at distance L and
bearing alpha is 2 sin(alpha) / L.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.senses import STANDSTILL, Senses, Velocity

__all__ = ['DriveLimits', 'PathFollower']

Point = tuple[float, float]

LOOK_AHEAD_M = 0.3
TURN_FIRST_RAD = 0.9
TURN_ENOUGH_RAD = 0.25
ARRIVED_M = 0.05
HEADING_RAD = 0.06
STEP_M = 0.05
PERMIT_SHARE = 0.95  # the permit is a moment old: not to run into the gate's limit all the time
GAP_M = 0.08  # kept between the robot's rim and what is ahead


@dataclass(frozen=True)
class DriveLimits:
    """How briskly the robot moves by itself; the gate may allow less."""

    speed_mps: float = 0.8
    turn_radps: float = 1.8
    speed_up_mps2: float = 1.0
    brake_mps2: float = 0.8
    radius_m: float = 0.2

    def __post_init__(self) -> None:
        for name in ('speed_mps', 'turn_radps', 'speed_up_mps2', 'brake_mps2', 'radius_m'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name} is {value}, must be greater than 0')


class PathFollower:
    """Drives along one way to its end, then turns to `heading` (None to stay as arrived)."""

    def __init__(self, way: list[Point], heading: float | None, limits: DriveLimits) -> None:
        self._points = _dense(way)
        self._heading = heading
        self._limits = limits
        self._index = 0
        self._speed = 0.0
        self._is_turning = True
        self._has_arrived = False
        self.blocked_s = 0.0

    @property
    def remaining_m(self) -> float:
        """Return the length of the way still ahead, m."""
        return STEP_M * (len(self._points) - 1 - self._index)

    def pause(self) -> None:
        """Forget the speed, because the robot was made to stand."""
        self._speed = 0.0
        self._is_turning = True
        self.blocked_s = 0.0

    def step(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Return the velocity for the next `duration_s`, or None when the robot is there."""
        if senses.pose is None:
            return STANDSTILL
        self._has_arrived = self._has_arrived or self._is_at_end(senses.pose)
        if self._has_arrived:
            return self._turn_to_heading(senses)
        self._advance(senses.pose)
        return self._pursue(senses, duration_s)

    def _is_at_end(self, pose: Pose) -> bool:
        return pose.distance_to(*self._points[-1]) < ARRIVED_M

    def _turn_to_heading(self, senses: Senses) -> Velocity | None:
        assert senses.pose is not None
        if self._heading is None:
            return None
        error = _wrapped(self._heading - senses.pose.yaw)
        return None if abs(error) < HEADING_RAD else Velocity(0.0, self._turn(error, senses))

    def _advance(self, pose: Pose) -> None:
        window = self._points[self._index : self._index + 20]
        nearest = min(range(len(window)), key=lambda index: pose.distance_to(*window[index]))
        self._index += nearest

    def _pursue(self, senses: Senses, duration_s: float) -> Velocity:
        assert senses.pose is not None
        target = self._points[
            min(self._index + round(LOOK_AHEAD_M / STEP_M), len(self._points) - 1)
        ]
        dx, dy = target[0] - senses.pose.x, target[1] - senses.pose.y
        bearing = _wrapped(math.atan2(dy, dx) - senses.pose.yaw)
        self._is_turning = abs(bearing) > (TURN_ENOUGH_RAD if self._is_turning else TURN_FIRST_RAD)
        if self._is_turning:
            self._speed = 0.0
            return Velocity(0.0, self._turn(bearing, senses))
        speed = self._speed_for(senses, bearing, duration_s)
        distance = max(math.hypot(dx, dy), 0.1)
        turn = 2 * speed * math.sin(bearing) / distance
        limit = min(self._limits.turn_radps, PERMIT_SHARE * senses.permit.max_turn_radps)
        return Velocity(speed, min(max(turn, -limit), limit))

    def _speed_for(self, senses: Senses, bearing: float, duration_s: float) -> float:
        limits = self._limits
        left = max(self.remaining_m, senses.pose.distance_to(*self._points[-1]))  # type: ignore[union-attr]
        free = senses.gap_ahead(limits.radius_m + 0.05) - limits.radius_m - GAP_M
        self.blocked_s = self.blocked_s + duration_s if free <= 0 else 0.0
        speed = min(
            limits.speed_mps,
            PERMIT_SHARE * senses.permit.max_speed_mps,
            max(0.08, math.sqrt(2 * limits.brake_mps2 * left)),
            math.sqrt(2 * limits.brake_mps2 * max(free, 0.0)),
        ) * max(0.3, math.cos(bearing) ** 2)
        self._speed = min(speed, self._speed + limits.speed_up_mps2 * duration_s)
        return self._speed

    def _turn(self, error: float, senses: Senses) -> float:
        limit = min(self._limits.turn_radps, PERMIT_SHARE * senses.permit.max_turn_radps)
        wanted = min(max(2.0 * abs(error), 0.15), limit)
        return math.copysign(wanted, error)


def _dense(way: list[Point]) -> list[Point]:
    points = [way[0]]
    for a, b in itertools.pairwise(way):
        count = max(1, math.ceil(math.dist(a, b) / STEP_M))
        points += [
            (a[0] + (b[0] - a[0]) * k / count, a[1] + (b[1] - a[1]) * k / count)
            for k in range(1, count + 1)
        ]
    return points


def _wrapped(angle: float) -> float:
    return math.atan2(math.sin(angle), math.cos(angle))
