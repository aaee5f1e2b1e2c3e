"""The first thing that runs in every process `eip up` starts: ties its life to the parent's.

`python -m eip_bringup.child MODULE PARENT_PID SIGNAL NICENESS [arguments]` runs `main()` of
MODULE. The kernel sends SIGNAL when the parent's starting thread ends; a process that then does
not end within GRACE_S kills itself. This is done here rather than between fork and exec, where a
process with threads must not run Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

__all__ = ['main', 'tie_to_parent']

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
GRACE_S = 3.0
POLL_S = 0.5


def tie_to_parent(parent: int, number: int) -> None:
    """Ask the kernel for signal `number` when `parent` ends; end now when it already has."""
    if sys.platform == 'linux':
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        if prctl(PR_SET_PDEATHSIG, number, 0, 0, 0):
            code = ctypes.get_errno()
            print(f'warning: prctl failed: {os.strerror(code)}', file=sys.stderr, flush=True)
    if os.getppid() != parent:
        raise SystemExit(f'error: process {parent}, which started this one, is gone')
    threading.Thread(target=_end_after, args=(parent,), daemon=True, name='parent').start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _be_nice(niceness: int) -> None:
    # Less than 0 needs a permission that most users lack; it helps on a busy machine only.
    with contextlib.suppress(PermissionError):
        os.nice(niceness)
    # Where the kernel shares time between sessions first, only the session's niceness counts.
    with contextlib.suppress(OSError):
        Path('/proc/self/autogroup').write_text(str(niceness))


def _name_process(name: str) -> None:
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def main() -> int:
    """Run `main()` of the module named on the command line and return its result."""
    module, parent, number, niceness, *arguments = sys.argv[1:]
    tie_to_parent(int(parent), int(number))
    _be_nice(int(niceness))
    _name_process(module.rpartition('.')[2].removesuffix('_node'))
    sys.argv = [module, *arguments]
    return int(importlib.import_module(module).main() or 0)


if __name__ == '__main__':
    sys.exit(main())
