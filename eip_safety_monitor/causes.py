"""A reason for which the robot is held, or should be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from eip_safety_monitor.policy import Reaction

__all__ = ['Cause']


@dataclass(frozen=True)
class Cause:
    """An identifier such as `watchdog.scan`, what it leads to, and a sentence for a person."""

    identifier: str
    reaction: Reaction
    message: str
