"""Give memory back to the system, and say how much that was."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

__all__ = ['resident_mib', 'trim']

MIB = 2**20


def resident_mib(pid: int | None = None) -> float:
    """Return the resident memory of a process, this one by default, MiB.

    Raises ProcessLookupError when there is no such process.
    """
    import psutil

    try:
        return float(psutil.Process(pid or os.getpid()).memory_info().rss) / MIB
    except psutil.Error:
        raise ProcessLookupError(f'no process {pid}') from None


def trim() -> float:
    """Collect garbage, hand free heap back to the system, and return what that freed, MiB.

    With glibc `malloc_trim(3)` does the latter; elsewhere only garbage is collected. PyTorch's
    unused GPU blocks go, too, when this process has used CUDA.
    """
    before = resident_mib()
    gc.collect()
    torch = sys.modules.get('torch')
    freed_gpu = 0.0
    if torch is not None and torch.cuda.is_initialized():
        reserved = torch.cuda.memory_reserved()
        torch.cuda.empty_cache()
        freed_gpu = max(reserved - torch.cuda.memory_reserved(), 0) / MIB
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL('libc.so.6').malloc_trim(0)
    return max(before - resident_mib(), 0.0) + freed_gpu
