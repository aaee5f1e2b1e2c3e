"""A small disk of the monitor's own, in a mount namespace that goes with its process."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from eip_safety_monitor.trial.processes import NodeProcess

__all__ = ['SmallDisk', 'why_no_small_disk']

SIZE = '256k'
MOUNT = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && exec "$@"'
BLOCK = bytes(4096)


@cache
def why_no_small_disk() -> str:
    """Return why a process cannot get a disk of its own here; empty when it can."""
    if not (shutil.which('unshare') and shutil.which('nsenter')):
        return 'unshare and nsenter (util-linux) are not installed'
    found = subprocess.run(
        [*_unshare(), 'sh', '-c', MOUNT, '/mnt', 'true'], capture_output=True, text=True, timeout=20
    )
    return f'mounting is not allowed: {found.stderr.strip()}' if found.returncode else ''


class SmallDisk:
    """The file system under `folder` as the process `monitor` sees it, once it was started."""

    def __init__(self, folder: Path, monitor: NodeProcess) -> None:
        self._folder = folder
        self._monitor = monitor
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def wrap(self) -> Sequence[str]:
        """Return the words to put before the command line of the process."""
        return (*_unshare(), 'sh', '-c', MOUNT, str(self._folder))

    def fill(self) -> None:
        """Write until nothing more fits."""
        # Unbuffered, or the last refused block would be tried again when the file is closed.
        with self._filler.open('wb', buffering=0) as file, contextlib.suppress(OSError):
            while file.write(BLOCK):
                pass

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Let nothing below the folder be opened for writing any more."""
        self._in_namespace('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"')

    def make_writable(self) -> None:
        """Take `make_read_only` back."""
        self._in_namespace('umount "$0"')

    @property
    def _filler(self) -> Path:
        root = Path(f'/proc/{self._monitor.pid}/root')
        return root / self._folder.relative_to('/') / 'filler'

    def _in_namespace(self, script: str) -> None:
        user = () if os.geteuid() == 0 else ('-U', '--preserve-credentials')
        enter = ('nsenter', '-t', str(self._monitor.pid), '-m', *user)
        subprocess.run(
            [*enter, 'sh', '-c', script, str(self._folder)],
            check=True,
            capture_output=True,
            timeout=20,
        )


def _unshare() -> tuple[str, ...]:
    return ('unshare', '-m') if os.geteuid() == 0 else ('unshare', '-Urm')
