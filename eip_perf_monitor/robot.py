"""What the robot's nodes say of themselves, as plain values; fields as in the messages of `eip`.

Times called `at_s` are seconds since the epoch, for people to read; None is unavailable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ['EventView', 'MemoryView', 'NodeView', 'PlanView', 'RobotView', 'SafetyView']
__all__ += ['VerdictView', 'ViolationView']

SAFETY_STALE_S: Final = 0.5


@dataclass(frozen=True)
class SafetyView:
    """The safety monitor's permit."""

    mode: str
    motion_permitted: bool
    cause: str = ''
    active_causes: tuple[str, ...] = ()
    max_linear_speed_mps: float = 0.0
    max_angular_speed_radps: float = 0.0
    latched: bool = False
    resettable: bool = False
    nearest_person_m: float | None = None
    nearest_obstacle_m: float | None = None
    protective_distance_m: float | None = None


@dataclass(frozen=True)
class ViolationView:
    """One reason of a verdict."""

    rule: str
    category: str
    severity: float
    evidence: str
    explanation: str
    standard: str
    channel: str


@dataclass(frozen=True)
class VerdictView:
    """One verdict of the guard; `step_index` is None when it is not about a step."""

    at_s: float
    request_id: str
    text: str
    stage: str
    step_index: int | None
    decision: str
    safety_score: float | None
    reason: str
    latency_s: float | None
    violations: tuple[ViolationView, ...] = ()


@dataclass(frozen=True)
class EventView:
    """One line of the safety monitor's audit log."""

    at_s: float
    severity: str
    kind: str
    cause: str
    message: str
    operator_name: str
    reason: str


@dataclass(frozen=True)
class PlanView:
    """How the plan goes on; `step` counts from 1."""

    state: str
    plan_id: str
    skill: str
    step: int
    steps: int
    message: str


@dataclass(frozen=True)
class MemoryView:
    """The memory manager's view of its budget."""

    device: str
    budget_mib: float | None
    used_mib: float | None
    used_ratio: float | None
    pressure: int
    pressure_name: str
    trend_mib_per_s: float | None
    seconds_to_limit: float | None


@dataclass(frozen=True)
class NodeView:
    """One node as its heartbeat shows it; `is_lost` once its beats stopped."""

    name: str
    pid: int | None
    healthy: bool
    detail: str
    age_s: float
    is_lost: bool
    restarts: int


@dataclass(frozen=True)
class RobotView:
    """All of it at one moment; None where nothing was heard yet.

    `safety_age_s` is the time since the safety monitor's last message, or since the start.
    """

    safety: SafetyView | None = None
    safety_age_s: float = 0.0
    verdicts: tuple[VerdictView, ...] = ()
    verdicts_total: tuple[tuple[str, int], ...] = ()
    events: tuple[EventView, ...] = ()
    events_total: tuple[tuple[str, int], ...] = ()
    plan: PlanView | None = None
    plan_age_s: float | None = None
    memory: MemoryView | None = None
    memory_age_s: float | None = None
    nodes: tuple[NodeView, ...] = ()

    @property
    def valid_safety(self) -> SafetyView | None:
        """Return the permit, or None when it is too old to say anything of now."""
        return self.safety if self.safety_age_s <= SAFETY_STALE_S else None
