"""The board on which the newest word of every node is pinned."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from eip_perf_monitor.robot import (
    EventView,
    MemoryView,
    NodeView,
    PlanView,
    RobotView,
    SafetyView,
    VerdictView,
)

__all__ = ['Board']

_LOST_AFTER_PERIODS = 5.0
_LOST_AFTER_S = 1.0
_MEMORY_STALE_S = 10.0
_MOST_NODES = 64


@dataclass
class _Beat:
    instance_id: str
    pid: int | None
    period_s: float
    healthy: bool
    detail: str
    at_s: float
    restarts: int = 0


class Board:
    """Keeps the last word of every node and the last verdicts and events; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, keep: int = 30) -> None:
        self._clock = clock
        self._started_at = clock()
        self._lock = threading.Lock()
        self._safety: tuple[float, SafetyView] | None = None
        self._memory: tuple[float, MemoryView] | None = None
        self._plan: tuple[float, PlanView] | None = None
        self._verdicts: deque[VerdictView] = deque(maxlen=keep)
        self._events: deque[EventView] = deque(maxlen=keep)
        self._verdict_counts: Counter[str] = Counter()
        self._event_counts: Counter[str] = Counter()
        self._beats: dict[str, _Beat] = {}

    def put_safety(self, view: SafetyView) -> None:
        """Pin the safety monitor's permit."""
        with self._lock:
            self._safety = (self._clock(), view)

    def put_memory(self, view: MemoryView) -> None:
        """Pin the memory manager's status."""
        with self._lock:
            self._memory = (self._clock(), view)

    def put_plan(self, view: PlanView) -> None:
        """Pin the state of the plan."""
        with self._lock:
            self._plan = (self._clock(), view)

    def put_verdict(self, view: VerdictView) -> None:
        """Add a verdict to the last ones."""
        with self._lock:
            self._verdicts.append(view)
            self._verdict_counts[view.decision] += 1

    def put_event(self, view: EventView) -> None:
        """Add an event of the safety monitor to the last ones; verdicts have their own list."""
        with self._lock:
            if view.kind != 'verdict':
                self._events.append(view)
            self._event_counts[view.severity] += 1

    def put_beat(
        self,
        node: str,
        instance_id: str,
        pid: int | None,
        period_s: float,
        healthy: bool,
        detail: str = '',
    ) -> None:
        """Take a heartbeat; another `instance_id` than before counts as a restart.

        `pid` is None when unknown or of another host.
        """
        with self._lock:
            old = self._beats.pop(node, None)
            if len(self._beats) >= _MOST_NODES:  # names come from outside: keep the newest
                del self._beats[next(iter(self._beats))]
            restarts = old.restarts + (old.instance_id != instance_id) if old else 0
            self._beats[node] = _Beat(
                instance_id, pid, period_s, healthy, detail, self._clock(), restarts
            )

    def read(self) -> RobotView:
        """Return everything that is pinned now, newest verdict and event first."""
        with self._lock:
            now = self._clock()
            memory = self._memory
            return RobotView(
                self._safety[1] if self._safety else None,
                now - (self._safety[0] if self._safety else self._started_at),
                tuple(reversed(self._verdicts)),
                tuple(sorted(self._verdict_counts.items())),
                tuple(reversed(self._events)),
                tuple(sorted(self._event_counts.items())),
                self._plan[1] if self._plan else None,
                now - self._plan[0] if self._plan else None,
                memory[1] if memory and now - memory[0] < _MEMORY_STALE_S else None,
                now - memory[0] if memory else None,
                tuple(_node(name, beat, now) for name, beat in sorted(self._beats.items())),
            )


def _node(name: str, beat: _Beat, now: float) -> NodeView:
    age_s = now - beat.at_s
    is_lost = age_s > max(_LOST_AFTER_S, _LOST_AFTER_PERIODS * beat.period_s)
    return NodeView(name, beat.pid, beat.healthy, beat.detail, age_s, is_lost, beat.restarts)
