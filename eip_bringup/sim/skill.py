"""What a skill is, and what it works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eip_bringup.sim.drive import DriveLimits
from eip_bringup.sim.kitchen import Kitchen
from eip_bringup.sim.route import RoutePlanner
from eip_bringup.sim.senses import Senses, Velocity

__all__ = ['Hands', 'Robot', 'Skill', 'SkillError']


class SkillError(ValueError):
    """A step cannot be done; the text is one sentence that says why."""


class Hands(Protocol):
    """The gripper: one action at a time, answered later."""

    def begin(self, action: str, target: str, place: str) -> None:
        """Ask for an action as in eip/srv/SimManipulate."""

    def answer(self) -> tuple[bool, str] | None:
        """Return (success, message) of what was begun last, or None while it goes on."""


@dataclass(frozen=True)
class Robot:
    """What skills work with."""

    kitchen: Kitchen
    planner: RoutePlanner
    hands: Hands
    speak: Callable[[str], None]
    limits: DriveLimits


class Skill(ABC):
    """One step in execution. `tick` returns a velocity, or None when the step is done."""

    timeout_s = 90.0

    def __init__(self) -> None:
        self.message = ''

    @abstractmethod
    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Go on for `duration_s`. Raises SkillError."""

    def pause(self) -> None:
        """Take note that the robot was made to stand."""
        return
