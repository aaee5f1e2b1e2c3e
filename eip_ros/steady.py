"""The clock for every timer that must go on, whatever happens to wall clock and /clock."""

from __future__ import annotations

from rclpy.clock import Clock
from rclpy.clock_type import ClockType

__all__ = ['STEADY']

STEADY = Clock(clock_type=ClockType.STEADY_TIME)
"""Pass as `clock` to `create_timer`: a node's own may stand still, or be set back."""
