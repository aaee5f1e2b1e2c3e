"""What the monitor decided and what held the robot so far, for the topic `diagnostics`."""

from __future__ import annotations

from collections.abc import Sequence

from eip_ros.diagnostics import Diagnosis, Level
from eip_safety_monitor.cause_statistics import CauseFigures
from eip_safety_monitor.events import State
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.violation_statistics import told_ago

__all__ = ['diagnose_causes', 'diagnose_state']

LEVELS = {Mode.ARMED: Level.OK, Mode.DISARMED: Level.OK, Mode.PROTECTIVE: Level.WARN}


def diagnose_state(state: State) -> Diagnosis:
    """Return one diagnosis of the monitor's state: an error while it is stopped."""
    values = {
        'active_causes': ', '.join(state.active_causes),
        'nearest_person_m': f'{state.nearest_person_m:.2f}',
        'nearest_obstacle_m': f'{state.nearest_obstacle_m:.2f}',
        'max_linear_speed_mps': f'{state.limits.linear_mps:.2f}',
    }
    level = LEVELS.get(state.mode, Level.ERROR)
    return Diagnosis(level, state.cause or 'motion is permitted', values)


def diagnose_causes(causes: Sequence[CauseFigures], now_ns: int) -> Diagnosis:
    """Return one diagnosis of all causes since the start; a warning while one stands."""
    values: dict[str, str] = {}
    for cause in causes:
        values |= {
            f'{cause.identifier}.times': str(cause.times),
            f'{cause.identifier}.stood_s': f'{cause.stood_s:.1f}',
            f'{cause.identifier}.last': told_ago(cause.last_ns, now_ns),
            f'{cause.identifier}.trend': cause.trend,
        }
    standing = [cause.identifier for cause in causes if cause.stands]
    if standing:
        return Diagnosis(Level.WARN, f'stands: {", ".join(standing)}', values)
    return Diagnosis(Level.OK, 'no cause stands', values)
