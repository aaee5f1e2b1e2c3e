"""Things broken on purpose on real processes; all of them are in `eip bench faults`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.faults import FAULTS, Fault, try_fault

SHORT = (
    'monitor_killed',
    'gate_restarted_while_moving',
    'hardware_stop_lost',
    'scan_nan',
    'command_nan',
    'second_monitor_permits',
    'heartbeat_impostor',
    'audit_disk_full',
)


@pytest.fixture(scope='module')
def opened(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.make_ready()
    return opened


@pytest.mark.parametrize(
    'fault', [fault for fault in FAULTS if fault.name in SHORT], ids=lambda fault: fault.name
)
def test_the_robot_stands_and_stays(bench: Bench, fault: Fault) -> None:
    outcome = try_fault(fault, bench)
    assert outcome.passed, f'{outcome.problem}\n{bench.monitor.output()}\n{bench.gate.output()}'


def test_a_gate_without_a_monitor_gives_only_zeros(bench: Bench) -> None:
    bench.monitor.stop()
    bench.gate.kill()
    bench.robot.given.clear()
    bench.gate.start()
    assert bench.robot.wait(lambda: len(bench.robot.given) > 50, 10.0)
    assert all(linear == angular == 0.0 for _, linear, angular in bench.robot.given)
