"""What `eip up` leaves on disk so that `eip status` and `eip down` find it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from eip_bringup.errors import UserError
from eip_bringup.process_birth import birth_of

__all__ = [
    'AlreadyUpError',
    'Endable',
    'ProcessRecord',
    'RunLock',
    'RunState',
    'end_processes',
    'find_runs',
    'wait_for_end',
]

FILE = 'up.json'
LOCK = 'up.lock'


class AlreadyUpError(UserError):
    """The robot is up already; the text says in which process."""


class Endable(Protocol):
    """What `end_processes` can end: `pid` leads a process group of its own, or stands alone."""

    @property
    def name(self) -> str:
        """Return what it is called."""

    @property
    def pid(self) -> int:
        """Return its process id, which means it only while `is_running`."""

    @property
    def is_running(self) -> bool:
        """Tell whether it still runs."""


@dataclass(frozen=True)
class ProcessRecord:
    """One process: its id and its birth (see `birth_of`), which together never come twice."""

    name: str
    pid: int
    birth: str
    log: str = ''
    starts: int = 1

    @classmethod
    def of(cls, name: str, pid: int, log: str = '', starts: int = 1) -> ProcessRecord:
        """Return the record of the running process `pid`; `birth` is '' if it just ended."""
        return cls(name, pid, birth_of(pid), log, starts)

    @property
    def is_running(self) -> bool:
        """Tell whether the process still runs, not another one that got its id."""
        return bool(self.birth) and birth_of(self.pid) == self.birth


@dataclass(frozen=True)
class RunState:
    """One robot that was brought up: by whom, on which ROS domain, with which processes.

    `names` also holds the processes that do not run now.
    """

    supervisor: ProcessRecord
    namespace: str
    domain_id: int
    started_unix_s: float
    processes: tuple[ProcessRecord, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_up(self) -> bool:
        """Tell whether the supervisor still runs."""
        return self.supervisor.is_running

    def with_processes(self, processes: Iterable[ProcessRecord]) -> RunState:
        """Return this state with other processes."""
        return replace(self, processes=tuple(processes))

    def write(self, folder: Path) -> None:
        """Write the state in one step, so that no reader sees half of it."""
        new = folder / f'{FILE}.new'
        new.write_text(json.dumps(asdict(self), indent=1))
        new.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> RunState | None:
        """Return the state in `folder`, or None where there is none that can be read.

        One of an older form cannot be read: it does not tell for sure which process it means.
        """
        try:
            values = json.loads((folder / FILE).read_text())
            values['supervisor'] = ProcessRecord(**values['supervisor'])
            values['processes'] = tuple(ProcessRecord(**entry) for entry in values['processes'])
            values['names'] = tuple(values['names'])
            return cls(**values)
        except (OSError, ValueError, TypeError, KeyError):
            return None


def find_runs(root: Path) -> list[tuple[Path, RunState]]:
    """Return every robot below `root` that is up, with its state folder."""
    found = [(file.parent, RunState.read(file.parent)) for file in sorted(root.glob(f'*/{FILE}'))]
    return [(folder, state) for folder, state in found if state and state.is_up]


class RunLock:
    """Held while a robot is up; the kernel lets go of it however the holder ends.

    Makes `folder` with its `log`; raises UserError where that is not possible.
    """

    def __init__(self, folder: Path) -> None:
        try:
            (folder / 'log').mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(
                f'{folder} cannot be written ({error.strerror}): set EIP_STATE_DIR elsewhere'
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            state = RunState.read(folder)
            who = f'process {state.supervisor.pid}' if state else 'another process'
            raise AlreadyUpError(
                f'{folder.name} is up already in {who}: end it with `eip down`, '
                'or give this one another --namespace'
            ) from None

    def release(self) -> None:
        """Let the next one come up."""
        os.close(self._descriptor)


def end_processes(records: Sequence[Endable], grace_s: Sequence[float] = (4.0, 2.0)) -> list[str]:
    """End process groups by SIGINT, SIGTERM and SIGKILL in turn; return who had to be killed.

    Takes at most the sum of `grace_s` and a second.
    """
    left = [record for record in records if record.is_running]
    for number, patience_s in zip((signal.SIGINT, signal.SIGTERM), grace_s, strict=True):
        _signal(left, number)
        left = wait_for_end(left, patience_s)
    killed = [record.name for record in left]
    _signal(left, signal.SIGKILL)
    wait_for_end(left, 1.0)
    return killed


def _signal(records: Iterable[Endable], number: signal.Signals) -> None:
    for record in records:
        try:
            # Each child leads a group of its own; never signal a group that another one leads.
            if os.getpgid(record.pid) == record.pid:
                os.killpg(record.pid, number)
            else:
                os.kill(record.pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def wait_for_end(records: Iterable[Endable], patience_s: float) -> list[Endable]:
    """Return those of `records` that still run after at most `patience_s`."""
    deadline = time.monotonic() + patience_s
    left = [record for record in records if record.is_running]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [record for record in left if record.is_running]
    return left
