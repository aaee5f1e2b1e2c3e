"""Metrics over time in ring buffers: fine for the last hour, coarse for the last day."""

from __future__ import annotations

import itertools
import math
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eip_perf_monitor.metrics import METRICS, finite

__all__ = ['Trend', 'TrendStore', 'UnknownMetricError', 'downsample', 'slope']

NAN = math.nan
Points = list[tuple[float, float]]
"""Time, s, and value, ascending in time; the value is NaN where it was unavailable."""


class UnknownMetricError(ValueError):
    """A metric was asked for that does not exist; the text lists those that do."""


@dataclass(frozen=True)
class Trend:
    """One metric over time; `stamps_s` are s before now (non-positive), NaN is unavailable."""

    metric: str
    unit: str
    stamps_s: tuple[float, ...]
    values: tuple[float, ...]
    slope_per_s: float


class TrendStore:
    """Keeps every metric's last `capacity` samples and older means of `coarse_s`; thread-safe.

    With the defaults and a sample a second: an hour of seconds and a day of minutes, about
    1.2 MiB for all metrics.
    """

    def __init__(
        self,
        capacity: int = 3600,
        coarse_s: float = 60.0,
        coarse_capacity: int = 1440,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._coarse_s = coarse_s
        self._lock = threading.Lock()
        self._fine = _Rings(capacity)
        self._coarse = _Rings(coarse_capacity)
        self._pending: list[dict[str, float]] = []
        self._pending_since: float | None = None

    def add(self, values: Mapping[str, float | None]) -> None:
        """Keep one sample of every metric in `values`; None and infinities become NaN."""
        clean = {m: finite(values.get(m)) for m in METRICS}
        row = {metric: NAN if value is None else value for metric, value in clean.items()}
        with self._lock:
            now = self._clock()
            self._fine.add(now, row)
            if self._pending_since is None:
                self._pending_since = now
            if now - self._pending_since >= self._coarse_s:
                self._coarse.add((self._pending_since + now) / 2, _mean_row(self._pending))
                self._pending, self._pending_since = [], now
            self._pending.append(row)

    def get(
        self, metrics: Sequence[str] = (), window_s: float = 0.0, max_points: int = 0
    ) -> tuple[Trend, ...]:
        """Return the trends of `metrics` (none: all) over the last `window_s` s (0: all kept).

        A metric that is named twice comes once. More than `max_points` samples are averaged down to
        that many (0: as kept). Raises UnknownMetricError.
        """
        unknown = [metric for metric in metrics if metric not in METRICS]
        if unknown:
            known = ', '.join(METRICS)
            raise UnknownMetricError(f'unknown metric {unknown[0]!r}; there are: {known}')
        if not (math.isfinite(window_s) and window_s >= 0):
            raise ValueError(f'window_s is {window_s}, must be 0 or greater')
        wanted = tuple(dict.fromkeys(metrics or METRICS))
        with self._lock:
            # No more than copying here: the sampler waits for the lock.
            now = self._clock()
            fine, coarse = self._fine.copy(wanted), self._coarse.copy(wanted)
        since = now - window_s if window_s > 0 else -math.inf
        found = {m: _joined(coarse.points(m), fine.points(m), since) for m in wanted}
        return tuple(_trend(m, points, now, max_points) for m, points in found.items())


class _Rings:
    """One ring of stamps and one ring of values per metric, all of one length."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f'capacity is {capacity}, must be at least 1')
        self._capacity = capacity
        self._count = 0
        self._stamps = array('d')
        self._values: dict[str, array[float]] = {metric: array('d') for metric in METRICS}

    def add(self, stamp: float, row: Mapping[str, float]) -> None:
        if len(self._stamps) < self._capacity:
            self._stamps.append(stamp)
            for metric, ring in self._values.items():
                ring.append(row[metric])
        else:
            place = self._count % self._capacity
            self._stamps[place] = stamp
            for metric, ring in self._values.items():
                ring[place] = row[metric]
        self._count += 1

    def copy(self, metrics: Sequence[str]) -> _Rings:
        """Return a copy that holds `metrics` alone."""
        made = _Rings(self._capacity)
        made._count, made._stamps = self._count, self._stamps[:]
        made._values = {metric: self._values[metric][:] for metric in metrics}
        return made

    def points(self, metric: str) -> Points:
        start = self._count % self._capacity if self._count > self._capacity else 0
        values = self._values[metric]
        order = (*range(start, len(self._stamps)), *range(start))
        return [(self._stamps[i], values[i]) for i in order]


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the least-squares slope of the finite points; NaN with fewer than two times."""
    kept = [p for p in points if math.isfinite(p[1])]
    if len(kept) < 2:
        return NAN
    mean_t = sum(t for t, _ in kept) / len(kept)
    mean_v = sum(v for _, v in kept) / len(kept)
    spread = sum((t - mean_t) ** 2 for t, _ in kept)
    if spread <= 0:
        return NAN
    return sum((t - mean_t) * (v - mean_v) for t, v in kept) / spread


def downsample(points: Points, max_points: int) -> Points:
    """Return at most `max_points` points, each the mean of a run of neighbours; 0 changes none.

    A run without a finite value becomes NaN, so that gaps stay visible.
    """
    if max_points <= 0 or len(points) <= max_points:
        return points
    edges = [round(i * len(points) / max_points) for i in range(max_points + 1)]
    runs = [points[a:b] for a, b in itertools.pairwise(edges)]
    return [(sum(t for t, _ in run) / len(run), _mean(v for _, v in run)) for run in runs]


def _joined(coarse: Points, fine: Points, since: float) -> Points:
    oldest_fine = fine[0][0] if fine else math.inf
    older = (p for p in coarse if p[0] < oldest_fine)
    return [p for p in (*older, *fine) if p[0] >= since]


def _trend(metric: str, points: Points, now: float, max_points: int) -> Trend:
    shown = downsample(points, max_points)
    return Trend(
        metric,
        METRICS[metric][0],
        tuple(min(t - now, 0.0) for t, _ in shown),
        tuple(v for _, v in shown),
        slope(points),
    )


def _mean(values: Iterable[float]) -> float:
    kept = [v for v in values if math.isfinite(v)]
    return sum(kept) / len(kept) if kept else NAN


def _mean_row(rows: list[dict[str, float]]) -> dict[str, float]:
    return {metric: _mean(row[metric] for row in rows) for metric in METRICS}
