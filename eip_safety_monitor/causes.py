"""A reason for which the robot is held, or should be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from eip_safety_monitor.policy import Reaction

__all__ = ['Cause', 'silence', 'slowness']


@dataclass(frozen=True)
class Cause:
    """An identifier such as `watchdog.scan`, what it leads to, and a sentence for a person.

    `latches_disarmed` is false for a silence: while nothing is permitted anyway, as during a busy
    start, it refuses arming as long as it lasts but latches no stop.
    """

    identifier: str
    reaction: Reaction
    message: str
    latches_disarmed: bool = True


def silence(name: str, reaction: Reaction, message: str) -> Cause:
    """Return the cause `watchdog.<name>`: a signal or node that was heard is not any more."""
    return Cause(f'watchdog.{name}', reaction, message, latches_disarmed=False)


def slowness(name: str, reaction: Reaction, message: str) -> Cause:
    """Return the cause `slow.<name>`: it comes less often than declared; never latches."""
    held = Reaction.PROTECTIVE if reaction is Reaction.STOP else reaction
    return Cause(f'slow.{name}', held, message, latches_disarmed=False)
