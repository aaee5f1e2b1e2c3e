"""What the monitor's figures mean for rqt: one sentence, a level and values each."""

from __future__ import annotations

from typing import Final

from eip_perf_monitor.alerts import Severity
from eip_perf_monitor.snapshot import Snapshot
from eip_ros.diagnostics import Diagnosis, Level

__all__ = [
    'diagnose_accelerators',
    'diagnose_alerts',
    'diagnose_host',
    'diagnose_nodes',
    'diagnose_requests',
]

_LEVELS: Final = {
    Severity.INFO: Level.OK,
    Severity.WARNING: Level.WARN,
    Severity.CRITICAL: Level.ERROR,
}
UNAVAILABLE: Final = 'unavailable'


def diagnose_requests(s: Snapshot, malformed: int) -> Diagnosis:
    """Say how requests went in the window."""
    r = s.requests
    values = {
        'requests in window': r.requests,
        'window (s)': f'{r.window_s:.0f}',
        'requests since start': r.requests_total,
        'failures since start': r.failures_total,
        'p50 (s)': _text(r.latency_p50_s),
        'p90 (s)': _text(r.latency_p90_s),
        'p99 (s)': _text(r.latency_p99_s),
        'malformed records': malformed,
    }
    if malformed:
        return Diagnosis(Level.WARN, f'{malformed} malformed records were refused', values)
    if not r.requests:
        return Diagnosis(Level.OK, 'no requests in the window', values)
    return Diagnosis(Level.OK, f'{r.requests} requests in {r.window_s:.0f} s', values)


def diagnose_host(s: Snapshot) -> Diagnosis:
    """Say how busy the host is."""
    host = s.host
    values = {
        'cpu (0-1)': _text(host.cpu_ratio),
        'load 1 min': _text(host.load_1m),
        'memory used (MiB)': _text(host.memory_used_mib, 0),
        'memory total (MiB)': _text(host.memory_total_mib, 0),
    }
    if host.cpu_ratio is None or host.memory_used_mib is None:
        return Diagnosis(Level.WARN, 'the host cannot be read in full', values)
    return Diagnosis(Level.OK, f'processors {host.cpu_ratio:.0%} in use', values)


def diagnose_accelerators(s: Snapshot) -> Diagnosis:
    """Say what the accelerators do; none at all is no fault."""
    found = [r for r in s.accelerators if r.available]
    if not found:
        return Diagnosis(Level.OK, f'{UNAVAILABLE}: {s.accelerators[0].reason}')
    values = {
        f'{r.name} {r.index}': f'{_text(r.utilisation)} busy, {_text(r.memory_used_mib, 0)} of '
        f'{_text(r.memory_total_mib, 0)} MiB, {_text(r.temperature_c, 0)} degC'
        for r in found
    }
    lost = [r for r in s.accelerators if not r.available]
    if lost:
        return Diagnosis(Level.ERROR, f'{lost[0].name}: {lost[0].reason}', values)
    return Diagnosis(Level.OK, f'{len(found)} can be read', values)


def diagnose_nodes(s: Snapshot) -> Diagnosis:
    """Say which nodes live."""
    values = {
        node.name: 'lost' if node.is_lost else node.detail or 'healthy' for node in s.robot.nodes
    }
    lost = [node.name for node in s.robot.nodes if node.is_lost]
    ill = [node.name for node in s.robot.nodes if not node.is_lost and not node.healthy]
    if lost:
        return Diagnosis(Level.ERROR, f'no heartbeat from {", ".join(lost)}', values)
    if ill:
        return Diagnosis(Level.WARN, f'not healthy: {", ".join(ill)}', values)
    return Diagnosis(Level.OK, f'{len(values)} nodes healthy', values)


def diagnose_alerts(s: Snapshot) -> Diagnosis:
    """Say what fires, worst first."""
    if not s.alerts:
        return Diagnosis(Level.OK, 'no alert fires')
    worst = s.alerts[0]
    values = {a.rule.name: f'{a.rule.message} {a.rule.remedy}' for a in s.alerts}
    return Diagnosis(_LEVELS[worst.severity], f'{worst.rule.name}: {worst.rule.message}', values)


def _text(value: float | None, digits: int = 3) -> str:
    return UNAVAILABLE if value is None else f'{value:.{digits}f}'
