"""Measures of robot, lidar and people, m, shared by model, world and messages."""

from __future__ import annotations

from typing import Final

__all__ = ['BEAMS', 'LIDAR_HEIGHT', 'PERSON_RADIUS', 'RANGE_MAX_M', 'RANGE_MIN_M']
__all__ += ['WHEEL_RADIUS', 'WHEEL_TRACK']

WHEEL_RADIUS: Final = 0.08
WHEEL_TRACK: Final = 0.32
PERSON_RADIUS: Final = 0.22

LIDAR_HEIGHT: Final = 0.22
BEAMS: Final = 360
RANGE_MIN_M: Final = 0.1
RANGE_MAX_M: Final = 10.0
