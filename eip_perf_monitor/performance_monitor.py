"""The performance monitor: records requests, samples host and devices, keeps trends, alerts."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from eip_perf_monitor.accelerators.accelerator import (
    AcceleratorProbe,
    AcceleratorReading,
    read_accelerators,
)
from eip_perf_monitor.accelerators.nvml import NvmlProbe
from eip_perf_monitor.alert_rules import AlertRule, find_alerts_file, load_rules
from eip_perf_monitor.alerts import Alert, AlertEngine
from eip_perf_monitor.board import Board
from eip_perf_monitor.config import MonitorConfig
from eip_perf_monitor.host import HostProbe, ProcessProbe, ProcessReading
from eip_perf_monitor.requests import Request, RequestStatistics
from eip_perf_monitor.snapshot import Snapshot, measure
from eip_perf_monitor.trends import Trend, TrendStore

__all__ = ['PerformanceMonitor']


class PerformanceMonitor:
    """Watches a language model and the machine below it; every method is thread-safe.

    `llm` is the model that `PerformanceBenchmark` asks; the monitor itself never calls it.
    `board` is where a node pins what it hears from the robot; `on_alert` is called, by the thread
    that samples, with every alert that begins or ends. Raises AlertFileError when the
    rules cannot be read.
    """

    def __init__(
        self,
        llm: Any = None,
        *,
        config: MonitorConfig | None = None,
        rules: Iterable[AlertRule] | None = None,
        accelerators: Sequence[AcceleratorProbe] | None = None,
        on_alert: Callable[[Alert], None] = lambda alert: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.llm = llm
        self.config = config or MonitorConfig()
        self.board = Board(clock)
        if rules is None:
            named = self.config.alerts_file
            rules = load_rules(Path(named).expanduser() if named else find_alerts_file())
        self._on_alert = on_alert
        self._clock = clock
        self._started_at = clock()
        self._requests = RequestStatistics(self.config.window_s, self.config.capacity, clock)
        self._host = HostProbe(clock)
        self._processes = ProcessProbe()
        self._accelerators = (NvmlProbe(),) if accelerators is None else tuple(accelerators)
        self._trends = TrendStore(clock=clock)
        self._alerts = AlertEngine(rules, clock)
        self._lock = threading.Lock()
        self._last: tuple[float, Snapshot] | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """Return every alert rule."""
        return self._alerts.rules

    @property
    def sample_age_s(self) -> float | None:
        """Return the time since the last sample, s; None before the first."""
        last = self._last
        return None if last is None else self._clock() - last[0]

    def record_request(
        self,
        request_id: str,
        processing_time: float,
        safety_score: float,
        success: bool,
        **details: Any,
    ) -> None:
        """Count one request; `processing_time` in s, `safety_score` 0 to 1.

        `details` are further fields of `requests.Request`. Raises ValueError naming field and
        value.
        """
        self._requests.record(
            Request(request_id, processing_time, safety_score, success, **details)
        )

    def sample(self) -> Snapshot:
        """Read host, devices and processes, keep the trends, judge the alerts."""
        found = self._sample()
        for alert in found.changes:
            self._on_alert(alert)
        return found

    def _sample(self) -> Snapshot:
        with self._lock:
            accelerators = read_accelerators(self._accelerators)
            robot = self.board.read()
            pids = {node.name: None if node.is_lost else node.pid for node in robot.nodes}
            found = Snapshot(
                time.time(),
                self._clock() - self._started_at,
                self._requests.summary(),
                self._host.read(),
                accelerators,
                _with_accelerator(self._processes.read(pids), accelerators),
                robot,
            )
            metrics = measure(found)
            self._trends.add(metrics)
            changes = self._alerts.evaluate(metrics)
            found = dataclasses.replace(
                found, metrics=metrics, changes=changes, alerts=self._alerts.active
            )
            self._last = (self._clock(), found)
            return found

    def snapshot(self) -> Snapshot:
        """Return everything known now; the machine is read anew when the last look is old."""
        with self._lock:
            last = self._last
        if last is None or self._clock() - last[0] > 2 * self.config.sample_period_s:
            return self.sample()
        fresh = dataclasses.replace(
            last[1],
            uptime_s=self._clock() - self._started_at,
            taken_at_s=time.time(),
            requests=self._requests.summary(),
            robot=self.board.read(),
            changes=(),
        )
        return dataclasses.replace(fresh, metrics=measure(fresh))

    def active_alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that fire now, worst first."""
        with self._lock:
            return self._alerts.active

    def get_trends(
        self, metrics: Sequence[str] = (), window_s: float = 0.0, max_points: int = 0
    ) -> tuple[Trend, ...]:
        """Return metrics over time; see `TrendStore.get`. Raises UnknownMetricError."""
        return self._trends.get(metrics, window_s, max_points)

    def start(self) -> None:
        """Sample in a thread of its own every `sample_period_s`, until `stop`."""
        if self._thread is not None:
            return
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name='performance', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread that `start` began."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop sampling and release the devices' libraries."""
        self.stop()
        for probe in self._accelerators:
            probe.close()

    def _run(self) -> None:
        while not self._ending.wait(self.config.sample_period_s):
            self.sample()


def _with_accelerator(
    processes: tuple[ProcessReading, ...], accelerators: tuple[AcceleratorReading, ...]
) -> tuple[ProcessReading, ...]:
    held: dict[int, float] = {}
    for reading in accelerators:
        for pid, mib in reading.process_mib.items():
            held[pid] = held.get(pid, 0.0) + mib
    return tuple(
        dataclasses.replace(p, accelerator_mib=held[p.pid]) if p.pid in held else p
        for p in processes
    )
