"""Where the robot believes it is when it only counts its wheels."""

from __future__ import annotations

import math

from eip_bringup.sim.kitchen import Pose

__all__ = ['Odometry']


class Odometry:
    """Adds up wheel velocities; slip and step length make it drift, as on a real base."""

    def __init__(self, start: Pose) -> None:
        self.pose = start

    def update(self, speed_mps: float, turn_radps: float, duration_s: float) -> None:
        """Go on by `duration_s` at the wheels' speed ahead and turn rate (midpoint rule)."""
        yaw = self.pose.yaw + turn_radps * duration_s / 2
        way = speed_mps * duration_s
        heading = self.pose.yaw + turn_radps * duration_s
        self.pose = Pose(
            self.pose.x + way * math.cos(yaw),
            self.pose.y + way * math.sin(yaw),
            math.atan2(math.sin(heading), math.cos(heading)),
        )
