"""The controlled deceleration of a category 1 stop (IEC 60204-1)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from eip_safety_monitor.clock import seconds
from eip_safety_monitor.velocity import ZERO, Velocity

__all__ = ['Ramp', 'RampConfig', 'speed_after']

CREEP_MPS = 0.01


@dataclass(frozen=True)
class RampConfig:
    """How fast a controlled stop slows the robot down."""

    deceleration_mps2: float = field(
        default=1.5,
        metadata={
            'description': 'greatest deceleration of a category 1 stop',
            'unit': 'm/s^2',
            'range': (0.1, 20.0),
        },
    )
    jerk_mps3: float = field(
        default=15.0,
        metadata={
            'description': 'greatest change of the deceleration of a category 1 stop',
            'unit': 'm/s^3',
            'range': (0.5, 500.0),
        },
    )
    angular_per_linear: float = field(
        default=2.0,
        metadata={
            'description': 'angular deceleration and jerk per linear ones, for turning in place',
            'unit': 'rad/m',
            'range': (0.1, 20.0),
        },
    )
    longest_s: float = field(
        default=2.0,
        metadata={
            'description': 'after this time zero is given, however far the ramp came',
            'unit': 's',
            'range': (0.05, 10.0),
        },
    )

    def __post_init__(self) -> None:
        for name in ('deceleration_mps2', 'jerk_mps3', 'angular_per_linear', 'longest_s'):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0.0:
                raise ValueError(f'{name} is {value}, set a number above 0')


def speed_after(start: float, deceleration: float, jerk: float, elapsed_s: float) -> float:
    """Return the speed after `elapsed_s` of a jerk-limited stop from the speed `start`.

    The deceleration rises by `jerk`, holds at `deceleration`, and falls again so that the robot
    comes to rest without a jolt: the trapezoidal acceleration profile. Any consistent units.
    """
    peak = min(deceleration, math.sqrt(start * jerk))
    if start <= 0.0 or peak <= 0.0:
        return 0.0
    rise_s = peak / jerk
    hold_s = start / peak - rise_s
    if elapsed_s < rise_s:
        return start - 0.5 * jerk * elapsed_s**2
    if elapsed_s < rise_s + hold_s:
        return start - 0.5 * peak * rise_s - peak * (elapsed_s - rise_s)
    left_s = 2.0 * rise_s + hold_s - elapsed_s
    return 0.5 * jerk * left_s**2 if left_s > 0.0 else 0.0


class Ramp:
    """One stop that is under way, or none; the speed it gives only ever falls."""

    def __init__(self, config: RampConfig) -> None:
        self._config = config
        self._start = ZERO
        self._start_ns: int | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether a stop is under way."""
        return self._start_ns is not None

    def begin(self, velocity: Velocity, now_ns: int) -> None:
        """Start a stop from `velocity` unless one is under way."""
        if self._start_ns is None:
            self._start, self._start_ns = velocity, now_ns

    def end(self) -> None:
        """Forget the stop."""
        self._start, self._start_ns = ZERO, None

    def velocity(self, now_ns: int) -> Velocity:
        """Return the velocity at this moment of the stop; zero when none is under way."""
        if self._start_ns is None:
            return ZERO
        ratio = self._ratio(seconds(now_ns - self._start_ns))
        return self._start.scaled(ratio) if ratio > 0.0 else ZERO

    def _ratio(self, elapsed_s: float) -> float:
        if elapsed_s >= self._config.longest_s:
            return 0.0
        scale, speed = 1.0, self._start.linear_mps
        if speed < CREEP_MPS:
            scale, speed = self._config.angular_per_linear, self._start.angular_radps
        if speed <= 0.0:
            return 0.0
        deceleration = self._config.deceleration_mps2 * scale
        left = speed_after(speed, deceleration, self._config.jerk_mps3 * scale, elapsed_s)
        return min(1.0, left / speed)
