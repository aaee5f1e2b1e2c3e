"""Small files that are never half written, and a folder that one process owns."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

__all__ = ['FolderLock', 'overwrite', 'sync_folder', 'write_atomically']


def write_atomically(path: Path, text: str, sync: bool = True) -> None:
    """Replace `path` by `text` so that a reader or a crash sees the old or the new, whole.

    With `sync` the new one is on disk, name and all, before this returns. Raises OSError.
    """
    new = path.with_name(f'.{path.name}.new')
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        _write_all(descriptor, text.encode())
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    if sync:
        sync_folder(path.parent)


def overwrite(path: Path, text: str) -> None:
    """Write `text` over the beginning of an existing file, on disk before this returns.

    Needs no new space when the file is as long already. Raises OSError.
    """
    descriptor = os.open(path, os.O_WRONLY)
    try:
        _write_all(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """Holds a folder for this process; the kernel lets go when the process ends, however."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / 'owner.lock'
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the folder; raises BlockingIOError naming the owner when another process has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode(errors='replace').strip()
            os.close(descriptor)
            raise BlockingIOError(
                f'state_dir {self._path.parent} is in use by process {owner or "unknown"}; '
                'end that safety monitor or give this one another state_dir'
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f'{os.getpid()}\n'.encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the folder go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
