"""The metrics that trends and alerts may name: one catalogue of names, units and meanings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

__all__ = ['METRICS', 'Metric', 'finite']

Metric = tuple[str, str]
"""Unit and meaning of a metric."""

METRICS: Final[Mapping[str, Metric]] = {
    'requests_per_s': ('1/s', 'requests answered per second'),
    'success_ratio': ('1', 'share of requests that were answered'),
    'latency_p50_s': ('s', 'median time from receipt to answer'),
    'latency_p90_s': ('s', '90th percentile of the time to answer'),
    'latency_p99_s': ('s', '99th percentile of the time to answer'),
    'tokens_per_s': ('1/s', 'tokens written by the model per second'),
    'mean_safety_score': ('1', 'mean safety score of the verdicts'),
    'rejected_ratio': ('1', 'share of requests with verdict reject'),
    'confirm_ratio': ('1', 'share of requests with verdict confirm'),
    'cpu_ratio': ('1', 'host processor time in use'),
    'load_per_cpu': ('1', 'one-minute load average per processor'),
    'memory_used_mib': ('MiB', 'host memory in use'),
    'memory_used_ratio': ('1', 'share of host memory in use'),
    'accelerator_utilisation': ('1', 'busiest accelerator, share of time busy'),
    'accelerator_memory_ratio': ('1', 'fullest accelerator, share of memory in use'),
    'accelerator_temperature_c': ('degC', 'hottest accelerator'),
    'accelerator_power_w': ('W', 'power of all accelerators'),
    'budget_used_mib': ('MiB', "used of the memory manager's budget"),
    'budget_used_ratio': ('1', "share used of the memory manager's budget"),
    'memory_pressure': ('1', 'memory pressure, 0 (none) to 3 (critical)'),
    'robot_resident_mib': ('MiB', "resident memory of the robot's own processes"),
    'nodes_lost': ('1', 'nodes whose heartbeat stopped'),
    'nodes_unhealthy': ('1', 'nodes that say that they cannot do their job'),
    'safety_state_age_s': ('s', "time since the safety monitor's last message, or since the start"),
    'permitted_speed_mps': ('m/s', 'linear speed that the safety monitor permits'),
    'nearest_person_m': ('m', 'distance to the nearest known person'),
}


def finite(value: float | None) -> float | None:
    """Return `value`, or None when it is None, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None
