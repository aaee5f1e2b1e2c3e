"""Zones on the floor: where the robot must not be, must be slow, or needs a person's word.

Distances are between the zone's border and the robot's hull, a disc about the base frame, grown
by the uncertainty of the robot's position. Before a border the permitted speed v falls so that
the limit v_z beyond it (0 for a closed zone) is reached in time (uniform deceleration)

    v T_r + (v^2 - v_z^2) / (2 a) = distance

with reaction time T_r and deceleration a of the section `separation`. Towards a closed zone it
ends at a creep, so that a robot that came up to the border can still turn away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from eip_safety_monitor.limited import limited
from eip_safety_monitor.reactions import Reaction
from eip_safety_monitor.zones.polygon import Point, check_polygon, signed_distance

__all__ = ['Zone', 'ZoneKind', 'ZonePassage', 'check_zones', 'speed_before']

GREATEST_M = 10_000.0


class ZoneKind(StrEnum):
    """What a zone asks for."""

    KEEP_OUT = 'keep_out'
    SPEED_LIMIT = 'speed_limit'
    PERMIT_ONLY = 'permit_only'


class ZonePassage(StrEnum):
    """How the robot came to be where it is."""

    STARTED_INSIDE = 'started inside'
    ENTERED = 'entered'
    LEFT = 'left'


@dataclass(frozen=True)
class Zone:
    """One polygon in `frame`, corners (x, y) in m; `reaction` only for keep_out."""

    name: str
    kind: ZoneKind
    polygon: tuple[Point, ...]
    frame: str = 'odom'
    speed_limit_mps: float | None = None
    reaction: Reaction | None = None
    creep_speed_mps: float = limited(0.1, 'speed at the border of a closed zone', 'm/s', 0.0, 0.5)

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.replace('_', '').replace('-', '').isalnum():
            raise ValueError(f'name is {self.name!r}, use letters, digits, _ and -')
        if not self.frame.strip():
            raise ValueError('frame is empty, give the frame of odometry, such as odom or map')
        check_polygon(self.polygon)
        if any(abs(number) > GREATEST_M for corner in self.polygon for number in corner):
            raise ValueError(f'polygon is farther than {GREATEST_M:.0f} m, give metres')
        self._check_kind()

    def _check_kind(self) -> None:
        is_limit = self.kind is ZoneKind.SPEED_LIMIT
        if is_limit and self.speed_limit_mps is None:
            raise ValueError('speed_limit_mps is missing, add it')
        if not is_limit and self.speed_limit_mps is not None:
            raise ValueError(f'speed_limit_mps has no meaning for {self.kind}, remove it')
        if self.speed_limit_mps is not None and not 0.0 < self.speed_limit_mps <= 10.0:
            raise ValueError(
                f'speed_limit_mps is {self.speed_limit_mps}, give more than 0 and at most 10 m/s'
            )
        if self.reaction is not None and self.kind is not ZoneKind.KEEP_OUT:
            raise ValueError(f'reaction has no meaning for {self.kind}, remove it')
        if self.reaction is Reaction.WARN:
            raise ValueError('reaction is warn, give protective_stop or emergency_stop')

    @property
    def limit_mps(self) -> float:
        """Return the speed that holds inside, m/s; 0 for a closed zone."""
        return self.speed_limit_mps or 0.0

    def distance(self, x_m: float, y_m: float, radius_m: float) -> float:
        """Return the distance of a hull of `radius_m` to the zone, m; negative when within."""
        return signed_distance(self.polygon, x_m, y_m) - radius_m


def check_zones(zones: tuple[Zone, ...]) -> None:
    """Raise ValueError when two zones share a name."""
    names = [zone.name for zone in zones]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'zones names {name} twice, rename one')


def speed_before(
    distance_m: float, limit_mps: float, deceleration_mps2: float, reaction_time_s: float
) -> float:
    """Return the greatest speed, m/s, from which `limit_mps` is reached within `distance_m`.

    The positive root of v^2 / (2a) + v T_r - v_z^2 / (2a) - distance = 0, at least v_z; NaN is 0.
    """
    if math.isnan(distance_m):
        return 0.0
    if not distance_m > 0.0:
        return limit_mps
    shed = deceleration_mps2 * reaction_time_s
    reached = shed**2 + limit_mps**2 + 2.0 * deceleration_mps2 * distance_m
    return max(limit_mps, math.sqrt(reached) - shed)
