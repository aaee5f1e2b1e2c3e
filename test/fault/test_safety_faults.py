"""Things broken on purpose on real processes; all of them are in `eip bench faults`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.fault import Fault, try_fault
from eip_safety_monitor.trial.faults import FAULTS
from eip_safety_monitor.trial.wall_clock import WallClock, why_no_wall_clock

SHORT = (
    'monitor_killed',
    'gate_restarted_while_moving',
    'hardware_stop_lost',
    'scan_nan',
    'command_nan',
    'second_monitor_permits',
    'heartbeat_impostor',
    'audit_disk_full',
    'audit_disk_read_only',
    'llm_hung',
    'performance_monitor_killed',
    'odom_slow',
    'wall_clock_an_hour_ahead',
    'wall_clock_an_hour_back',
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
    if why_not := fault.why_not():
        pytest.skip(why_not)
    outcome = try_fault(fault, bench)
    assert outcome.passed, f'{outcome.problem}\n{bench.monitor.output()}\n{bench.gate.output()}'


def test_a_gate_without_a_monitor_gives_only_zeros(bench: Bench) -> None:
    bench.monitor.stop()
    bench.gate.kill()
    bench.robot.given.clear()
    bench.gate.start()
    assert bench.robot.wait(lambda: len(bench.robot.given) > 50, 10.0)
    assert all(linear == angular == 0.0 for _, linear, angular in bench.robot.given)


def test_a_wall_clock_is_set_in_a_process_of_its_own_only(tmp_path: Path) -> None:
    if why_not := why_no_wall_clock():
        pytest.skip(why_not)
    clock = WallClock(tmp_path)
    look = 'import time, datetime; print(time.time(), datetime.datetime.now().timestamp())'
    for offset_s in (3600.0, -3600.0, 0.0):
        clock.set(offset_s)
        found = subprocess.run(
            [sys.executable, '-c', look],
            env={**os.environ, **clock.environment},
            capture_output=True,
            text=True,
            check=True,
        )
        for seen in found.stdout.split():
            assert abs(float(seen) - time.time() - offset_s) < 60.0


def test_the_page_lists_every_fault() -> None:
    page = (Path(__file__).parents[2] / 'docs' / 'safety.md').read_text()
    for fault in FAULTS:
        row = f'| `{fault.name}` | {fault.expected} | {fault.deadline_s * 1000:.0f} |'
        assert row in page
