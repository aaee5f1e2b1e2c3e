"""Monotonic time, injected so that every deadline can be tested without waiting."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ['CLOCK_DRIFT', 'Clock', 'ManualClock', 'MonotonicClock', 'seconds']

NANOSECONDS_PER_SECOND = 1_000_000_000
CLOCK_DRIFT = 200e-6
"""How much slower than ours another clock may run; crystals are good for 100 ppm each."""


class Clock(Protocol):
    """A clock that never goes backward and knows no wall time."""

    def now_ns(self) -> int:
        """Return the monotonic time, ns."""
        ...


class MonotonicClock:
    """The host's CLOCK_MONOTONIC, the same in every process of one boot."""

    def now_ns(self) -> int:
        """Return the monotonic time, ns."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that a test or a simulation moves by hand."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_ns = int(start_s * NANOSECONDS_PER_SECOND)

    def now_ns(self) -> int:
        """Return the time it was moved to, ns."""
        return self._now_ns

    def advance(self, duration_s: float) -> None:
        """Move the time forward; raises ValueError for a negative duration."""
        if duration_s < 0.0:
            raise ValueError(f'duration_s is {duration_s}, a monotonic clock only goes forward')
        self._now_ns += int(duration_s * NANOSECONDS_PER_SECOND)


def seconds(duration_ns: int) -> float:
    """Return a duration of ns in s."""
    return duration_ns / NANOSECONDS_PER_SECOND
