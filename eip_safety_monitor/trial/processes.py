"""The two safety nodes as child processes that can be killed, suspended and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ['NodeProcess']


class NodeProcess:
    """One node module run by this Python, its output in a file; ended by its own id only.

    A `module` that ends in `.py` is the path of a script.
    """

    def __init__(
        self,
        module: str,
        log_file: Path,
        parameters: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self._module = module
        self._arguments = arguments
        self.parameters = dict(parameters or {})
        self._log_file = log_file
        self._environment = {**os.environ, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """Return the command line by which it is started."""
        how = [self._module] if self._module.endswith('.py') else ['-m', self._module]
        parts = [sys.executable, *how, *self._arguments]
        if self.parameters:
            parts.append('--ros-args')
        for name, value in self.parameters.items():
            parts += ['-p', f'{name}:={value}']
        return parts

    @property
    def pid(self) -> int:
        """Return the process id; 0 when it does not run."""
        return self._child.pid if self._child else 0

    @property
    def returncode(self) -> int | None:
        """Return the exit code, None while it runs or before it was started."""
        return self._child.poll() if self._child else None

    def start(self, wrap: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """Start the process; its output is appended to the log file.

        `wrap` are words put before its command line; the last of them must become the process.
        """
        with self._log_file.open('ab') as output:
            self._child = subprocess.Popen(
                [*wrap, *self.command],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._environment, **(environment or {})},
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self, deadline_s: float = 5.0) -> int | None:
        """End it in good order, or by force after the deadline; return the exit code."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.returncode

    def wait(self, deadline_s: float = 5.0) -> None:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        if self._child is not None:
            self._child.wait(deadline_s)

    def output(self) -> str:
        """Return everything it has printed."""
        return self._log_file.read_text(errors='replace') if self._log_file.exists() else ''
