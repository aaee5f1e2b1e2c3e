"""Between the memory manager's dataclasses and the messages of package `eip`."""

from __future__ import annotations

from typing import Any

from eip.msg import MemoryClient, MemoryStatus, TrendSeries
from eip_llm_interface.memory_history import Series
from eip_llm_interface.robot_memory import RobotUsage

__all__ = ['series_to_message', 'status_to_message']


def status_to_message(usage: RobotUsage, stamp: Any = None) -> Any:
    """Return a RobotUsage as an eip/MemoryStatus; what is unavailable becomes -1."""
    accelerator = usage.accelerator
    message = MemoryStatus(
        device=usage.device,
        budget_mib=float(usage.budget_mib),
        used_mib=float(usage.used_mib),
        peak_mib=float(usage.peak_mib),
        host_total_mib=float(usage.host_total_mib),
        host_available_mib=float(usage.host_available_mib),
        accelerator_available=accelerator.available,
        accelerator_reason=accelerator.reason,
        accelerator_total_mib=_or_minus_one(accelerator.total_mib),
        accelerator_used_mib=_or_minus_one(accelerator.used_mib),
        pressure=int(usage.pressure),
        used_ratio=float(usage.used_ratio),
        trend_mib_per_s=float(usage.trend_mib_per_s),
        seconds_to_limit=_or_minus_one(usage.seconds_to_limit),
        clients=[
            MemoryClient(
                name=item.name,
                pid=item.pid,
                resident_mib=float(item.resident_mib),
                accelerator_mib=_or_minus_one(item.accelerator_mib),
                reclaimable_mib=_or_minus_one(item.reclaimed_mib),
            )
            for item in usage.processes
        ],
    )
    if stamp is not None:
        message.header.stamp = stamp
    return message


def series_to_message(series: Series) -> Any:
    """Return a Series as an eip/TrendSeries."""
    return TrendSeries(
        metric=series.metric,
        unit=series.unit,
        stamps_s=list(series.ages_s),
        values=list(series.values),
        slope_per_s=float(series.slope_per_s),
    )


def _or_minus_one(value: float | None) -> float:
    return -1.0 if value is None else float(value)
