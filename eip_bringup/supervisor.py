"""`eip up` without ROS's launch: starts a robot's processes, keeps them up, ends them all."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from eip_bringup.composition import Process
from eip_bringup.environment import ros_environment
from eip_bringup.run_state import ProcessRecord, RunLock, RunState, end_processes

__all__ = ['Supervisor']

TICK_S = 0.02
USER_ERROR = 2
TRIES_AFTER_USER_ERROR = 3
LISTEN_S = 0.5
MOST_READ = 1 << 20
MOST_ERRORS = 5
ERROR = re.compile(r'\[(ERROR|FATAL)\] \[[^]]*\] \[[^]]*\]: ')


class _Child:
    """One process of the table and the life it leads."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.running: subprocess.Popen[bytes] | None = None
        self.record: ProcessRecord | None = None
        self.due_s: float | None = 0.0
        self.began_s = 0.0
        self.starts = 0
        self.short_lives = 0
        self.user_errors = 0
        self._read = 0

    @property
    def name(self) -> str:
        """Return the name of the process."""
        return self.process.name

    @property
    def pid(self) -> int:
        """Return the process id; ProcessLookupError when it was not started or has ended."""
        if self.running is None:
            raise ProcessLookupError(f'{self.name} does not run')
        return self.running.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the process runs, asked of the kernel as its parent alone can."""
        return self.running is not None and self.running.poll() is None

    def start(self, environment: Mapping[str, str], command: Sequence[str]) -> None:
        self.starts += 1
        self.due_s = None
        self.began_s = time.monotonic()
        with self.log.open('ab') as output:
            self.running = subprocess.Popen(
                command,
                env={**environment, **self.process.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.record = ProcessRecord.of(
            self.process.name, self.running.pid, str(self.log), self.starts
        )

    def new_errors(self) -> list[str]:
        """Return the errors that the process logged since the last call, a few at most.

        A log that cannot be read, because somebody took it away, tells nothing.
        """
        try:
            with self.log.open('rb') as log:
                log.seek(self._read)
                new = log.read(MOST_READ)
        except OSError:
            return []
        whole, _, _ = new.rpartition(b'\n')
        self._read += len(whole) + bool(whole)
        lines = whole.decode(errors='replace').splitlines()
        found = [line for line in lines if ERROR.match(line)]
        return [ERROR.sub('', line) for line in found[:MOST_ERRORS]]

    def last_line(self) -> str:
        """Return the last line of the log, which names what went wrong; '' without one."""
        try:
            lines = self.log.read_text(errors='replace').strip().splitlines()
        except OSError:
            return ''
        return lines[-1] if lines else ''


class Supervisor:
    """Runs the processes of one robot.

    `tell` gets one line for whatever happens. Children are started by one thread that lives as
    long as they do, because the kernel ties them to the thread that made them, not the process.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        folder: Path,
        domain_id: int,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder
        self.domain_id = domain_id
        self._teller = tell
        logs = folder / 'log'
        self._lock = RunLock(folder)
        self._children = [_Child(p, _fresh_log(logs, p.name)) for p in processes]
        self._environment = {**os.environ, **ros_environment(domain_id, folder)}
        self._state = RunState(
            ProcessRecord.of('eip up', os.getpid()),
            processes[0].namespace if processes else '',
            domain_id,
            time.time(),
            names=tuple(process.name for process in processes),
        )
        self._killed: list[str] = []
        self._listen_at_s = 0.0
        self._ending = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name='supervisor', daemon=True)

    def start(self) -> None:
        """End what a killed predecessor left behind, then start every process."""
        left = RunState.read(self.folder)
        if left and not left.is_up:
            end_processes(left.processes)
        self._thread.start()
        self._begun.wait()

    def stop(self) -> list[str]:
        """End every process in order; return the names of those that had to be killed."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        else:
            self._finish()
        return self._killed

    def pid_of(self, name: str) -> int | None:
        """Return the process id of `name` while it runs."""
        child = self._child(name)
        if child.running is None or child.running.poll() is not None:
            return None
        return child.running.pid

    def starts_of(self, name: str) -> int:
        """Return how many times `name` was started."""
        return self._child(name).starts

    @property
    def names(self) -> list[str]:
        """Return the names of all processes, also of those that wait for their next start."""
        return [child.process.name for child in self._children]

    def _child(self, name: str) -> _Child:
        for child in self._children:
            if child.process.name == name:
                return child
        raise KeyError(f'{name} is no process of this robot, there are {", ".join(self.names)}')

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                changes = [self._tend(child) for child in self._children]
                if any(changes):
                    self._save()
                self._begun.set()
                self._listen()
                self._ending.wait(TICK_S)
        finally:
            self._begun.set()
            self._finish()

    def _listen(self) -> None:
        """Tell what the processes log as errors, so that nobody has to look for it."""
        if time.monotonic() < self._listen_at_s:
            return
        self._listen_at_s = time.monotonic() + LISTEN_S
        for child in self._children:
            for line in child.new_errors():
                self._tell(f'{child.process.name}: {line}')

    def _tend(self, child: _Child) -> bool:
        if child.running is not None:
            code = child.running.poll()
            if code is None:
                return False
            self._note_end(child, code)
            return True
        if child.due_s is None or time.monotonic() < child.due_s:
            return False
        try:
            child.start(self._environment, self._command(child.process))
        except OSError as error:
            child.due_s = None
            self._tell(f'{child.process.name} could not be started: {error}')
        return True

    def _command(self, process: Process) -> list[str]:
        farewell = signal.SIGTERM if process.ends_last else signal.SIGKILL
        tied = [process.module, str(os.getpid()), str(int(farewell)), str(process.niceness)]
        return [sys.executable, '-m', 'eip_bringup.child', *tied, *process.ros_arguments()]

    def _note_end(self, child: _Child, code: int) -> None:
        child.running = None
        child.record = None
        respawn, name = child.process.respawn, child.process.name
        lived_s = time.monotonic() - child.began_s
        child.short_lives = 1 if lived_s >= respawn.steady_after_s else child.short_lives + 1
        child.user_errors = child.user_errors + 1 if code == USER_ERROR else 0
        how = f'ended by {signal.Signals(-code).name}' if code < 0 else f'ended with code {code}'
        if code > 0 and (line := child.last_line()):
            how = f'{how} ({line})'
        if not respawn.enabled or child.user_errors >= TRIES_AFTER_USER_ERROR:
            self._tell(f'{name} {how}; it stays down, its log is {child.log}')
            return
        delay_s = respawn.delay_after(child.short_lives)
        child.due_s = time.monotonic() + delay_s
        self._tell(f'{name} {how}; starting it again in {delay_s:.1f} s')

    def _tell(self, line: str) -> None:
        # The robot matters more than who hears of it: a terminal may have gone away.
        with contextlib.suppress(OSError):
            self._teller(line)

    def _save(self) -> None:
        records = [child.record for child in self._children if child.record]
        try:
            self._state.with_processes(records).write(self.folder)
        except OSError as error:
            self._tell(f'{self.folder} cannot be written: {error}')

    def _finish(self) -> None:
        for is_last in (False, True):
            group = [c for c in self._children if c.running and c.process.ends_last is is_last]
            self._killed += end_processes(group)
            for child in group:
                if child.running is not None:
                    child.running.wait()
        (self.folder / 'up.json').unlink(missing_ok=True)
        self._lock.release()


def _fresh_log(folder: Path, name: str) -> Path:
    log = folder / f'{name}.log'
    if log.exists():
        log.replace(folder / f'{name}.log.1')
    log.touch()
    return log
