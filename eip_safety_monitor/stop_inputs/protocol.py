"""What every stop input is to the monitor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from eip_safety_monitor.watch.watchdog import Condition, Watchdog

__all__ = ['StopInput', 'StopReading', 'StopState', 'silence_of']


class StopState(StrEnum):
    """What an input says; only RELEASED lets the robot move, WAITING is not yet bad."""

    RELEASED = 'released'
    WAITING = 'waiting'
    PRESSED = 'pressed'
    LOST = 'lost'
    UNREADABLE = 'unreadable'


@dataclass(frozen=True)
class StopReading:
    """What an input says now, and a sentence for a person unless it is released."""

    state: StopState
    message: str = ''


class StopInput(Protocol):
    """One button or switch."""

    @property
    def name(self) -> str:
        """Return the name given in the policy."""
        ...

    def read(self) -> StopReading:
        """Return what it says, a press since the last call included; never waits or raises."""
        ...

    def close(self) -> None:
        """Let the hardware go."""
        ...


def silence_of(watchdog: Watchdog, name: str) -> StopReading | None:
    """Return what silence means for an input that must speak again and again; None if it does."""
    condition = watchdog.condition()
    if condition is Condition.STARTING:
        return StopReading(StopState.WAITING, f'the stop input {name} has not come yet')
    if condition is Condition.NEVER_CAME:
        return StopReading(StopState.LOST, f'the stop input {name} never came')
    if condition is Condition.LOST:
        silent_s = watchdog.silence_s()
        return StopReading(StopState.LOST, f'the stop input {name} is silent for {silent_s:.1f} s')
    if condition is Condition.FLOODING:
        rate_hz = watchdog.rate_hz()
        message = f'the stop input {name} comes {rate_hz:.0f} times a second, too often to be read'
        return StopReading(StopState.UNREADABLE, message)
    return None
