"""One budget over several processes, and who is asked to give back."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

import pytest

from eip_llm_interface import robot_memory
from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager
from eip_llm_interface.memory.budget import AcceleratorMemory
from eip_llm_interface.memory.pressure import Pressure
from eip_llm_interface.robot_memory import RobotMemory
from eip_llm_interface.watched_processes import WatchedProcesses


class Manager(AdvancedMemoryManager):
    """Reads the real process but says what a test wants of host and accelerator."""

    changes: ClassVar[dict] = {}

    def get_memory_usage(self):
        return replace(super().get_memory_usage(), **self.changes)


def make(budget_mib: float = 8192.0, **changes: object) -> RobotMemory:
    manager = Manager(budget_mib, 'cpu')
    manager.changes = changes
    watched = WatchedProcesses('here')
    for name in ('one', 'two'):
        watched.hear(name, os.getpid(), 'here')
    return RobotMemory(manager, watched)


def test_use_is_the_sum_of_the_processes():
    usage = make().read()
    assert usage.device == 'cpu'
    assert usage.used_mib == sum(item.resident_mib for item in usage.processes)
    assert len(usage.processes) == 2
    assert usage.pressure is Pressure.NONE


def test_sum_over_budget_is_critical():
    usage = make(budget_mib=16.0).read()
    assert usage.used_ratio > 1
    assert usage.pressure is Pressure.CRITICAL


def test_nearly_full_host_is_pressure_whoever_filled_it():
    usage = make(host_available_mib=10.0, host_total_mib=1000.0).read()
    assert usage.pressure is Pressure.CRITICAL
    assert usage.used_ratio < 0.5


def test_nearly_full_accelerator_is_pressure_whoever_filled_it():
    full = AcceleratorMemory('cuda:0', '', total_mib=1000.0, used_mib=990.0)
    assert make(accelerator=full).read().pressure is Pressure.CRITICAL


def test_budget_applies_to_the_accelerator_once_a_process_uses_it(monkeypatch):
    there = AcceleratorMemory('cuda:0', '', total_mib=1000.0, used_mib=300.0, process_mib=100.0)
    monkeypatch.setattr(robot_memory, 'read_accelerator', lambda device, pid: there)
    usage = make(accelerator=there).read()
    assert (usage.device, usage.used_mib) == ('cuda:0', 200.0)
    assert [item.accelerator_mib for item in usage.processes] == [100.0, 100.0]


def test_relief_asks_only_when_it_may_and_tells_who_gave_what():
    memory, asked = make(), []

    def ask(target_mib: float, urgency: int) -> dict[str, float]:
        asked.append((target_mib, urgency))
        return {'one': 3.0}

    assert memory.relieve(2.0).told == {}
    assert not asked
    relief = memory.relieve(2.0, ask)
    assert asked == [(2.0, Pressure.NONE)]
    assert 'one 3.0 MiB' in relief.message
    assert {p.name: p.reclaimed_mib for p in memory.read().processes} == {'one': 3.0, 'two': None}


def test_bad_target_is_named_and_nobody_is_asked():
    with pytest.raises(ValueError, match='target_mib'):
        make().relieve(-1.0, lambda *_: pytest.fail('asked'))
