"""Between the monitor's dataclasses and the messages of `eip`."""

from __future__ import annotations

import math
from typing import Any

from eip.msg import (
    AcceleratorStatus,
    Heartbeat,
    MemoryClient,
    MemoryStatus,
    PerformanceStatus,
    PlanStatus,
    RequestRecord,
    SafetyEvent,
    SafetyState,
    SafetyVerdict,
    TrendSeries,
)
from eip.msg import Alert as AlertMessage
from eip.srv import GenerateResponse
from eip_perf_monitor.accelerators.accelerator import AcceleratorReading
from eip_perf_monitor.alerts import Alert
from eip_perf_monitor.benchmark import Answer
from eip_perf_monitor.board import Board
from eip_perf_monitor.host import ProcessReading
from eip_perf_monitor.metrics import finite
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.robot import (
    EventView,
    MemoryView,
    PlanView,
    SafetyView,
    VerdictView,
    ViolationView,
)
from eip_perf_monitor.snapshot import Snapshot
from eip_perf_monitor.trends import Trend

__all__ = [
    'alert_message',
    'event_view',
    'memory_view',
    'plan_view',
    'put_beat',
    'read_generation',
    'record',
    'safety_view',
    'status_message',
    'trend_message',
    'verdict_view',
]

NAN = math.nan
_MOST = 16
_DECISIONS = {
    SafetyVerdict.REJECT: 'reject',
    SafetyVerdict.CONFIRM: 'confirm',
    SafetyVerdict.ALLOW: 'allow',
}
_MODES = {
    SafetyState.STOPPED: 'stopped',
    SafetyState.DISARMED: 'disarmed',
    SafetyState.PROTECTIVE: 'protective',
    SafetyState.ARMED: 'armed',
}
_EVENT_SEVERITIES = {
    SafetyEvent.INFO: 'info',
    SafetyEvent.WARNING: 'warning',
    SafetyEvent.STOP: 'stop',
}
_PLAN_STATES = ('idle', 'running', 'held', 'succeeded', 'failed', 'cancelled')
_PRESSURES = ('none', 'moderate', 'high', 'critical')


def _seconds(stamp: Any) -> float:
    return float(stamp.sec) + stamp.nanosec * 1e-9


def _non_negative(value: float) -> float | None:
    """Return `value`, or None for NaN, infinity, and the -1 that stands for unavailable."""
    kept = finite(value)
    return kept if kept is not None and kept >= 0 else None


def _short(text: str, most: int = 300) -> str:
    """Return `text` cut to `most` characters: what is kept must not grow with what is sent."""
    return text if len(text) <= most else text[: most - 1] + '…'


def _decision(number: int) -> str:
    return _DECISIONS.get(number, 'reject')


def record(monitor: PerformanceMonitor, message: RequestRecord) -> None:
    """Record one request; raises ValueError when the message holds what cannot be."""
    monitor.record_request(
        _short(message.request_id),
        message.processing_time_s,
        message.safety_score,
        message.success,
        decision=_decision(message.decision) if message.success else '',
        kind=_short(message.kind),
        queue_time_s=message.queue_time_s,
        guard_time_s=message.guard_time_s,
        time_to_first_token_s=message.time_to_first_token_s,
        prompt_tokens=message.prompt_tokens,
        generated_tokens=message.generated_tokens,
        cached=message.cached,
    )


def put_beat(board: Board, message: Heartbeat, own_boot_id: str) -> None:
    """Pin one heartbeat; a process id counts only on the host that it belongs to."""
    is_here = bool(message.pid) and message.boot_id == own_boot_id
    board.put_beat(
        _short(message.node),
        _short(message.instance_id),
        message.pid if is_here else None,
        finite(message.period_s) or 0.0,
        message.healthy,
        _short(message.detail),
    )


def safety_view(message: SafetyState) -> SafetyView:
    """Return the permit as plain values; an unknown mode is a stop."""
    return SafetyView(
        _MODES.get(message.mode, 'stopped'),
        message.motion_permitted and message.mode == SafetyState.ARMED,
        _short(message.cause, 1000),
        tuple(_short(cause) for cause in message.active_causes[:_MOST]),
        finite(message.max_linear_speed_mps) or 0.0,
        finite(message.max_angular_speed_radps) or 0.0,
        message.latched,
        message.resettable,
        _non_negative(message.nearest_person_m),
        _non_negative(message.nearest_obstacle_m),
        _non_negative(message.protective_distance_m),
    )


def verdict_view(message: SafetyVerdict) -> VerdictView:
    """Return the verdict as plain values."""
    violations = tuple(
        ViolationView(
            _short(v.rule),
            _short(v.category),
            finite(v.severity) or 0.0,
            _short(v.evidence),
            _short(v.explanation),
            _short(v.standard),
            _short(v.channel),
        )
        for v in message.violations[:_MOST]
    )
    return VerdictView(
        _seconds(message.header.stamp),
        _short(message.request_id),
        _short(message.text, 1000),
        _short(message.stage),
        message.step_index if message.step_index >= 0 else None,
        _decision(message.decision),
        finite(message.safety_score),
        _short(message.reason),
        _non_negative(message.latency_s),
        violations,
    )


def event_view(message: SafetyEvent) -> EventView:
    """Return the event as plain values; an unknown severity is a stop."""
    return EventView(
        _seconds(message.header.stamp),
        _EVENT_SEVERITIES.get(message.severity, 'stop'),
        _short(message.kind),
        _short(message.cause),
        _short(message.message),
        _short(message.operator_name),
        _short(message.reason),
    )


def plan_view(message: PlanStatus) -> PlanView:
    """Return the plan's state as plain values."""
    is_known = message.state < len(_PLAN_STATES)
    return PlanView(
        _PLAN_STATES[message.state] if is_known else f'unknown ({message.state})',
        _short(message.plan_id),
        _short(message.skill),
        min(message.step_index + 1, message.step_count),
        message.step_count,
        _short(message.message),
    )


def memory_view(message: MemoryStatus) -> MemoryView:
    """Return the memory manager's status as plain values; unknown pressure is critical."""
    pressure = min(message.pressure, MemoryStatus.CRITICAL)
    return MemoryView(
        _short(message.device),
        _non_negative(message.budget_mib),
        _non_negative(message.used_mib),
        _non_negative(message.used_ratio),
        pressure,
        _PRESSURES[pressure],
        finite(message.trend_mib_per_s),
        _non_negative(message.seconds_to_limit),
    )


def read_generation(response: GenerateResponse.Response) -> Answer:
    """Return what a benchmark keeps of an answer of ~/generate."""
    result = response.result
    return Answer(
        result.success,
        finite(result.verdict.safety_score) or 0.0,
        _decision(result.verdict.decision),
        result.prompt_tokens,
        result.generated_tokens,
        result.error,
    )


def status_message(snapshot: Snapshot) -> PerformanceStatus:
    """Return `performance/status`; the header is the caller's."""
    requests, host = snapshot.requests, snapshot.host
    return PerformanceStatus(
        uptime_s=snapshot.uptime_s,
        window_s=requests.window_s,
        requests_total=requests.requests_total,
        failures_total=requests.failures_total,
        requests_in_window=requests.requests,
        requests_per_s=requests.requests_per_s,
        success_ratio=_or_nan(requests.success_ratio),
        latency_p50_s=_or_nan(requests.latency_p50_s),
        latency_p90_s=_or_nan(requests.latency_p90_s),
        latency_p99_s=_or_nan(requests.latency_p99_s),
        tokens_per_s=requests.tokens_per_s,
        mean_safety_score=_or_nan(requests.mean_safety_score),
        rejected_in_window=requests.rejected,
        confirm_in_window=requests.confirm,
        cpu_ratio=_or_nan(host.cpu_ratio),
        memory_used_mib=_or_nan(host.memory_used_mib),
        memory_total_mib=_or_nan(host.memory_total_mib),
        accelerators=[_accelerator(reading) for reading in snapshot.accelerators],
        processes=[_process(reading) for reading in snapshot.processes if reading.available],
        active_alerts=[alert.rule.name for alert in snapshot.alerts],
    )


def alert_message(alert: Alert) -> AlertMessage:
    """Return `performance/alert`; the header is the caller's."""
    rule = alert.rule
    return AlertMessage(
        name=rule.name,
        severity=int(alert.severity),
        firing=alert.firing,
        metric=rule.metric,
        value=_or_nan(alert.value),
        threshold=float(rule.threshold),
        unit=alert.unit,
        message=rule.message,
        remedy=rule.remedy,
    )


def trend_message(trend: Trend) -> TrendSeries:
    """Return one series of ~/trends."""
    return TrendSeries(
        metric=trend.metric,
        unit=trend.unit,
        stamps_s=trend.stamps_s,
        values=trend.values,
        slope_per_s=trend.slope_per_s,
    )


def _accelerator(reading: AcceleratorReading) -> AcceleratorStatus:
    return AcceleratorStatus(
        name=reading.name,
        kind=reading.kind,
        available=reading.available,
        reason=reading.reason,
        utilisation=_or_nan(reading.utilisation),
        memory_used_mib=_or_nan(reading.memory_used_mib),
        memory_total_mib=_or_nan(reading.memory_total_mib),
        temperature_c=_or_nan(reading.temperature_c),
        power_w=_or_nan(reading.power_w),
    )


def _process(reading: ProcessReading) -> MemoryClient:
    held = reading.accelerator_mib
    return MemoryClient(
        name=reading.name,
        pid=reading.pid or 0,
        resident_mib=_or_nan(reading.resident_mib),
        accelerator_mib=-1.0 if held is None else held,
        reclaimable_mib=-1.0,
    )


def _or_nan(value: float | None) -> float:
    return NAN if value is None else value
