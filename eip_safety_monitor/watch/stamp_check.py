"""Do a sensor's stamps go with time? Judged without comparing wall clocks of two machines."""

from __future__ import annotations

from eip_safety_monitor.clock import CLOCK_DRIFT, seconds

__all__ = ['StampCheck']


class StampCheck:
    """Compares how stamps advance with how the monotonic clock does.

    The least delay between stamp and receipt is taken for the sensor's own; a message that is
    more than `tolerance_s` later than that is old news, one that is earlier by as much comes from
    a clock that was set. After `settle_s` of steady stamps the new delay is believed where that is
    allowed, so that a clock set for good does not lock the robot for ever. A lag that was there
    from the first message on, or grows no faster than clocks drift, cannot be seen.
    """

    def __init__(self, tolerance_s: float = 0.5, settle_s: float = 3.0) -> None:
        self._tolerance_s = tolerance_s
        self._settle_s = settle_s
        self._least_ns: int | None = None
        self._heard_ns = 0
        self._odd_ns = 0
        self._odd_since_ns: int | None = None

    def check(self, stamp_ns: int, received_ns: int, may_settle: bool = True) -> str:
        """Return what is wrong with a stamp, empty when nothing is.

        Without `may_settle` odd stamps stay odd, however steady they are.
        """
        if stamp_ns <= 0:
            return 'carries no stamp'
        delay_ns = received_ns - stamp_ns
        if self._least_ns is None:
            self._least_ns, self._heard_ns = delay_ns, received_ns
        since_ns, self._heard_ns = received_ns - self._heard_ns, received_ns
        off_s = seconds(delay_ns - self._least_ns)
        if abs(off_s) <= self._tolerance_s:
            # A slower clock over there makes every message look a little later than the last.
            self._least_ns = min(self._least_ns + int(since_ns * CLOCK_DRIFT), delay_ns)
            self._odd_since_ns = None
            return ''
        self._settle(delay_ns, received_ns, may_settle)
        if off_s > 0.0:
            return f'is stamped {off_s:.1f} s late'
        return f'is stamped {-off_s:.1f} s ahead'

    def _settle(self, delay_ns: int, received_ns: int, may_settle: bool) -> None:
        is_steady = abs(seconds(delay_ns - self._odd_ns)) <= self._tolerance_s
        if self._odd_since_ns is None or not is_steady:
            self._odd_ns, self._odd_since_ns = delay_ns, received_ns
        elif may_settle and seconds(received_ns - self._odd_since_ns) > self._settle_s:
            self._least_ns, self._odd_since_ns = delay_ns, None
