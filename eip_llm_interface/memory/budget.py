"""What may be used and what is used: host and accelerator, with reasons where unknown."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ['AcceleratorMemory', 'HostMemory', 'read_accelerator', 'read_host']

MIB = 2**20


@dataclass(frozen=True)
class HostMemory:
    """This process and its host, MiB."""

    total_mib: float
    available_mib: float
    process_mib: float


@dataclass(frozen=True)
class AcceleratorMemory:
    """One accelerator, MiB; `reason` says why it cannot be read, numbers are then None."""

    device: str = ''
    reason: str = ''
    total_mib: float | None = None
    used_mib: float | None = None
    process_mib: float | None = None

    @property
    def available(self) -> bool:
        """Return whether it could be read."""
        return not self.reason


def read_host() -> HostMemory:
    """Return the host's memory, a container's limit (cgroup v2) counted as the total."""
    import psutil

    memory = psutil.virtual_memory()
    process_mib = float(psutil.Process().memory_info().rss) / MIB
    total_mib = memory.total / MIB
    available_mib = memory.available / MIB
    limit_mib = _container_limit_mib()
    if limit_mib is not None and limit_mib < total_mib:
        total_mib = limit_mib
        available_mib = min(available_mib, max(limit_mib - _container_used_mib(), 0.0))
    return HostMemory(total_mib, available_mib, process_mib)


def read_accelerator(device: str = 'auto', pid: int | None = None) -> AcceleratorMemory:
    """Return an NVIDIA accelerator's memory through NVML, so that CUDA is never started here.

    `device` is 'auto', 'cpu' or 'cuda:N'; `process_mib` is the share of process `pid`, this one
    by default, and None when the driver does not tell.
    """
    if device == 'cpu':
        return AcceleratorMemory(reason='device is cpu')
    index = int(device.partition(':')[2] or 0) if device.startswith('cuda') else 0
    try:
        import pynvml
    except ImportError:
        return AcceleratorMemory(reason='NVML is not installed (pip install nvidia-ml-py)')
    try:
        pynvml.nvmlInit()
        try:
            return _read_nvml(pynvml, index, pid or os.getpid())
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        return AcceleratorMemory(reason=f'NVML: {error}')


def _read_nvml(pynvml, index: int, pid: int) -> AcceleratorMemory:  # type: ignore[no-untyped-def]
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    own = [
        item.usedGpuMemory / MIB
        for item in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        if item.pid == pid and item.usedGpuMemory is not None
    ]
    process_mib = sum(own) if own else _torch_reserved_mib(index, pid)
    return AcceleratorMemory(
        device=f'cuda:{index}',
        total_mib=memory.total / MIB,
        used_mib=memory.used / MIB,
        process_mib=process_mib,
    )


def _torch_reserved_mib(index: int, pid: int) -> float | None:
    torch = sys.modules.get('torch')
    if pid != os.getpid() or torch is None or not torch.cuda.is_initialized():
        return None
    return float(torch.cuda.memory_reserved(index)) / MIB


def _container_limit_mib() -> float | None:
    text = _read('/sys/fs/cgroup/memory.max')
    return float(text) / MIB if text.isdigit() else None


def _container_used_mib() -> float:
    text = _read('/sys/fs/cgroup/memory.current')
    return float(text) / MIB if text.isdigit() else 0.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding='ascii').strip()
    except OSError:
        return ''
