"""How often and how long each cause held or stopped the robot, and whether that grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.violation_statistics import ViolationStatistics

__all__ = ['CauseFigures', 'CauseStatistics']

MOST_CAUSES = 100


@dataclass(frozen=True)
class CauseFigures:
    """What is shown of one cause; `last_ns` is monotonic, 'trend' rising, falling or steady."""

    identifier: str
    stands: bool
    times: int
    stood_s: float
    last_ns: int
    trend: str


class CauseStatistics:
    """Counts since the start of the monitor; of more than 100 causes the later are left out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_ns = self._noted_ns = clock.now_ns()
        self._statistics: dict[str, ViolationStatistics] = {}

    def note(self, standing: Iterable[str]) -> None:
        """Take the identifiers of what has stood since the last call."""
        now_ns = self._clock.now_ns()
        duration_s = seconds(now_ns - self._noted_ns)
        self._noted_ns = now_ns
        names = dict.fromkeys(standing)
        for name in names:
            if name not in self._statistics and len(self._statistics) < MOST_CAUSES:
                self._statistics[name] = ViolationStatistics(self._start_ns)
        for name, statistics in self._statistics.items():
            statistics.note(name in names, now_ns, duration_s)

    def figures(self) -> tuple[CauseFigures, ...]:
        """Return what is known of every cause that stood once, the longest standing first."""
        now_ns = self._clock.now_ns()
        found = [
            CauseFigures(
                name,
                statistics.last_ns == self._noted_ns,
                statistics.violations,
                statistics.violated_s,
                statistics.last_ns or 0,
                statistics.trend(now_ns),
            )
            for name, statistics in self._statistics.items()
        ]
        return tuple(sorted(found, key=lambda item: (-item.stood_s, item.identifier)))
