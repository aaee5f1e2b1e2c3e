"""Named metrics over time, bounded, with their slopes."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ['MemoryHistory', 'Series', 'slope_per_s']

UNITS = {'mib': 'MiB', 'ratio': '1'}
MAX_METRICS = 160


@dataclass(frozen=True)
class Series:
    """One metric: `ages_s` before now (non-positive, ascending), `values` with NaN for unknown."""

    metric: str
    unit: str
    ages_s: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def slope_per_s(self) -> float:
        """Return the least-squares slope, unit/s; NaN with fewer than two values."""
        return slope_per_s(self.ages_s, self.values)


class MemoryHistory:
    """Keeps the last `size` samples of every metric. Thread-safe.

    A metric's unit follows from the end of its name: `_mib` or `_ratio`.
    """

    def __init__(self, size: int = 3600, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[str, deque[tuple[float, float]]] = {}

    def add(self, values: Mapping[str, float | None]) -> None:
        """Take one sample of each metric; None means that it is unavailable now."""
        now_s = self._clock()
        with self._lock:
            for name, value in values.items():
                if name not in self._samples:
                    self._make_room()
                    self._samples[name] = deque(maxlen=self._size)
                self._samples[name].append((now_s, math.nan if value is None else float(value)))

    def names(self) -> tuple[str, ...]:
        """Return the names of all metrics, sorted."""
        with self._lock:
            return tuple(sorted(self._samples))

    def series(self, metric: str, window_s: float = 0.0, max_points: int = 0) -> Series:
        """Return a metric's samples of the last `window_s` (0: all), thinned to `max_points`.

        Raises KeyError for an unknown metric. Thinning keeps the newest point.
        """
        now_s = self._clock()
        with self._lock:
            points = [
                (time_s - now_s, value)
                for time_s, value in self._samples[metric]
                if window_s <= 0.0 or now_s - time_s <= window_s
            ]
        if 0 < max_points < len(points):
            step = len(points) / max_points
            points = [points[math.ceil((n + 1) * step) - 1] for n in range(max_points)]
        unit = UNITS.get(metric.rpartition('_')[2], '')
        return Series(metric, unit, tuple(a for a, _ in points), tuple(v for _, v in points))

    def _make_room(self) -> None:
        if len(self._samples) < MAX_METRICS:
            return
        oldest = min(self._samples, key=lambda name: self._samples[name][-1][0])
        del self._samples[oldest]


def slope_per_s(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Return the least-squares slope of `values` over `times_s`; NaN with fewer than two values.

    Values that are NaN are left out.
    """
    points = [(t, v) for t, v in zip(times_s, values, strict=True) if math.isfinite(v)]
    if len(points) < 2:
        return math.nan
    mean_t = sum(t for t, _ in points) / len(points)
    mean_v = sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    if spread <= 0.0:
        return math.nan
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread
