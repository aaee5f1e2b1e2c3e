"""Is a node or a signal alive? Judged by the receiver's own monotonic clock alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from eip_safety_monitor.clock import Clock, seconds

__all__ = ['MOST_RATE_HZ', 'Condition', 'Watchdog', 'WatchdogConfig']

MOST_RATE_HZ = 400.0
"""The greatest rate that can be watched for: of one topic the monitor takes 525 a second."""
RATE_WINDOW_S = 1.0


class Condition(StrEnum):
    """What a watchdog finds; only OK is good, STARTING is not yet bad."""

    OK = 'ok'
    STARTING = 'starting'
    NEVER_CAME = 'never came'
    LOST = 'lost'
    SLOW = 'slow'
    FLOODING = 'flooding'


@dataclass(frozen=True)
class WatchdogConfig:
    """How long silence may last, s, and how often messages may and must come, 1/s.

    A `least_rate_hz` of 0 asks for nothing but no silence.
    """

    timeout_s: float = 0.5
    grace_s: float = 20.0
    max_rate_hz: float = MOST_RATE_HZ
    least_rate_hz: float = 0.0

    def __post_init__(self) -> None:
        for name in ('timeout_s', 'grace_s', 'max_rate_hz'):
            value = getattr(self, name)
            if not 0.0 < value < 1e6:
                raise ValueError(f'{name} is {value}, set a number above 0')
        if not 0.0 <= self.least_rate_hz < self.max_rate_hz:
            raise ValueError(
                f'least_rate_hz is {self.least_rate_hz}, set at least 0 and less than '
                f'max_rate_hz {self.max_rate_hz}'
            )


class Watchdog:
    """Watches one thing that must come again and again."""

    def __init__(self, config: WatchdogConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._started_ns = clock.now_ns()
        self._last_ns: int | None = None
        self._since_ns = self._started_ns
        self._recent: deque[int] = deque(maxlen=max(4, int(config.max_rate_hz)))

    @property
    def has_come(self) -> bool:
        """Tell whether it ever came."""
        return self._last_ns is not None

    def feed(self, received_ns: int | None = None) -> None:
        """Note that it came, now or at the earlier `received_ns`."""
        now_ns = self._clock.now_ns()
        received_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        if self._last_ns is None or seconds(now_ns - self._last_ns) > self._config.timeout_s:
            self._since_ns = now_ns
        self._last_ns = max(received_ns, self._last_ns or received_ns)
        self._recent.append(now_ns)

    def silence_s(self) -> float:
        """Return for how long it has not come, s; since the start when it never came."""
        return self._silence_s(self._clock.now_ns())

    def rate_hz(self) -> float:
        """Return how often it came in the last second, 1/s."""
        return self._rate_hz(self._clock.now_ns())

    def is_slower_than(self, least_hz: float) -> bool:
        """Tell whether it comes less often, judged over one second without a loss."""
        return self._is_slower_than(least_hz, self._clock.now_ns())

    def condition(self) -> Condition:
        """Return what is to be thought of it now."""
        now_ns = self._clock.now_ns()
        silence_s = self._silence_s(now_ns)
        if self._last_ns is None:
            late = silence_s > self._config.grace_s
            return Condition.NEVER_CAME if late else Condition.STARTING
        if silence_s > self._config.timeout_s:
            return Condition.LOST
        if self._rate_hz(now_ns) >= self._config.max_rate_hz:
            return Condition.FLOODING
        if self._is_slower_than(self._config.least_rate_hz, now_ns):
            return Condition.SLOW
        return Condition.OK

    def _silence_s(self, now_ns: int) -> float:
        return seconds(now_ns - (self._started_ns if self._last_ns is None else self._last_ns))

    def _rate_hz(self, now_ns: int) -> float:
        horizon_ns = now_ns - 1_000_000_000
        while self._recent and self._recent[0] < horizon_ns:
            self._recent.popleft()
        return float(len(self._recent))

    def _is_slower_than(self, least_hz: float, now_ns: int) -> bool:
        if least_hz <= 0.0 or self._last_ns is None:
            return False
        lasts_s = seconds(now_ns - self._since_ns)
        return lasts_s >= RATE_WINDOW_S and self._rate_hz(now_ns) < least_hz
