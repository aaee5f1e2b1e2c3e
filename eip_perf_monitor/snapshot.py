"""Everything the monitor knows at one moment."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from eip_perf_monitor.accelerators.accelerator import AcceleratorReading
from eip_perf_monitor.alerts import Alert
from eip_perf_monitor.host import HostReading, ProcessReading
from eip_perf_monitor.requests import RequestSummary
from eip_perf_monitor.robot import RobotView

__all__ = ['Snapshot', 'measure', 'to_plain']


@dataclass(frozen=True)
class Snapshot:
    """One look at requests, host, accelerators, processes, robot and alerts.

    `metrics` holds every metric of `eip_perf_monitor.metrics`, None where unavailable;
    `changes` the alerts that began or ended with this sample.
    """

    taken_at_s: float
    uptime_s: float
    requests: RequestSummary
    host: HostReading
    accelerators: tuple[AcceleratorReading, ...]
    processes: tuple[ProcessReading, ...]
    robot: RobotView
    alerts: tuple[Alert, ...] = ()
    changes: tuple[Alert, ...] = ()
    metrics: Mapping[str, float | None] = field(default_factory=dict)


def measure(snapshot: Snapshot) -> dict[str, float | None]:
    """Return the metrics that `snapshot` gives, None where unavailable."""
    return {
        **_of_requests(snapshot.requests),
        **_of_host(snapshot.host),
        **_of_accelerators(snapshot.accelerators),
        **_of_robot(snapshot.robot, snapshot.processes),
    }


def to_plain(value: Any) -> Any:
    """Return dataclasses, tuples and enums as JSON knows them; NaN and infinity become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name.lower()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (f.name for f in dataclasses.fields(value))
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(v) for v in value]
    return value


def _of_requests(r: RequestSummary) -> dict[str, float | None]:
    return {
        'requests_per_s': r.requests_per_s,
        'success_ratio': r.success_ratio,
        'latency_p50_s': r.latency_p50_s,
        'latency_p90_s': r.latency_p90_s,
        'latency_p99_s': r.latency_p99_s,
        'tokens_per_s': r.tokens_per_s,
        'mean_safety_score': r.mean_safety_score,
        'rejected_ratio': r.rejected / r.requests if r.requests else None,
        'confirm_ratio': r.confirm / r.requests if r.requests else None,
    }


def _of_host(host: HostReading) -> dict[str, float | None]:
    return {
        'cpu_ratio': host.cpu_ratio,
        'load_per_cpu': None if host.load_1m is None else host.load_1m / host.cpu_count,
        'memory_used_mib': host.memory_used_mib,
        'memory_used_ratio': host.memory_used_ratio,
    }


def _of_accelerators(readings: tuple[AcceleratorReading, ...]) -> dict[str, float | None]:
    found = [reading for reading in readings if reading.available]
    powers = [r.power_w for r in found if r.power_w is not None]
    return {
        'accelerator_utilisation': _greatest(r.utilisation for r in found),
        'accelerator_memory_ratio': _greatest(r.memory_ratio for r in found),
        'accelerator_temperature_c': _greatest(r.temperature_c for r in found),
        'accelerator_power_w': sum(powers) if powers else None,
    }


def _of_robot(robot: RobotView, processes: tuple[ProcessReading, ...]) -> dict[str, float | None]:
    memory, safety = robot.memory, robot.valid_safety
    resident = [p.resident_mib for p in processes if p.resident_mib is not None]
    return {
        'budget_used_mib': memory.used_mib if memory else None,
        'budget_used_ratio': memory.used_ratio if memory else None,
        'memory_pressure': float(memory.pressure) if memory else None,
        'robot_resident_mib': sum(resident) if resident else None,
        'nodes_lost': float(sum(n.is_lost for n in robot.nodes)) if robot.nodes else None,
        'nodes_unhealthy': float(sum(not n.healthy and not n.is_lost for n in robot.nodes))
        if robot.nodes
        else None,
        'safety_state_age_s': robot.safety_age_s,
        'permitted_speed_mps': safety.max_linear_speed_mps if safety else None,
        'nearest_person_m': safety.nearest_person_m if safety else None,
    }


def _greatest(values: Any) -> float | None:
    kept = [value for value in values if value is not None]
    return max(kept) if kept else None
