"""What a user may set of the performance monitor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ['MonitorConfig']


def _field(default: Any, description: str, unit: str = '', limits: Any = None) -> Any:
    metadata = {'description': description, 'unit': unit, 'range': limits, 'read_only': True}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class MonitorConfig:
    """Settings of the monitor and its page; raises ValueError naming field and value."""

    window_s: float = _field(60.0, 'length of the window for request figures', 's', (1.0, 3600.0))
    capacity: int = _field(10_000, 'most requests kept in the window', 'requests', (100, 1_000_000))
    sample_period_s: float = _field(1.0, 'time between two samples', 's', (0.1, 60.0))
    alerts_file: str = _field('', 'alert rules; empty for the shipped config/alerts.yaml')
    page_enabled: bool = _field(True, 'serve page, /metrics and API by HTTP')
    host: str = _field('127.0.0.1', 'address to listen on')
    port: int = _field(8090, 'port to listen on; 0 for any free one', '', (0, 65535))
    llm_node: str = _field('safety_llm', 'node whose ~/generate the benchmark calls')
    benchmark_timeout_s: float = _field(
        30.0, 'longest wait for one answer in a benchmark', 's', (0.1, 3600.0)
    )

    def __post_init__(self) -> None:
        for name, spec in type(self).__dataclass_fields__.items():
            limits = spec.metadata['range']
            value = getattr(self, name)
            if limits and not (math.isfinite(value) and limits[0] <= value <= limits[1]):
                raise ValueError(f'{name} is {value}, must be {limits[0]} to {limits[1]}')
        for name in ('host', 'llm_node'):
            if not getattr(self, name).strip():
                raise ValueError(f'{name} is empty, must name one')
