"""Memory use over time: a ring of samples and the slope of the latest."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ['MemoryTrends', 'TrendWindow']


LEAST_SPAN_S = 3.0


@dataclass(frozen=True)
class MemoryTrends:
    """Samples, oldest first; times in seconds of a monotonic clock, use in MiB.

    `seconds_to_limit` is None while use does not grow.
    """

    times_s: tuple[float, ...]
    used_mib: tuple[float, ...]
    peak_mib: float
    slope_mib_per_s: float
    seconds_to_limit: float | None


class TrendWindow:
    """Keeps the last `size` samples; not thread-safe by itself."""

    def __init__(self, size: int = 600, window_s: float = 60.0) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=size)
        self._window_s = window_s
        self.peak_mib = 0.0

    def add(self, time_s: float, used_mib: float) -> None:
        """Take one sample."""
        self._samples.append((time_s, used_mib))
        self.peak_mib = max(self.peak_mib, used_mib)

    def trends(self, budget_mib: float) -> MemoryTrends:
        """Return all samples with the slope over the window and when the budget is reached."""
        samples = tuple(self._samples)
        slope = self._slope(samples)
        left = None
        if slope > 1e-6 and samples:
            left = max(budget_mib - samples[-1][1], 0.0) / slope
        return MemoryTrends(
            times_s=tuple(time for time, _ in samples),
            used_mib=tuple(used for _, used in samples),
            peak_mib=self.peak_mib,
            slope_mib_per_s=slope,
            seconds_to_limit=left,
        )

    def _slope(self, samples: Sequence[tuple[float, float]]) -> float:
        """Return the least-squares slope over the window, MiB/s; 0 until it spans a few seconds."""
        if not samples:
            return 0.0
        recent = [item for item in samples if samples[-1][0] - item[0] <= self._window_s]
        if recent[-1][0] - recent[0][0] < LEAST_SPAN_S:
            return 0.0
        mean_time = sum(time for time, _ in recent) / len(recent)
        mean_used = sum(used for _, used in recent) / len(recent)
        spread = sum((time - mean_time) ** 2 for time, _ in recent)
        if spread <= 0.0:
            return 0.0
        return sum((t - mean_time) * (used - mean_used) for t, used in recent) / spread
