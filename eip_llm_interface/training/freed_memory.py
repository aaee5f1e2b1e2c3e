"""Let a training run keep the memory that it frees, as its next step asks for the same again."""

from __future__ import annotations

import ctypes

__all__ = ['keep_freed_memory']

# Parameters of glibc's mallopt(3), and what they are set to here.
SETTINGS = {
    -3: 32 * 2**20,  # M_MMAP_THRESHOLD: its largest value, so that batches come from the heap
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: the heap's free end is not given back
    -2: 64 * 2**20,  # M_TOP_PAD: it grows by this much
    -8: 1,  # M_ARENA_MAX: the thread that goes backward takes from the same heap
}


def keep_freed_memory() -> bool:
    """Tell the C library to give no freed memory back; return whether it took that.

    Pages given back are new, zeroed ones when the next step asks again, which took a quarter of a
    step's time. Only glibc can be told; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(mallopt(setting, value) for setting, value in SETTINGS.items())
