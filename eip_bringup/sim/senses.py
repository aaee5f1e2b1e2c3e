"""What the skill executor knows at one moment, and what it may do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eip_bringup.sim.kitchen import Pose

__all__ = ['STANDSTILL', 'Permit', 'Senses', 'Velocity']


@dataclass(frozen=True)
class Velocity:
    """Speed ahead, m/s, and turn rate, rad/s."""

    speed_mps: float = 0.0
    turn_radps: float = 0.0


STANDSTILL = Velocity()


@dataclass(frozen=True)
class Permit:
    """What the safety monitor allows now; the default allows nothing."""

    is_permitted: bool = False
    cause: str = 'the safety monitor has not been heard'
    max_speed_mps: float = 0.0
    max_turn_radps: float = 0.0


@dataclass(frozen=True)
class Senses:
    """One look at robot and surroundings; None or empty where nothing is known.

    `ranges` are metres, `angles` radians in the robot's frame, one each per beam. `people` and
    `objects` are positions in `odom`, m.
    """

    pose: Pose | None = None
    permit: Permit = field(default_factory=Permit)
    ranges: NDArray[np.float32] | None = None
    angles: NDArray[np.float32] | None = None
    people: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    objects: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    object_places: Mapping[str, str] = field(default_factory=dict)
    held_object: str = ''

    def gap_ahead(self, half_width_m: float) -> float:
        """Return how far the way ahead is free from the robot's centre, m; inf if nothing is seen.

        Only points within `half_width_m` of the robot's axis count.
        """
        if self.ranges is None or self.angles is None:
            return math.inf
        seen = np.isfinite(self.ranges)
        ahead = self.ranges[seen] * np.cos(self.angles[seen])
        aside = self.ranges[seen] * np.sin(self.angles[seen])
        near = (ahead > 0) & (np.abs(aside) < half_width_m)
        return float(ahead[near].min()) if near.any() else math.inf

    def points_seen(self, within_m: float) -> list[tuple[float, float]]:
        """Return what the lidar sees within `within_m`, thinned, as points in `odom`."""
        if self.ranges is None or self.angles is None or self.pose is None:
            return []
        near = np.flatnonzero(np.isfinite(self.ranges) & (self.ranges < within_m))[::2]
        bearing = self.angles[near] + self.pose.yaw
        x = self.pose.x + self.ranges[near] * np.cos(bearing)
        y = self.pose.y + self.ranges[near] * np.sin(bearing)
        return list(zip(x.tolist(), y.tolist(), strict=True))
