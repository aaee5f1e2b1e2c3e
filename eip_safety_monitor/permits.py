"""The monitor's permit to move, and the gate's judgement of whether it may be used now.

The age of a permit counts from its making, not from its arrival: one that waited in a queue is
old. On the same boot the sender's monotonic stamp says it. What another boot made, a monitor on
another host or a recording played back, is refused unless a monitor on another host is expected.
Its age then is the time since receipt plus what the message came later than the fastest one, and
the first message of a monitor only makes acquaintance, because a late joiner may get an old one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

from eip_safety_monitor.clock import CLOCK_DRIFT, Clock, seconds

__all__ = ['GREATEST_LIFETIME_S', 'Mode', 'Permit', 'PermitJudge', 'SpeedLimits', 'StopCategory']

GREATEST_LIFETIME_S = 0.1
CONFLICT_S = 0.5
"""Two monitors heard within this time are in conflict."""
FUTURE_TOLERANCE_S = 0.005
MOST_SENDERS = 64


class Mode(IntEnum):
    """What the monitor says; numbers as in eip/msg/SafetyState. Unknown numbers are STOPPED."""

    STOPPED = 0
    DISARMED = 1
    PROTECTIVE = 2
    ARMED = 3

    @classmethod
    def of(cls, number: int) -> Mode:
        """Return the mode of `number`; STOPPED for any that is not defined."""
        return cls(number) if number in cls._value2member_map_ else cls.STOPPED


class StopCategory(IntEnum):
    """Stop categories of IEC 60204-1; NONE while motion is permitted."""

    UNCONTROLLED = 0
    CONTROLLED = 1
    HOLDING = 2
    NONE = 255

    @classmethod
    def of(cls, number: int) -> StopCategory:
        """Return the category of `number`; the hardest for any that is not defined."""
        return cls(number) if number in cls._value2member_map_ else cls.UNCONTROLLED


@dataclass(frozen=True)
class SpeedLimits:
    """Greatest permitted speeds, m/s and rad/s."""

    linear_mps: float = 0.0
    angular_radps: float = 0.0

    def is_sound(self) -> bool:
        """Tell whether both are finite and not negative."""
        return all(math.isfinite(v) and v >= 0.0 for v in (self.linear_mps, self.angular_radps))


@dataclass(frozen=True)
class Permit:
    """One message of the monitor, without ROS. The default forbids motion."""

    monitor_id: str = ''
    sequence: int = 0
    boot_id: str = ''
    stamp_ns: int = 0
    mode: Mode = Mode.STOPPED
    motion_permitted: bool = False
    lifetime_s: float = 0.0
    limits: SpeedLimits = field(default_factory=SpeedLimits)
    stop_category: StopCategory = StopCategory.UNCONTROLLED
    cause: str = ''

    def is_sound(self) -> bool:
        """Tell whether the message can be believed; a lifetime beyond 0.1 s cannot."""
        return (
            bool(self.monitor_id)
            and self.sequence > 0
            and 0.0 <= self.lifetime_s <= GREATEST_LIFETIME_S + 1e-6
            and self.limits.is_sound()
            and self.motion_permitted == (self.mode is Mode.ARMED)
        )


@dataclass
class _Sender:
    """What is known of one monitor."""

    sequence: int
    received_ns: int
    messages: int = 1
    least_delay_ns: int | None = None
    delay_heard_ns: int = 0


class PermitJudge:
    """Keeps the newest permit and says whether it may be used now, and if not, why not.

    With `remote_monitor` it also believes permits of another boot than `boot_id`.
    """

    def __init__(self, clock: Clock, boot_id: str, remote_monitor: bool = False) -> None:
        self._clock = clock
        self._boot_id = boot_id
        self._remote_monitor = remote_monitor
        self._senders: dict[str, _Sender] = {}
        self._latest: Permit | None = None
        self._made_ns = 0
        self._problem = 'no permit has come yet'
        self.refused = 0
        self.refusal = ''

    @property
    def latest(self) -> Permit | None:
        """Return the newest message that was accepted, whatever its age."""
        return self._latest

    def hear(self, permit: Permit, received_ns: int | None = None) -> bool:
        """Take one message; return False when it was repeated, backward, unsound or foreign.

        `received_ns` is the earliest time at which it can have arrived, now by default. A refused
        message lengthens nothing; an unsound or foreign one also ends the permit that stood.
        `refusal` keeps why.
        """
        now_ns = self._clock.now_ns()
        received_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        is_own_boot = bool(self._boot_id) and permit.boot_id == self._boot_id
        is_future = is_own_boot and seconds(permit.stamp_ns - now_ns) > FUTURE_TOLERANCE_S
        if not permit.is_sound() or is_future:
            return self._refuse('a malformed permit came', forget=True)
        sender = self._senders.get(permit.monitor_id)
        if sender is None:
            sender = self._remember(permit, received_ns)
        elif permit.sequence <= sender.sequence:
            return self._refuse('a repeated or backward permit came', forget=False)
        else:
            sender.sequence, sender.received_ns = permit.sequence, received_ns
            sender.messages += 1
        if not is_own_boot and not self._remote_monitor:
            return self._refuse(self._foreign(permit), forget=True)
        self._latest = permit
        self._made_ns = (
            permit.stamp_ns if is_own_boot else self._foreign_made_ns(sender, permit, received_ns)
        )
        self._problem = ''
        return True

    def age_s(self) -> float:
        """Return the age of the newest accepted permit, s; infinite when there is none."""
        if self._latest is None:
            return math.inf
        return seconds(self._clock.now_ns() - self._made_ns)

    def problem(self) -> str:
        """Return why no message of the monitor can be believed now; empty when one can."""
        if self._latest is None:
            return self._problem or 'no permit has come yet'
        if self._is_conflict():
            return 'two safety monitors speak for one robot'
        sender = self._senders[self._latest.monitor_id]
        if self._latest.boot_id != self._boot_id and sender.messages < 2:
            return 'the first permit from another host may be old'
        age_s = self.age_s()
        if age_s > min(self._latest.lifetime_s, GREATEST_LIFETIME_S):
            return f'the last permit is {age_s * 1000:.0f} ms old'
        return ''

    def _foreign_made_ns(self, sender: _Sender, permit: Permit, received_ns: int) -> int:
        delay_ns = received_ns - permit.stamp_ns
        least_ns = sender.least_delay_ns
        if least_ns is None:
            least_ns = delay_ns
        else:
            # A slower clock over there makes every message look a little later than the last.
            least_ns += int((received_ns - sender.delay_heard_ns) * CLOCK_DRIFT)
        sender.least_delay_ns, sender.delay_heard_ns = min(least_ns, delay_ns), received_ns
        return received_ns - (delay_ns - sender.least_delay_ns)

    def _foreign(self, permit: Permit) -> str:
        made, here = (text[:8] or 'unknown' for text in (permit.boot_id, self._boot_id))
        return (
            f'the permit was made under boot {made}, this is boot {here}: another host or a '
            'recording; set remote_monitor of motion_gate if the monitor is on another host'
        )

    def _is_conflict(self) -> bool:
        now_ns = self._clock.now_ns()
        heard = [
            sender
            for sender in self._senders.values()
            if seconds(now_ns - sender.received_ns) <= CONFLICT_S
        ]
        return len(heard) > 1

    def _remember(self, permit: Permit, received_ns: int) -> _Sender:
        # Old ones stay known, so that a recording of a dead monitor is still "backward".
        if len(self._senders) >= MOST_SENDERS:
            oldest = min(self._senders, key=lambda name: self._senders[name].received_ns)
            del self._senders[oldest]
        sender = self._senders[permit.monitor_id] = _Sender(permit.sequence, received_ns)
        return sender

    def _refuse(self, problem: str, forget: bool) -> bool:
        self.refused += 1
        self.refusal = problem
        if forget:
            self._latest = None
            self._problem = problem
        return False
