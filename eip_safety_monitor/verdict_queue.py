"""Verdicts on their way to the audit log: a burst may delay no permit, nor get lost unsaid."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.readings import VerdictHeard

__all__ = ['MOST_A_TURN', 'MOST_WAITING', 'VerdictLog', 'VerdictQueue']

MOST_A_TURN = 2
"""Each line waits for the disk, and nothing is looked at meanwhile."""
MOST_WAITING = 500
TOLD_AFTER_S = 1.0


class VerdictLog(Protocol):
    """Who writes verdicts: the supervisor."""

    def hear_verdict(self, verdict: VerdictHeard) -> None:
        """Write a line for a verdict."""
        ...

    def hear_skipped_verdicts(self, count: int) -> None:
        """Write one line for verdicts that get none of their own."""
        ...


class VerdictQueue:
    """Holds verdicts until `write` comes to them; counts those that found no room."""

    def __init__(self, log: VerdictLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._waiting: deque[VerdictHeard] = deque()
        self._skipped = 0
        self._skipped_ns = 0

    def hear(self, verdict: VerdictHeard) -> None:
        """Take a verdict; it is skipped when too many wait."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(verdict)
            return
        if not self._skipped:
            self._skipped_ns = self._clock.now_ns()
        self._skipped += 1

    def write(self) -> None:
        """Write at most two lines; call it once a turn, after the permit was told."""
        skipping_s = seconds(self._clock.now_ns() - self._skipped_ns)
        if self._skipped and skipping_s >= TOLD_AFTER_S:
            self._tell_skipped()
            return
        for _ in range(min(MOST_A_TURN, len(self._waiting))):
            self._log.hear_verdict(self._waiting.popleft())

    def close(self) -> None:
        """Count what still waits as skipped and say so; nothing may delay an end."""
        self._skipped += len(self._waiting)
        self._waiting.clear()
        if self._skipped:
            self._tell_skipped()

    def _tell_skipped(self) -> None:
        count, self._skipped = self._skipped, 0
        self._log.hear_skipped_verdicts(count)
