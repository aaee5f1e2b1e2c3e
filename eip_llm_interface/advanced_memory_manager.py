"""Watches this process' memory against a budget and makes caches give back."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eip_llm_interface.memory.budget import AcceleratorMemory, read_accelerator, read_host
from eip_llm_interface.memory.pressure import Pressure, PressureGauge, PressureThresholds
from eip_llm_interface.memory.reclaim import trim
from eip_llm_interface.memory.trend import MemoryTrends, TrendWindow

__all__ = ['AdvancedMemoryManager', 'MemoryUsage', 'OptimizeResult']

HOST_RESERVE_MIB = 256.0
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class MemoryUsage:
    """One reading, MiB; None means unavailable and `accelerator.reason` says why.

    The budget applies to the accelerator where one can be read, else to this process' resident
    memory; `device` says which.
    """

    device: str
    budget_mib: float
    used_mib: float
    peak_mib: float
    used_ratio: float
    pressure: Pressure
    process_mib: float
    host_total_mib: float
    host_available_mib: float
    accelerator: AcceleratorMemory
    reclaimable_mib: float | None


@dataclass(frozen=True)
class OptimizeResult:
    """What one pass freed, MiB, measured before and after, and from whom."""

    freed_mib: float
    used_before_mib: float
    used_after_mib: float
    reclaimed: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Reclaimable:
    name: str
    reclaim: Callable[[], Callable[[float], Any] | None]
    size: Callable[[], float] | None
    priority: int


class AdvancedMemoryManager:
    """Reads, judges and relieves memory use; safe to call from any thread.

    `max_memory_mb` is the budget in MiB, `device` 'auto', 'cpu', 'cuda' or 'cuda:N'. Neither
    PyTorch nor CUDA is started by it. Raises ValueError, naming the field, for a bad budget.
    """

    def __init__(
        self,
        max_memory_mb: float = 8192,
        device: str = 'auto',
        thresholds: PressureThresholds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(max_memory_mb, int | float) or not 1 <= max_memory_mb <= 1e8:
            raise ValueError(f'max_memory_mb is {max_memory_mb!r}, give 1 to 100000000 MiB')
        if device not in ('auto', 'cpu', 'cuda') and not _is_numbered(device):
            raise ValueError(f'device is {device!r}, use auto, cpu, cuda or cuda:N')
        self.max_memory_mb = float(max_memory_mb)
        self._device = device
        self._clock = clock
        self._gauge = PressureGauge(thresholds)
        self._window = TrendWindow()
        self._clients: dict[str, _Reclaimable] = {}
        self._lock = threading.RLock()

    def get_memory_usage(self) -> MemoryUsage:
        """Return a fresh reading; it also becomes a sample of the trends."""
        host = read_host()
        accelerator = read_accelerator(self._device)
        with self._lock:
            device, used_mib = 'cpu', host.process_mib
            if accelerator.available and accelerator.process_mib is not None:
                device, used_mib = accelerator.device, accelerator.process_mib
            self._window.add(self._clock(), used_mib)
            ratio = used_mib / self.max_memory_mb
            return MemoryUsage(
                device=device,
                budget_mib=self.max_memory_mb,
                used_mib=used_mib,
                peak_mib=self._window.peak_mib,
                used_ratio=ratio,
                pressure=self._gauge.update(max(ratio, _host_ratio(host.available_mib))),
                process_mib=host.process_mib,
                host_total_mib=host.total_mib,
                host_available_mib=host.available_mib,
                accelerator=accelerator,
                reclaimable_mib=self._reclaimable_mib(),
            )

    def get_memory_trends(self) -> MemoryTrends:
        """Return the samples so far, their slope over a minute, and the time to the limit."""
        with self._lock:
            return self._window.trends(self.max_memory_mb)

    def optimize_memory(self, target_mib: float = 0) -> OptimizeResult:
        """Make caches give back, cheapest first, until `target_mib` are free again.

        0 asks every cache and trims the heap. Raises ValueError for a target that is negative or
        not a number. A cache that fails is logged and left out; the others still give.
        """
        if not target_mib >= 0:
            raise ValueError(f'target_mib is {target_mib!r}, give a number of MiB, at least 0')
        before = self.get_memory_usage()
        with self._lock:
            clients = sorted(self._clients.values(), key=lambda client: client.priority)
        reclaimed: list[tuple[str, float]] = []
        for client in clients:
            told = _reclaim(client, target_mib)
            if told is None:
                self.unregister(client.name)
                continue
            reclaimed.append((client.name, told))
            if target_mib and sum(freed for _, freed in reclaimed) >= target_mib:
                break
        trim()
        after = self.get_memory_usage()
        return OptimizeResult(
            freed_mib=max(before.used_mib - after.used_mib, 0.0),
            used_before_mib=before.used_mib,
            used_after_mib=after.used_mib,
            reclaimed=tuple(reclaimed),
        )

    def register(
        self,
        name: str,
        reclaim: Callable[[float], Any],
        size: Callable[[], float] | None = None,
        priority: int = 0,
    ) -> None:
        """Register a cache: `reclaim(target_mib)` frees and returns MiB, `size()` tells MiB.

        A bound method is held weakly, so that registering keeps no owner alive. Low priority
        numbers give first. A name that is taken is replaced.
        """
        held: Callable[[], Callable[[float], Any] | None]
        held = weakref.WeakMethod(reclaim) if hasattr(reclaim, '__self__') else (lambda: reclaim)
        with self._lock:
            self._clients[name] = _Reclaimable(name, held, _weak_size(size), priority)

    def unregister(self, name: str) -> None:
        """Forget a cache; an unknown name is no error."""
        with self._lock:
            self._clients.pop(name, None)

    @property
    def registered(self) -> tuple[str, ...]:
        """Return the names of the caches that still live."""
        with self._lock:
            return tuple(name for name, item in self._clients.items() if item.reclaim() is not None)

    def _reclaimable_mib(self) -> float | None:
        sizes = [client.size() for client in self._clients.values() if client.size is not None]
        return sum(sizes) if sizes else None


def _reclaim(client: _Reclaimable, target_mib: float) -> float | None:
    """Return what a cache says it freed, MiB; None when its owner is gone."""
    function = client.reclaim()
    if function is None:
        return None
    try:
        return float(function(target_mib) or 0.0)
    except Exception as error:
        LOG.warning('cache %s could not give memory back (%s); it is skipped', client.name, error)
        return 0.0


def _weak_size(size: Callable[[], float] | None) -> Callable[[], float] | None:
    if size is None or not hasattr(size, '__self__'):
        return size
    held = weakref.WeakMethod(size)

    def read() -> float:
        function = held()
        return float(function()) if function is not None else 0.0

    return read


def _host_ratio(available_mib: float) -> float:
    """Return 1 when the host itself is nearly out of memory, whatever the budget says."""
    return 1.0 if available_mib < HOST_RESERVE_MIB else 0.0


def _is_numbered(device: object) -> bool:
    if not isinstance(device, str):
        return False
    kind, _, number = device.partition(':')
    return kind == 'cuda' and number.isdigit()
