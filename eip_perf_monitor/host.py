"""What the host gives: processor, memory, load, and the robot's own processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

__all__ = ['HostProbe', 'HostReading', 'ProcessProbe', 'ProcessReading']

MIB = 1024 * 1024
_LEAST_INTERVAL_S = 0.05


@dataclass(frozen=True)
class HostReading:
    """One look at the host; None where the host does not say."""

    cpu_ratio: float | None
    cpu_count: int
    load_1m: float | None
    memory_used_mib: float | None
    memory_total_mib: float | None

    @property
    def memory_used_ratio(self) -> float | None:
        """Return the share of memory in use, 0 to 1."""
        if self.memory_used_mib is None or not self.memory_total_mib:
            return None
        return self.memory_used_mib / self.memory_total_mib


@dataclass(frozen=True)
class ProcessReading:
    """One look at one process; None and a reason where it cannot be read.

    `cpu_ratio` is in processors: 1.0 is one processor fully used.
    """

    name: str
    pid: int | None
    available: bool
    reason: str = ''
    cpu_ratio: float | None = None
    resident_mib: float | None = None
    accelerator_mib: float | None = None


class HostProbe:
    """Reads the host by psutil; processor use is the mean since the last reading."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cpu_since = clock()
        self._cpu_ratio: float | None = None
        psutil.cpu_percent(interval=None)

    def read(self) -> HostReading:
        """Return the host's state now; never raises."""
        used, total = self._memory()
        return HostReading(self._cpu(), psutil.cpu_count() or 1, self._load(), used, total)

    def _cpu(self) -> float | None:
        # psutil's answer over next to no time is 0 or 100 %, so the last good one stands.
        if self._clock() - self._cpu_since < _LEAST_INTERVAL_S:
            return self._cpu_ratio
        self._cpu_since = self._clock()
        try:
            self._cpu_ratio = psutil.cpu_percent(interval=None) / 100.0
        except (OSError, psutil.Error):
            self._cpu_ratio = None
        return self._cpu_ratio

    @staticmethod
    def _memory() -> tuple[float | None, float | None]:
        try:
            memory = psutil.virtual_memory()
        except (OSError, psutil.Error):
            return None, None
        return (memory.total - memory.available) / MIB, memory.total / MIB

    @staticmethod
    def _load() -> float | None:
        try:
            return os.getloadavg()[0]
        except OSError:
            return None


class ProcessProbe:
    """Reads processes by pid; remembers each so that processor use has a start to count from."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def read(self, pids: Mapping[str, int | None]) -> tuple[ProcessReading, ...]:
        """Return one reading per name; a name without a process id is unavailable."""
        self._known = {p: self._known[p] for p in pids.values() if p in self._known}
        return tuple(self._read(name, pid) for name, pid in pids.items())

    def _read(self, name: str, pid: int | None) -> ProcessReading:
        if not pid:
            return ProcessReading(name, None, False, 'its process id is not known')
        try:
            is_new = pid not in self._known or not self._known[pid].is_running()
            if is_new:
                self._known[pid] = psutil.Process(pid)
            process = self._known[pid]
            with process.oneshot():
                cpu = process.cpu_percent(interval=None) / 100.0
                resident = process.memory_info().rss / MIB
        except psutil.NoSuchProcess:
            self._known.pop(pid, None)
            return ProcessReading(name, pid, False, f'process {pid} has ended')
        except (OSError, psutil.Error) as error:
            return ProcessReading(name, pid, False, f'process {pid} cannot be read: {error}')
        # The first call has no interval to count over.
        return ProcessReading(name, pid, True, '', None if is_new else cpu, resident)
