"""The robot's own processes, as their heartbeats tell, and the memory they hold."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

__all__ = ['ProcessMemory', 'WatchedProcesses']

MIB = 2**20
MAX_PROCESSES = 64
NODE_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]{0,127}')


@dataclass(frozen=True)
class ProcessMemory:
    """Memory of one process; what could not be read is None. `reclaimed_mib` is its last answer."""

    name: str
    pid: int
    resident_mib: float
    reclaimed_mib: float | None = None
    accelerator_mib: float | None = None


@dataclass
class _Watched:
    pid: int
    heard_s: float
    process: psutil.Process | None
    reclaimed_mib: float | None = None


class WatchedProcesses:
    """Knows which nodes live on this host and reads what their processes hold. Thread-safe.

    A node counts from its first heartbeat until none has come for `forget_s`. A process id means
    something on one host only, so heartbeats with another `boot_id` than this host's do not count.
    """

    def __init__(
        self,
        boot_id: str,
        forget_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._boot_id = boot_id
        self._forget_s = forget_s
        self._clock = clock
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}

    def hear(self, name: str, pid: int, boot_id: str) -> bool:
        """Take one heartbeat; return whether its sender is watched."""
        if not NODE_NAME.fullmatch(name) or pid <= 0 or boot_id != self._boot_id:
            return False
        now_s = self._clock()
        with self._lock:
            known = self._watched.get(name)
            if known is not None and known.pid == pid:
                known.heard_s = now_s
                return True
            if known is None and len(self._watched) >= MAX_PROCESSES:
                return False
            self._watched[name] = _Watched(pid, now_s, _process(pid))
        return True

    def note_reclaimed(self, name: str, freed_mib: float) -> None:
        """Remember what `name` said it gave back."""
        with self._lock:
            if name in self._watched:
                self._watched[name].reclaimed_mib = freed_mib

    def names(self) -> tuple[str, ...]:
        """Return the names of the nodes that are alive, sorted."""
        with self._lock:
            self._forget()
            return tuple(sorted(self._watched))

    def read(self) -> tuple[ProcessMemory, ...]:
        """Return what each process holds now, by name; one that has ended is left out."""
        with self._lock:
            self._forget()
            watched = sorted(self._watched.items())
        found = []
        for name, item in watched:
            resident_mib = _resident_mib(item.process)
            if resident_mib is not None:
                found.append(ProcessMemory(name, item.pid, resident_mib, item.reclaimed_mib))
        return tuple(found)

    def _forget(self) -> None:
        now_s = self._clock()
        for name, item in list(self._watched.items()):
            if now_s - item.heard_s > self._forget_s:
                del self._watched[name]


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _resident_mib(process: psutil.Process | None) -> float | None:
    try:
        # is_running tells a process from a later one under the same number.
        if process is None or not process.is_running():
            return None
        return float(process.memory_info().rss) / MIB
    except psutil.Error:
        return None
