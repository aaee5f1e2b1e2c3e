"""The stop latch: which mode the robot is in, and what may change it.

The table below is the whole behaviour; the state chart in the docs is made from it. A stop
latches from anywhere, only a reset leaves STOPPED, and a reset ends in DISARMED, never in motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from eip_safety_monitor.permits import Mode

__all__ = ['TRANSITIONS', 'Change', 'Input', 'StopLatch', 'state_chart']


class Input(StrEnum):
    """What can happen to the latch."""

    STOP = 'stop'
    RESET = 'reset'
    ARM = 'arm'
    DISARM = 'disarm'
    PROTECT = 'protective_stop'
    CLEAR = 'clear'


TRANSITIONS: Final[Mapping[tuple[Mode, Input], Mode]] = MappingProxyType(
    {
        (Mode.STOPPED, Input.STOP): Mode.STOPPED,
        (Mode.STOPPED, Input.RESET): Mode.DISARMED,
        (Mode.DISARMED, Input.STOP): Mode.STOPPED,
        (Mode.DISARMED, Input.ARM): Mode.ARMED,
        (Mode.DISARMED, Input.DISARM): Mode.DISARMED,
        (Mode.ARMED, Input.STOP): Mode.STOPPED,
        (Mode.ARMED, Input.DISARM): Mode.DISARMED,
        (Mode.ARMED, Input.ARM): Mode.ARMED,
        (Mode.ARMED, Input.PROTECT): Mode.PROTECTIVE,
        (Mode.PROTECTIVE, Input.STOP): Mode.STOPPED,
        (Mode.PROTECTIVE, Input.DISARM): Mode.DISARMED,
        (Mode.PROTECTIVE, Input.CLEAR): Mode.ARMED,
    }
)
"""(mode, input) to mode; what is missing is refused and changes nothing."""


@dataclass(frozen=True)
class Change:
    """One step of the latch."""

    cause: Input
    before: Mode
    after: Mode


class StopLatch:
    """Holds the mode and moves it along the table."""

    def __init__(self, mode: Mode = Mode.STOPPED) -> None:
        self._mode = mode

    @property
    def mode(self) -> Mode:
        """Return the mode now."""
        return self._mode

    @property
    def is_armed(self) -> bool:
        """Tell whether motion is permitted, or would be but for a self-clearing cause."""
        return self._mode in (Mode.ARMED, Mode.PROTECTIVE)

    def peek(self, what: Input) -> Change | None:
        """Return what `what` would do, or None when it would be refused."""
        after = TRANSITIONS.get((self._mode, what))
        return None if after is None else Change(what, self._mode, after)

    def apply(self, what: Input) -> Change | None:
        """Do `what` and return the step taken, or None when it was refused."""
        change = self.peek(what)
        if change is not None:
            self._mode = change.after
        return change


def state_chart() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ['stateDiagram-v2', '    [*] --> DISARMED: first start']
    lines += ['    [*] --> STOPPED: start after a latched stop or an unclean end']
    lines += [
        f'    {before.name} --> {after.name}: {what}'
        for (before, what), after in TRANSITIONS.items()
    ]
    return '\n'.join(lines) + '\n'
