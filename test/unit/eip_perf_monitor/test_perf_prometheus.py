"""The exposition is valid, named by the conventions, and leaves out what is unavailable."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from eip_perf_monitor.accelerators.accelerator import AcceleratorReading
from eip_perf_monitor.alert_rules import AlertRule
from eip_perf_monitor.exporters.prometheus import PrometheusExporter
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.robot import EventView, MemoryView, SafetyView, VerdictView


class Gpu:
    kind = 'test'

    def read(self) -> tuple[AcceleratorReading, ...]:
        return (
            AcceleratorReading('G "1"\\', 'test', True, '', 0, 0.5, 1.0, 2.0, None, None),
            AcceleratorReading('H', 'test', False, 'lost', 1),
        )

    def close(self) -> None:
        pass


@pytest.fixture
def full() -> PerformanceMonitor:
    rule = AlertRule('hot', 'accelerator_utilisation', '>', 0.1, 'info', 'Hot.', 'Cool.')
    monitor = PerformanceMonitor(rules=[rule], accelerators=[Gpu()])
    for index in range(20):
        monitor.record_request(f'r{index}', index / 10, 0.5, index != 3, decision='allow')
    board = monitor.board
    board.put_safety(SafetyView('armed', True, max_linear_speed_mps=0.5, nearest_person_m=2.0))
    board.put_memory(MemoryView('cpu', 100.0, 10.0, 0.1, 1, 'moderate', None, None))
    board.put_beat('llm\n"x"', 'a', 1, 0.1, True)
    board.put_verdict(VerdictView(0.0, 'r', 'x', 'command', None, 'reject', 0.1, '', None))
    board.put_event(EventView(0.0, 'stop', 'stop', 'c', 'm', '', ''))
    monitor.sample()
    return monitor


def families(monitor: PerformanceMonitor, robot: str = '') -> dict:
    text = PrometheusExporter(monitor.snapshot, robot).render().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_every_family_has_help_type_and_a_name_of_ours(full: PerformanceMonitor) -> None:
    found = families(full)
    assert len(found) > 25
    for name, family in found.items():
        assert re.fullmatch(r'eip_[a-z][a-z0-9_]*', name)
        assert family.documentation
        assert family.type != 'unknown'
        assert not name.endswith(('_ms', '_mib', '_percent'))
        for sample in family.samples:
            assert family.type != 'counter' or sample.name.endswith('_total')


def test_the_histogram_adds_up(full: PerformanceMonitor) -> None:
    samples = families(full)['eip_request_duration_seconds'].samples
    by_name = {s.name: s.value for s in samples if not s.labels.get('le')}
    assert by_name['eip_request_duration_seconds_count'] == 20
    assert by_name['eip_request_duration_seconds_sum'] == pytest.approx(19.0)
    assert [s.value for s in samples if s.labels.get('le') == '+Inf'] == [20]


def test_readings_are_in_base_units(full: PerformanceMonitor) -> None:
    found = families(full)
    assert found['eip_memory_budget_size_bytes'].samples[0].value == 100 * 1024 * 1024
    assert found['eip_accelerator_memory_used_bytes'].samples[0].value == 1024 * 1024
    modes = {s.labels['mode']: s.value for s in found['eip_safety_mode'].samples}
    assert modes == {'stopped': 0, 'disarmed': 0, 'protective': 0, 'armed': 1}
    assert found['eip_alert_firing'].samples[0].labels == {'alert': 'hot', 'severity': 'info'}


def test_what_is_unavailable_is_absent(full: PerformanceMonitor) -> None:
    found = families(full)
    assert 'eip_accelerator_temperature_celsius' not in found
    assert [s.value for s in found['eip_accelerator_up'].samples] == [1, 0]
    assert len(found['eip_accelerator_utilisation_ratio'].samples) == 1
    bare = families(PerformanceMonitor(rules=[], accelerators=()))
    for name in bare:
        assert not name.startswith(('eip_accelerator', 'eip_safety_mode', 'eip_memory', 'eip_node'))
    assert 'eip_request_duration_window_seconds' not in bare
    assert bare['eip_request_failures'].samples[0].value == 0


def test_the_robot_is_a_label_of_every_sample(full: PerformanceMonitor) -> None:
    for family in families(full, 'robot1').values():
        assert all(sample.labels['robot'] == 'robot1' for sample in family.samples)


@pytest.mark.skipif(shutil.which('promtool') is None, reason='promtool is not installed')
def test_promtool_finds_nothing_to_say(full: PerformanceMonitor) -> None:
    text = PrometheusExporter(full.snapshot, 'robot1').render()
    found = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True)
    assert (found.returncode, found.stderr.decode()) == (0, '')
