"""The audit log: append-only JSON lines, each chained to the one before by SHA-256.

A line is on disk (fsync) before `append` returns. A small head file beside the log remembers the
last line and the oldest kept one, so that lines cut off either end are missed.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from eip_safety_monitor.audit.audit_check import HEAD, read_head, verify_newest
from eip_safety_monitor.audit.audit_record import (
    GENESIS,
    AuditRecord,
    digest_of,
    first_record,
    log_files,
)
from eip_safety_monitor.files import sync_folder, write_atomically

__all__ = ['AuditError', 'AuditLog']


class AuditError(OSError):
    """A line could not be written; the text says which file, why, and what to do."""


class AuditLog:
    """Appends to the log in a folder; one writer at a time."""

    def __init__(self, folder: Path, max_bytes: int = 8_000_000, keep_files: int = 20) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep_files = keep_files
        self._descriptor: int | None = None
        self._size = 0
        self._sequence = 0
        self._previous = GENESIS
        self._anchor: dict[str, Any] = {'sequence': 1, 'previous': GENESIS}
        self.last: AuditRecord | None = None
        self.broken = ''

    def open(self) -> None:
        """Open or begin the log; raises AuditError when the folder cannot be written.

        A torn last line, as a power cut leaves it, is cut off. A log whose newest file does not
        verify is put aside unchanged and named in `broken`; a new chain begins. Older files are
        not read: that would take longer with every day that the log grows.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()
            found = verify_newest(self._folder)
            if not found.ok:
                self.broken = found.problem
                self._put_aside()
            self._continue(found.last if found.ok else None)
            self._open_file()
        except OSError as error:
            raise self._error(error) from error

    def append(self, kind: str, **fields: Any) -> AuditRecord:
        """Write one record and return it once it is on disk; raises AuditError."""
        if self._descriptor is None:
            self.open()
        body = {
            'sequence': self._sequence + 1,
            'time': time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime()) + 'Z',
            'monotonic_ns': time.monotonic_ns(),
            'kind': kind,
            **fields,
        }
        digest = digest_of(self._previous, body)
        record = AuditRecord(self._sequence + 1, digest, self._previous, body)
        line = json.dumps({'hash': digest, 'previous': self._previous, 'body': body})
        try:
            self._rotate_if_full()
            self._write(line.encode() + b'\n')
        except OSError as error:
            raise self._error(error) from error
        self._sequence, self._previous, self.last = record.sequence, digest, record
        return record

    def save_head(self, sync: bool = False) -> None:
        """Remember the last record in the head file; raises AuditError."""
        head = {'sequence': self._sequence, 'hash': self._previous, 'anchor': self._anchor}
        try:
            write_atomically(self._folder / HEAD, json.dumps(head), sync=sync)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _continue(self, last: AuditRecord | None) -> None:
        self.last = last
        self._sequence, self._previous = (last.sequence, last.hash) if last else (0, GENESIS)
        head = read_head(self._folder)
        self._anchor = head['anchor'] if head else {'sequence': 1, 'previous': GENESIS}

    def _cut_torn_line(self) -> None:
        files = log_files(self._folder)
        if not files:
            return
        data = files[-1].read_bytes()
        if data and not data.endswith(b'\n'):
            os.truncate(files[-1], data.rfind(b'\n') + 1)

    def _put_aside(self) -> None:
        aside = self._folder / time.strftime('broken-%Y%m%dT%H%M%S', time.gmtime())
        aside.mkdir(exist_ok=True)
        for path in (*log_files(self._folder), self._folder / HEAD):
            if path.exists():
                path.rename(aside / path.name)

    def _open_file(self) -> None:
        files = log_files(self._folder)
        path = files[-1] if files else self._folder / f'audit-{self._sequence + 1:09d}.jsonl'
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(path, flags, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        sync_folder(self._folder)

    def _rotate_if_full(self) -> None:
        if self._size < self._max_bytes:
            return
        path = self._folder / f'audit-{self._sequence + 1:09d}.jsonl'
        new = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        self.close()
        self._descriptor, self._size = new, 0
        sync_folder(self._folder)
        self._drop_old_files()

    def _drop_old_files(self) -> None:
        files = log_files(self._folder)
        old, kept = files[: -self._keep_files], files[-self._keep_files :]
        # While the oldest line to keep is damaged nothing is dropped; the next file may have one.
        if not old or (oldest := first_record(kept[0])) is None:
            return
        # The head learns of the new beginning first: a crash between leaves extra lines only.
        self._anchor = {'sequence': oldest.sequence, 'previous': oldest.previous}
        self.save_head(sync=True)
        for path in old:
            path.unlink()

    def _write(self, line: bytes) -> None:
        assert self._descriptor is not None
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(28, 'No space left on device')
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)

    def _error(self, error: OSError) -> AuditError:
        why = error.strerror or str(error)
        return AuditError(
            f'audit log in {self._folder} cannot be written: {why}; '
            'free or remount the disk, or set another state_dir'
        )
