"""What the monitor tells the outside: its state now, and each change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from eip_safety_monitor.permits import Mode, SpeedLimits, StopCategory

__all__ = ['Answer', 'Event', 'Severity', 'State']


class Severity(IntEnum):
    """How grave a change is; numbers as in eip/msg/SafetyEvent."""

    INFO = 0
    WARNING = 1
    STOP = 2


@dataclass(frozen=True)
class Event:
    """One change; fields as in eip/msg/SafetyEvent."""

    sequence: int
    severity: Severity
    kind: str
    cause: str
    message: str
    before: Mode
    after: Mode
    operator_name: str = ''
    reason: str = ''
    hash: str = ''


@dataclass(frozen=True)
class State:
    """The monitor's view now; fields as in eip/msg/SafetyState. The default forbids motion."""

    mode: Mode = Mode.STOPPED
    limits: SpeedLimits = field(default_factory=SpeedLimits)
    stop_category: StopCategory = StopCategory.UNCONTROLLED
    is_resettable: bool = False
    cause: str = ''
    active_causes: tuple[str, ...] = ()
    nearest_person_m: float = -1.0
    nearest_obstacle_m: float = -1.0
    protective_distance_m: float = 0.0

    @property
    def is_motion_permitted(self) -> bool:
        """Tell whether the robot may move."""
        return self.mode is Mode.ARMED


@dataclass(frozen=True)
class Answer:
    """What came of an operator's request."""

    success: bool
    message: str
