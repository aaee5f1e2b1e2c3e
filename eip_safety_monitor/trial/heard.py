"""What came out of monitor and gate during a trial, with when it came."""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Callable

from geometry_msgs.msg import Twist

from eip.msg import Heartbeat, SafetyEvent, SafetyState

__all__ = ['Heard']


class Heard:
    """Remembers velocities, states, events and heartbeats; times are monotonic, ns."""

    def __init__(self) -> None:
        self.given: deque[tuple[int, float, float]] = deque(maxlen=300)
        self.states: deque[tuple[int, SafetyState]] = deque(maxlen=2_000)
        self.events: deque[SafetyEvent] = deque(maxlen=2_000)
        self.said: deque[tuple[int, str]] = deque(maxlen=2_000)
        self.heard_beats: deque[Heartbeat] = deque(maxlen=200)

    def mode(self) -> int | None:
        """Return the mode of the newest state that is not old; None when there is none."""
        if not self.states or time.monotonic_ns() - self.states[-1][0] > 200_000_000:
            return None
        return int(self.states[-1][1].mode)

    def is_moving(self) -> bool:
        """Tell whether the gate's last velocity, not older than 0.1 s, is not zero."""
        if not self.given:
            return False
        received_ns, linear, angular = self.given[-1]
        is_fresh = time.monotonic_ns() - received_ns < 100_000_000
        return is_fresh and (linear != 0.0 or angular != 0.0)

    def last_motion_ns(self) -> int | None:
        """Return when the last velocity other than zero came, ns; None when none did."""
        for received_ns, linear, angular in reversed(list(self.given)):
            if linear != 0.0 or angular != 0.0:
                return received_ns
        return None

    def first_zero_ns(self, since_ns: int, deadline_s: float = 1.0) -> int | None:
        """Return when the first zero after `since_ns` came, ns; None past the deadline."""
        end_ns = since_ns + int(deadline_s * 1e9)
        while True:
            for received_ns, linear, angular in list(self.given):
                if received_ns >= since_ns and linear == 0.0 and angular == 0.0:
                    return received_ns
            if time.monotonic_ns() >= end_ns:
                return None
            time.sleep(0.001)

    def told_since(self, since_ns: int) -> str:
        """Say what was heard since then, to tell a late stop from a machine that stood."""
        heard = [item for item in list(self.given) if item[0] >= since_ns]
        times = [since_ns, *(at_ns for at_ns, _, _ in heard), time.monotonic_ns()]
        gap_s = max(after - before for before, after in itertools.pairwise(times)) / 1e9
        moving = [at_ns for at_ns, linear, angular in heard if linear != 0.0 or angular != 0.0]
        last = f', the last after {(moving[-1] - since_ns) / 1e6:.0f} ms' if moving else ''
        return (
            f'{len(heard)} velocities heard, {len(moving)} of them moving{last}; '
            f'longest silence {gap_s:.2f} s, mode {self.mode()}'
        )

    def monitor_ids(self) -> set[str]:
        """Return every monitor heard so far."""
        return {state.monitor_id for _, state in list(self.states)}

    def is_heard(self, text: str, since_ns: int) -> bool:
        """Tell whether a cause or an event since then matches the regular expression `text`."""
        states = [(at_ns, state.cause) for at_ns, state in list(self.states)]
        said = [*states, *self.said]
        return any(at_ns >= since_ns and re.search(text, words) for at_ns, words in said)

    def wait(self, condition: Callable[[], object], deadline_s: float = 5.0) -> bool:
        """Return whether `condition` came true within the deadline."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.002)
        return False

    def hear_velocity(self, message: Twist) -> None:
        """Take what the gate gives."""
        self.given.append((time.monotonic_ns(), message.linear.x, message.angular.z))

    def hear_state(self, message: SafetyState) -> None:
        """Take what the monitor says."""
        self.states.append((time.monotonic_ns(), message))

    def hear_heartbeat(self, message: Heartbeat) -> None:
        """Take a node's sign of life."""
        self.heard_beats.append(message)

    def hear_event(self, message: SafetyEvent) -> None:
        """Take a change that the monitor tells."""
        self.events.append(message)
        self.said.append((time.monotonic_ns(), message.message))
