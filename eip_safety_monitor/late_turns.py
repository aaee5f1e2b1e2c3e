"""Turns that came late: what a stop that took long on a busy machine is explained by."""

from __future__ import annotations

from collections.abc import Mapping

from eip_safety_monitor.clock import seconds

__all__ = ['LATE_S', 'LateTurns']

LATE_S = 0.05
"""More time than this between two turns is late; ten times the gate's period."""


class LateTurns:
    """Notes how far apart turns are."""

    def __init__(self, now_ns: int) -> None:
        self._last_ns = now_ns
        self._count = 0
        self._last_s = 0.0
        self._worst_s = 0.0

    def note(self, now_ns: int) -> float:
        """Take a turn; return the time since the one before, s, when it was late, else 0."""
        apart_s = seconds(now_ns - self._last_ns)
        self._last_ns = now_ns
        if apart_s <= LATE_S:
            return 0.0
        self._count += 1
        self._last_s, self._worst_s = apart_s, max(apart_s, self._worst_s)
        return apart_s

    def figures(self) -> Mapping[str, object]:
        """Return count, last and worst lateness as values of a diagnostic status."""
        return {
            'late_turns': self._count,
            'last_late_turn_ms': f'{self._last_s * 1000:.0f}',
            'worst_late_turn_ms': f'{self._worst_s * 1000:.0f}',
        }
