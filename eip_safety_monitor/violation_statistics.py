"""How often and how long something was so that should not be, and whether that grows."""

from __future__ import annotations

from collections import deque

from eip_safety_monitor.clock import seconds

__all__ = ['ViolationStatistics', 'told_ago']

BUCKET_S = 60.0
HALF = 5
"""The last so many buckets are compared with as many before."""
STEADY_S = 1.0


class ViolationStatistics:
    """Counts the violations of one rule, or the times that one cause stood."""

    def __init__(self, start_ns: int) -> None:
        self.violations = 0
        self.violated_s = 0.0
        self.last_ns: int | None = None
        self._start_ns = start_ns
        self._is_violated = False
        self._buckets: deque[tuple[int, float]] = deque(maxlen=2 * HALF)

    def note(self, is_violated: bool, now_ns: int, duration_s: float) -> None:
        """Take it that it was, or was not, so for the last `duration_s`."""
        if is_violated:
            self.violations += not self._is_violated
            self.violated_s += duration_s
            self.last_ns = now_ns
            self._add(self._bucket(now_ns), duration_s)
        self._is_violated = is_violated

    def trend(self, now_ns: int) -> str:
        """Return 'rising', 'falling' or 'steady': five minutes against the five before."""
        newest = self._bucket(now_ns)
        late = sum(s for bucket, s in self._buckets if newest - bucket < HALF)
        early = sum(s for bucket, s in self._buckets if HALF <= newest - bucket < 2 * HALF)
        if abs(late - early) <= STEADY_S:
            return 'steady'
        return 'rising' if late > early else 'falling'

    def _bucket(self, now_ns: int) -> int:
        return int(seconds(now_ns - self._start_ns) / BUCKET_S)

    def _add(self, bucket: int, duration_s: float) -> None:
        if self._buckets and self._buckets[-1][0] == bucket:
            self._buckets[-1] = (bucket, self._buckets[-1][1] + duration_s)
        else:
            self._buckets.append((bucket, duration_s))


def told_ago(last_ns: int | None, now_ns: int) -> str:
    """Return how long ago something was, as a diagnosis says it."""
    return 'never' if last_ns is None else f'{seconds(now_ns - last_ns):.1f} s ago'
