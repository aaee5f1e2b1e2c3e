"""What all processes of one robot hold together, judged against one budget."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager, MemoryUsage
from eip_llm_interface.memory.budget import AcceleratorMemory, read_accelerator
from eip_llm_interface.memory.pressure import Pressure, PressureGauge
from eip_llm_interface.memory_history import MemoryHistory
from eip_llm_interface.watched_processes import ProcessMemory, WatchedProcesses

__all__ = ['Relief', 'RobotMemory', 'RobotUsage']

TREND_WINDOW_S = 60.0
Ask = Callable[[float, int], Mapping[str, float]]
"""Asks the other processes for MiB at an urgency; returns what each says it freed."""


@dataclass(frozen=True)
class RobotUsage:
    """One reading, MiB, as eip/msg/MemoryStatus; None means unavailable."""

    device: str
    budget_mib: float
    used_mib: float
    peak_mib: float
    used_ratio: float
    pressure: Pressure
    host_total_mib: float
    host_available_mib: float
    accelerator: AcceleratorMemory
    trend_mib_per_s: float
    seconds_to_limit: float | None
    processes: tuple[ProcessMemory, ...]


@dataclass(frozen=True)
class Relief:
    """What one pass freed, MiB, measured over all processes, and what each said it gave back."""

    freed_mib: float
    used_before_mib: float
    used_after_mib: float
    told: Mapping[str, float]

    @property
    def message(self) -> str:
        """Return one sentence on who gave what."""
        given = ', '.join(f'{name} {freed:.1f} MiB' for name, freed in sorted(self.told.items()))
        return f'{self.freed_mib:.1f} MiB freed' + (f'; asked: {given}' if given else '')


class RobotMemory:
    """Adds the robot's processes up, judges the sum, and relieves it. Thread-safe.

    The budget applies to the accelerator when at least one process is known to hold memory there,
    else to the resident memory of all processes; pages that processes share count in each.
    A host or accelerator that is nearly full counts as pressure whoever filled it.
    """

    def __init__(
        self,
        manager: AdvancedMemoryManager,
        watched: WatchedProcesses,
        history: MemoryHistory | None = None,
        device: str = 'auto',
    ) -> None:
        self.history = history or MemoryHistory()
        self._manager = manager
        self._watched = watched
        self._device = device
        self._gauge = PressureGauge()
        self._peak_mib = 0.0
        self._lock = threading.Lock()

    def read(self) -> RobotUsage:
        """Return a fresh reading, which also becomes a sample of the history."""
        own = self._manager.get_memory_usage()
        processes = self._with_accelerator(self._watched.read(), own.accelerator)
        device, used_mib = _used(own, processes)
        ratio = used_mib / own.budget_mib
        with self._lock:
            self._peak_mib = max(self._peak_mib, used_mib)
            pressure = self._gauge.update(max(ratio, _scarcity(own)))
            peak_mib = self._peak_mib
        self.history.add(_sample(own, processes, used_mib, ratio))
        slope = self.history.series('used_mib', TREND_WINDOW_S).slope_per_s
        growing = math.isfinite(slope) and slope > 1e-3
        return RobotUsage(
            device=device,
            budget_mib=own.budget_mib,
            used_mib=used_mib,
            peak_mib=peak_mib,
            used_ratio=ratio,
            pressure=pressure,
            host_total_mib=own.host_total_mib,
            host_available_mib=own.host_available_mib,
            accelerator=own.accelerator,
            trend_mib_per_s=slope if math.isfinite(slope) else 0.0,
            seconds_to_limit=max(own.budget_mib - used_mib, 0.0) / slope if growing else None,
            processes=processes,
        )

    def relieve(self, target_mib: float = 0.0, ask: Ask | None = None) -> Relief:
        """Shrink this process, then the others by `ask`; raises ValueError for a bad target."""
        before = self.read()
        told = dict(self._manager.optimize_memory(target_mib).reclaimed)
        if ask is not None:
            answers = ask(target_mib, int(before.pressure))
            for name, freed_mib in answers.items():
                self._watched.note_reclaimed(name, freed_mib)
            told |= answers
        after = self.read()
        return Relief(
            freed_mib=max(before.used_mib - after.used_mib, 0.0),
            used_before_mib=before.used_mib,
            used_after_mib=after.used_mib,
            told=told,
        )

    def _with_accelerator(
        self, processes: tuple[ProcessMemory, ...], accelerator: AcceleratorMemory
    ) -> tuple[ProcessMemory, ...]:
        if not accelerator.available:
            return processes
        return tuple(
            replace(item, accelerator_mib=read_accelerator(self._device, item.pid).process_mib)
            for item in processes
        )


def _used(own: MemoryUsage, processes: tuple[ProcessMemory, ...]) -> tuple[str, float]:
    shares = [item.accelerator_mib for item in processes if item.accelerator_mib is not None]
    if shares:
        return own.accelerator.device, sum(shares)
    # Before the first heartbeat this process at least is known.
    return 'cpu', sum(item.resident_mib for item in processes) or own.process_mib


def _scarcity(own: MemoryUsage) -> float:
    """Return the share in use of whatever is nearly full whoever filled it, else 0."""
    used, total = own.accelerator.used_mib, own.accelerator.total_mib
    accelerator = used / total if used is not None and total else 0.0
    host = 1.0 - own.host_available_mib / own.host_total_mib if own.host_total_mib > 0 else 1.0
    return max(accelerator if accelerator > 0.95 else 0.0, host if host > 0.95 else 0.0)


def _sample(
    own: MemoryUsage, processes: tuple[ProcessMemory, ...], used_mib: float, ratio: float
) -> dict[str, float | None]:
    sample: dict[str, float | None] = {
        'used_mib': used_mib,
        'used_ratio': ratio,
        'host_available_mib': own.host_available_mib,
        'accelerator_used_mib': own.accelerator.used_mib,
    }
    for item in processes:
        sample[f'{item.name}.resident_mib'] = item.resident_mib
        sample[f'{item.name}.accelerator_mib'] = item.accelerator_mib
    return sample
