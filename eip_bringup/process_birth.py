"""Which process an id stood for, told so that neither a set clock nor a reused id matters."""

from __future__ import annotations

from pathlib import Path

__all__ = ['birth_of']

ENDED = ('Z', 'X')
STATE, START_TICKS = 0, 19
"""Where proc_pid_stat(5) has its fields 3 and 22, counted from the one after the name."""


def birth_of(pid: int) -> str:
    """Return the boot and the clock tick in which process `pid` began; '' when it does not run.

    Boot, tick and id together never come twice. A time of day would not do: it moves for every
    process as soon as the wall clock is set. What has ended and awaits its parent does not run.
    """
    try:
        stat = Path(f'/proc/{pid}/stat').read_text(errors='replace')
        boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''
    # The name may hold spaces and parentheses itself; only the last one ends it.
    fields = stat.rpartition(')')[2].split()
    if len(fields) <= START_TICKS or fields[STATE] in ENDED:
        return ''
    return f'{boot}/{fields[START_TICKS]}'
