"""A velocity, without ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ['ZERO', 'Velocity']


@dataclass(frozen=True)
class Velocity:
    """A wanted or given velocity: linear x, y, z in m/s and angular x, y, z in rad/s."""

    linear: tuple[float, float, float] = (0.0, 0.0, 0.0)
    angular: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def linear_mps(self) -> float:
        """Return the linear speed, m/s."""
        return math.hypot(*self.linear)

    @property
    def angular_radps(self) -> float:
        """Return the angular speed, rad/s."""
        return math.hypot(*self.angular)

    def is_finite(self) -> bool:
        """Tell whether no component is NaN or infinite."""
        return all(map(math.isfinite, (*self.linear, *self.angular)))

    def is_zero(self) -> bool:
        """Tell whether every component is zero."""
        return not any((*self.linear, *self.angular))

    def scaled(self, ratio: float) -> Velocity:
        """Return this velocity times `ratio`, the path's curvature kept."""
        x, y, z = (component * ratio for component in self.linear)
        roll, pitch, yaw = (component * ratio for component in self.angular)
        return Velocity((x, y, z), (roll, pitch, yaw))


ZERO = Velocity()
