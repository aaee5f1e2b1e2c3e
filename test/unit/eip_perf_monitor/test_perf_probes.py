"""Probes say what they read, and why they cannot, but never 0 for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from eip_perf_monitor.accelerators.accelerator import AcceleratorReading, read_accelerators
from eip_perf_monitor.accelerators.nvml import NvmlProbe
from eip_perf_monitor.host import HostProbe, ProcessProbe

MIB = 1024 * 1024


class Nvml:
    """NVML with two devices; names in `missing` raise, as NVML does where a reading is absent."""

    def __init__(self, *missing: str) -> None:
        self.missing = set(missing)
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.calls.append(name)
            if name in self.missing:
                raise RuntimeError('Not Supported')
            return {
                'nvmlDeviceGetCount': 2,
                'nvmlDeviceGetHandleByIndex': args[0] if args else None,
                'nvmlDeviceGetName': 'H200',
                'nvmlDeviceGetUtilizationRates': SimpleNamespace(gpu=37),
                'nvmlDeviceGetMemoryInfo': SimpleNamespace(used=2 * MIB, total=8 * MIB),
                'nvmlDeviceGetTemperature': 61,
                'nvmlDeviceGetPowerUsage': 250_500,
                'nvmlDeviceGetComputeRunningProcesses': [
                    SimpleNamespace(pid=42, usedGpuMemory=MIB),
                    SimpleNamespace(pid=43, usedGpuMemory=None),
                ],
            }.get(name)

        return call


def test_every_device_is_read_in_its_units() -> None:
    first, second = NvmlProbe(Nvml()).read()
    assert (first.index, second.index) == (0, 1)
    assert first.available
    assert first.utilisation == pytest.approx(0.37)
    assert first.memory_ratio == pytest.approx(0.25)
    assert first.temperature_c == 61
    assert first.power_w == pytest.approx(250.5)
    assert first.process_mib == {42: 1.0}


def test_a_reading_that_the_device_lacks_is_none_and_not_zero() -> None:
    probe = NvmlProbe(Nvml('nvmlDeviceGetPowerUsage', 'nvmlDeviceGetUtilizationRates'))
    reading = probe.read()[0]
    assert reading.available
    assert reading.power_w is None
    assert reading.utilisation is None
    assert reading.temperature_c == 61


def test_without_a_driver_it_is_unavailable_with_the_reason_and_asked_seldom() -> None:
    now = [0.0]
    library = Nvml('nvmlInit')
    probe = NvmlProbe(library, clock=lambda: now[0])
    for _ in range(5):
        (reading,) = probe.read()
        assert not reading.available
        assert reading.reason == 'NVML: Not Supported'
        assert reading.utilisation is None
    assert library.calls.count('nvmlInit') == 1
    library.missing.clear()
    now[0] = 31.0
    assert probe.read()[0].available


def test_a_driver_that_goes_away_is_unavailable_and_found_again() -> None:
    now = [0.0]
    library = Nvml()
    probe = NvmlProbe(library, clock=lambda: now[0])
    assert probe.read()[0].available
    library.missing.add('nvmlDeviceGetCount')
    assert not probe.read()[0].available
    library.missing.clear()
    now[0] = 60.0
    assert probe.read()[0].available


def test_a_device_that_fell_off_the_bus_leaves_the_others() -> None:
    class OneLost(Nvml):
        def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
            if index == 1:
                raise RuntimeError('GPU is lost')
            return index

    readings = read_accelerators([NvmlProbe(OneLost())])
    assert [r.available for r in readings] == [True, False]
    assert (readings[1].name, readings[1].reason) == ('NVIDIA device 1', 'NVML: GPU is lost')


def test_no_accelerator_is_one_entry_with_all_reasons() -> None:
    def probe(reason: str) -> Any:
        return SimpleNamespace(read=lambda: (AcceleratorReading('', 'x', False, reason),))

    (reading,) = read_accelerators([probe('no driver'), probe('no bus')])
    assert reading.kind == 'none'
    assert reading.reason == 'no driver; no bus'
    assert read_accelerators([])[0].reason == 'no accelerator was looked for'


def test_the_host_is_read() -> None:
    reading = HostProbe().read()
    assert reading.memory_total_mib == pytest.approx(psutil.virtual_memory().total / MIB)
    assert 0 < (reading.memory_used_ratio or 0) < 1
    assert reading.cpu_count >= 1


def test_processor_use_is_unknown_until_there_was_time_to_measure() -> None:
    now = [0.0]
    probe = HostProbe(clock=lambda: now[0])
    assert probe.read().cpu_ratio is None
    now[0] = 1.0
    measured = probe.read().cpu_ratio
    assert measured is not None
    assert 0.0 <= measured <= 1.0


def test_processes_are_read_by_pid_and_told_why_not() -> None:
    probe = ProcessProbe()
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    try:
        mine, other, unknown = probe.read({'me': os.getpid(), 'child': child.pid, 'far': None})
        assert mine.available
        assert (mine.resident_mib or 0) > 5
        assert mine.cpu_ratio is None
        assert probe.read({'me': os.getpid()})[0].cpu_ratio is not None
        assert other.available
        assert unknown.reason == 'its process id is not known'
    finally:
        child.communicate(b'\n')
    (gone,) = probe.read({'child': child.pid})
    assert not gone.available
    assert gone.resident_mib is None
    assert gone.reason == f'process {child.pid} has ended'
