"""Do a sensor's stamps go with time? Judged without comparing wall clocks of two machines."""

from __future__ import annotations

from eip_safety_monitor.clock import seconds

__all__ = ['StampCheck']


class StampCheck:
    """Compares how stamps advance with how the monotonic clock does.

    The least delay between stamp and receipt is taken for the sensor's own; a message that is
    more than `tolerance_s` later than that is old news, one that is earlier by as much comes from
    a clock that was set. After `settle_s` of steady stamps the new delay is believed, so that a
    clock set for good does not lock the robot for ever. A lag that was there from the first
    message on cannot be seen.
    """

    def __init__(self, tolerance_s: float = 0.5, settle_s: float = 3.0) -> None:
        self._tolerance_s = tolerance_s
        self._settle_s = settle_s
        self._least_ns: int | None = None
        self._odd_ns = 0
        self._odd_since_ns: int | None = None

    def check(self, stamp_ns: int, received_ns: int) -> str:
        """Return what is wrong with a stamp, empty when nothing is."""
        if stamp_ns <= 0:
            return 'carries no stamp'
        delay_ns = received_ns - stamp_ns
        if self._least_ns is None:
            self._least_ns = delay_ns
        off_s = seconds(delay_ns - self._least_ns)
        if abs(off_s) <= self._tolerance_s:
            self._least_ns = min(self._least_ns, delay_ns)
            self._odd_since_ns = None
            return ''
        self._settle(delay_ns, received_ns)
        if off_s > 0.0:
            return f'is stamped {off_s:.1f} s late'
        return f'is stamped {-off_s:.1f} s ahead'

    def _settle(self, delay_ns: int, received_ns: int) -> None:
        is_steady = abs(seconds(delay_ns - self._odd_ns)) <= self._tolerance_s
        if self._odd_since_ns is None or not is_steady:
            self._odd_ns, self._odd_since_ns = delay_ns, received_ns
        elif seconds(received_ns - self._odd_since_ns) > self._settle_s:
            self._least_ns, self._odd_since_ns = delay_ns, None
