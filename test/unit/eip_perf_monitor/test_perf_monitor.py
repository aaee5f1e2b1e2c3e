"""The monitor as a Python user meets it, and the board on which a node pins what it hears."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from eip_perf_monitor.accelerators.accelerator import AcceleratorReading
from eip_perf_monitor.alert_rules import AlertFileError, AlertRule
from eip_perf_monitor.alerts import Alert
from eip_perf_monitor.board import Board
from eip_perf_monitor.config import MonitorConfig
from eip_perf_monitor.metrics import METRICS
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.robot import MemoryView, SafetyView, VerdictView
from eip_perf_monitor.snapshot import to_plain

SLOW = AlertRule('slow', 'latency_p99_s', '>', 1.0, 'critical', 'Slow.', 'Hurry.')


class Gpu:
    """An accelerator that is there."""

    kind = 'test'

    def __init__(self) -> None:
        self.is_closed = False

    def read(self) -> tuple[AcceleratorReading, ...]:
        return (
            AcceleratorReading('G', 'test', True, '', 0, 0.5, 100.0, 400.0, 50.0, 20.0, {7: 3.0}),
        )

    def close(self) -> None:
        self.is_closed = True


class Turned:
    """A monitor and a clock to turn."""

    def __init__(self, **options: object) -> None:
        self.now_s = 0.0
        self.monitor = PerformanceMonitor(clock=lambda: self.now_s, **options)  # type: ignore[arg-type]


def test_a_request_shows_in_the_next_snapshot() -> None:
    monitor = PerformanceMonitor(accelerators=())
    monitor.record_request('r1', 0.2, 0.9, True, decision='allow', generated_tokens=3)
    found = monitor.snapshot()
    assert found.requests.requests_total == 1
    assert found.metrics['latency_p50_s'] == pytest.approx(0.2)
    monitor.record_request('r2', 0.4, 0.9, True)
    assert monitor.snapshot().requests.requests_total == 2


def test_every_metric_is_in_every_snapshot_and_absent_hardware_is_none() -> None:
    monitor = PerformanceMonitor(accelerators=())
    found = monitor.snapshot()
    assert set(found.metrics) == set(METRICS)
    for name in ('accelerator_utilisation', 'memory_pressure', 'latency_p99_s', 'success_ratio'):
        assert found.metrics[name] is None
    assert found.accelerators[0].available is False
    assert found.accelerators[0].reason


def test_an_accelerator_is_measured_and_its_memory_given_to_its_process() -> None:
    gpu = Gpu()
    monitor = PerformanceMonitor(accelerators=[gpu])
    monitor.board.put_beat('llm', 'a', 7, 0.1, True)
    found = monitor.sample()
    assert found.metrics['accelerator_memory_ratio'] == pytest.approx(0.25)
    assert found.metrics['accelerator_power_w'] == 20.0
    assert found.processes[0].accelerator_mib == 3.0
    monitor.close()
    assert gpu.is_closed


def test_an_alert_reaches_its_listener_once_and_shows_while_it_fires() -> None:
    heard: list[Alert] = []
    bench = Turned(rules=[SLOW], accelerators=(), on_alert=heard.append)
    bench.monitor.record_request('r', 3.0, 0.5, True)
    for _ in range(3):
        bench.now_s += 1
        bench.monitor.sample()
    assert [a.firing for a in heard] == [True]
    assert [a.rule.name for a in bench.monitor.snapshot().alerts] == ['slow']
    bench.now_s += 120
    bench.monitor.sample()
    assert [a.firing for a in heard] == [True, False]
    assert bench.monitor.active_alerts() == ()


def test_an_alert_is_heard_even_when_a_snapshot_took_the_sample() -> None:
    heard: list[Alert] = []
    bench = Turned(rules=[SLOW], accelerators=(), on_alert=heard.append)
    bench.monitor.record_request('r', 3.0, 0.5, True)
    bench.monitor.snapshot()
    assert [a.rule.name for a in heard] == ['slow']


def test_sampling_in_its_own_thread_starts_and_ends(wait_until: Callable[..., None]) -> None:
    monitor = PerformanceMonitor(config=MonitorConfig(sample_period_s=0.1), accelerators=())
    monitor.start()
    monitor.start()
    wait_until(lambda: len(monitor.get_trends(['cpu_ratio'])[0].values) >= 3, what='three samples')
    monitor.stop()
    count = len(monitor.get_trends(['cpu_ratio'])[0].values)
    assert monitor.sample_age_s is not None
    assert not [t for t in threading.enumerate() if t.name == 'performance']
    assert len(monitor.get_trends(['cpu_ratio'])[0].values) == count


def test_many_threads_may_use_it_at_once() -> None:
    monitor = PerformanceMonitor(rules=[SLOW], accelerators=())
    problems: list[BaseException] = []

    def use(action: Callable[[], object]) -> None:
        try:
            for _ in range(100):
                action()
        except BaseException as error:
            problems.append(error)

    actions: list[Callable[[], object]] = [
        lambda: monitor.record_request('r', 0.1, 0.5, True),
        monitor.snapshot,
        monitor.sample,
        lambda: monitor.get_trends(['cpu_ratio']),
        lambda: monitor.board.put_beat('n', 'a', None, 0.1, True),
        monitor.active_alerts,
    ]
    threads = [threading.Thread(target=use, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert monitor.snapshot().requests.requests_total == 100


def test_a_snapshot_is_json_without_nan() -> None:
    monitor = PerformanceMonitor(accelerators=())
    monitor.board.put_memory(MemoryView('cpu', math.nan, 1.0, 0.1, 1, 'moderate', None, None))
    text = json.dumps(to_plain(monitor.snapshot()), allow_nan=False)
    assert json.loads(text)['robot']['memory']['budget_mib'] is None


def test_an_unreadable_rule_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'none.yaml'
    with pytest.raises(AlertFileError, match=r'none\.yaml'):
        PerformanceMonitor(config=MonitorConfig(alerts_file=str(path)))


@pytest.mark.parametrize(
    ('field', 'value'),
    [('port', 70000), ('window_s', math.nan), ('window_s', 0.0), ('host', ' '), ('capacity', 1)],
)
def test_a_setting_out_of_range_is_named_with_its_value(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf'^{field} is '):
        MonitorConfig(**{field: value})  # type: ignore[arg-type]


class TestBoard:
    """What a node pins."""

    def setup_method(self) -> None:
        self.now_s = 10.0
        self.board = Board(lambda: self.now_s, keep=3)

    def test_a_node_is_lost_once_its_beats_stop_and_found_again(self) -> None:
        self.board.put_beat('llm', 'a', 7, 0.1, True)
        self.now_s += 0.9
        assert not self.board.read().nodes[0].is_lost
        self.now_s += 0.2
        assert self.board.read().nodes[0].is_lost
        self.board.put_beat('llm', 'b', 8, 0.1, True)
        (node,) = self.board.read().nodes
        assert (node.is_lost, node.restarts, node.pid) == (False, 1, 8)

    def test_a_slow_heart_is_given_five_of_its_beats(self) -> None:
        self.board.put_beat('slow', 'a', None, 2.0, True)
        self.now_s += 9.9
        assert not self.board.read().nodes[0].is_lost
        self.now_s += 0.2
        assert self.board.read().nodes[0].is_lost

    def test_an_old_permit_says_nothing_of_now(self) -> None:
        self.board.put_safety(SafetyView('armed', True, max_linear_speed_mps=0.5))
        assert self.board.read().valid_safety is not None
        self.now_s += 0.6
        assert self.board.read().valid_safety is None
        assert self.board.read().safety_age_s == pytest.approx(0.6)

    def test_a_monitor_that_never_spoke_grows_old_all_the_same(self) -> None:
        self.now_s += 5
        assert self.board.read().safety_age_s == pytest.approx(5.0)

    def test_old_memory_figures_are_dropped(self) -> None:
        self.board.put_memory(MemoryView('cpu', 1.0, 1.0, 1.0, 0, 'none', None, None))
        self.now_s += 11
        assert self.board.read().memory is None

    def test_the_last_verdicts_stay_newest_first_and_all_are_counted(self) -> None:
        for index in range(5):
            self.board.put_verdict(
                VerdictView(0.0, f'r{index}', 'x', 'command', None, 'allow', 1.0, '', None)
            )
        view = self.board.read()
        assert [v.request_id for v in view.verdicts] == ['r4', 'r3', 'r2']
        assert view.verdicts_total == (('allow', 5),)
