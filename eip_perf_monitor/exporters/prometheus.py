"""The monitor's figures in Prometheus' text exposition format.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters.
A reading that is unavailable is left out, never exported as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from eip_perf_monitor.metrics import finite
from eip_perf_monitor.requests import RequestSummary
from eip_perf_monitor.robot import RobotView
from eip_perf_monitor.snapshot import Snapshot

__all__ = ['CONTENT_TYPE', 'PrometheusExporter']

CONTENT_TYPE: Final = 'text/plain; version=0.0.4; charset=utf-8'
MIB: Final = 1024.0 * 1024.0
MODES: Final = ('stopped', 'disarmed', 'protective', 'armed')
Labels = Mapping[str, str]
Sample = tuple[Labels, float | None]


class PrometheusExporter(Collector):
    """Renders snapshots for a scraper, from a registry of its own."""

    def __init__(self, take: Callable[[], Snapshot], robot: str = '') -> None:
        self._take = take
        self._robot = robot
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """Return one exposition; its type is CONTENT_TYPE."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the families are known once there are readings."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure that has a reading."""
        snapshot = self._take()
        for family in (
            *_requests(snapshot.requests),
            *_machine(snapshot),
            *_accelerators(snapshot),
            *_robot(snapshot.robot),
            *_nodes(snapshot),
        ):
            if family.samples:
                yield self._labelled(family)

    def _labelled(self, family: Metric) -> Metric:
        if self._robot:
            for sample in family.samples:
                sample.labels['robot'] = self._robot
        return family


def _gauge(name: str, text: str, *samples: Sample) -> Metric:
    family = GaugeMetricFamily(f'eip_{name}', text)
    return _filled(family, f'eip_{name}', samples)


def _counter(name: str, text: str, *samples: Sample) -> Metric:
    family = CounterMetricFamily(f'eip_{name}', text)
    return _filled(family, f'eip_{name}_total', samples)


def _filled(family: Metric, name: str, samples: Iterable[Sample]) -> Metric:
    for labels, value in samples:
        kept = finite(value)
        if kept is not None:
            family.add_sample(name, dict(labels), kept)
    return family


def _bytes(mib: float | None) -> float | None:
    return None if mib is None else mib * MIB


def _requests(r: RequestSummary) -> Iterator[Metric]:
    decisions = [({'decision': word}, count) for word, count in sorted(r.decisions_total.items())]
    yield _counter('requests', 'Requests answered, by verdict.', *decisions)
    yield _counter('request_failures', 'Requests without an answer.', ({}, r.failures_total))
    yield _counter(
        'request_tokens',
        'Tokens read and written by the model.',
        ({'direction': 'prompt'}, r.prompt_tokens_total),
        ({'direction': 'generated'}, r.generated_tokens_total),
    )
    buckets = [('+Inf' if b == float('inf') else f'{b:g}', n) for b, n in r.histogram]
    histogram = HistogramMetricFamily('eip_request_duration_seconds', 'Time to answer a request.')
    histogram.add_metric([], buckets, r.latency_sum_s)
    yield histogram
    exact = (('50', r.latency_p50_s), ('90', r.latency_p90_s), ('99', r.latency_p99_s))
    yield _gauge(
        'request_duration_window_seconds',
        'Exact percentiles of the time to answer, over the window.',
        *(({'percentile': p}, value) for p, value in exact),
    )
    yield _gauge('request_window_seconds', 'Span of that window.', ({}, r.window_s))
    yield _gauge(
        'request_safety_score_ratio',
        'Mean safety score over the window, 0 (harmful) to 1 (harmless).',
        ({}, r.mean_safety_score),
    )


def _machine(s: Snapshot) -> Iterator[Metric]:
    host = s.host
    yield _gauge('monitor_uptime_seconds', 'Time since the monitor started.', ({}, s.uptime_s))
    yield _gauge('host_cpu_ratio', 'Processor time in use.', ({}, host.cpu_ratio))
    yield _gauge('host_cpus', 'Processors of the host.', ({}, host.cpu_count))
    yield _gauge('host_load1', 'One-minute load average.', ({}, host.load_1m))
    used, total = _bytes(host.memory_used_mib), _bytes(host.memory_total_mib)
    yield _gauge('host_memory_used_bytes', 'Host memory in use.', ({}, used))
    yield _gauge('host_memory_size_bytes', 'Host memory.', ({}, total))
    alerts = [({'alert': a.rule.name, 'severity': a.rule.severity}, 1.0) for a in s.alerts]
    yield _gauge('alert_firing', 'Alerts that fire now.', *alerts)


def _accelerators(s: Snapshot) -> Iterator[Metric]:
    found = [
        ({'index': str(r.index), 'kind': r.kind, 'name': r.name}, r)
        for r in s.accelerators
        if r.name
    ]
    yield _gauge(
        'accelerator_up',
        '1 when the accelerator can be read.',
        *((labels, float(r.available)) for labels, r in found),
    )
    yield _gauge(
        'accelerator_utilisation_ratio',
        'Share of time busy.',
        *((labels, r.utilisation) for labels, r in found),
    )
    yield _gauge(
        'accelerator_memory_used_bytes',
        'Accelerator memory in use.',
        *((labels, _bytes(r.memory_used_mib)) for labels, r in found),
    )
    yield _gauge(
        'accelerator_memory_size_bytes',
        'Accelerator memory.',
        *((labels, _bytes(r.memory_total_mib)) for labels, r in found),
    )
    yield _gauge(
        'accelerator_temperature_celsius',
        'Temperature.',
        *((labels, r.temperature_c) for labels, r in found),
    )
    yield _gauge('accelerator_power_watts', 'Power.', *((labels, r.power_w) for labels, r in found))


def _robot(robot: RobotView) -> Iterator[Metric]:
    safety, memory = robot.valid_safety, robot.memory
    verdicts = [({'decision': word}, count) for word, count in robot.verdicts_total]
    yield _counter('verdicts', 'Verdicts of the guard.', *verdicts)
    events = [({'severity': word}, count) for word, count in robot.events_total]
    yield _counter('safety_events', 'Events of the safety monitor.', *events)
    age = robot.safety_age_s
    yield _gauge(
        'safety_state_age_seconds', "Time since the safety monitor's last message.", ({}, age)
    )
    if safety is not None:
        modes = [({'mode': mode}, float(mode == safety.mode)) for mode in MODES]
        speed, permitted = safety.max_linear_speed_mps, float(safety.motion_permitted)
        yield _gauge('safety_mode', "1 for the safety monitor's mode.", *modes)
        yield _gauge('safety_motion_permitted', '1 while motion is permitted.', ({}, permitted))
        yield _gauge('safety_linear_speed_limit_meters_per_second', 'Permitted speed.', ({}, speed))
        nearest = safety.nearest_person_m
        yield _gauge('nearest_person_meters', 'Distance to the nearest person.', ({}, nearest))
    if memory is not None:
        device = {'device': memory.device}
        used, budget = _bytes(memory.used_mib), _bytes(memory.budget_mib)
        yield _gauge('memory_budget_used_bytes', "Used of the model's budget.", (device, used))
        yield _gauge('memory_budget_size_bytes', "The model's budget.", (device, budget))
        pressure = float(memory.pressure)
        yield _gauge('memory_pressure', 'Pressure, 0 (none) to 3 (critical).', (device, pressure))


def _nodes(s: Snapshot) -> Iterator[Metric]:
    nodes = [({'node': n.name}, n) for n in s.robot.nodes]
    yield _gauge(
        'node_up', '1 while its heartbeat is heard.', *((x, float(not n.is_lost)) for x, n in nodes)
    )
    yield _gauge(
        'node_healthy', '1 while it can do its job.', *((x, float(n.healthy)) for x, n in nodes)
    )
    yield _counter('node_restarts', 'Restarts seen.', *((x, float(n.restarts)) for x, n in nodes))
    processes = [({'node': p.name}, p) for p in s.processes]
    yield _gauge('process_cpus', 'Processors in use.', *((x, p.cpu_ratio) for x, p in processes))
    yield _gauge(
        'process_resident_memory_bytes',
        'Resident memory.',
        *((x, _bytes(p.resident_mib)) for x, p in processes),
    )
    yield _gauge(
        'process_accelerator_memory_bytes',
        'Accelerator memory.',
        *((x, _bytes(p.accelerator_mib)) for x, p in processes),
    )
