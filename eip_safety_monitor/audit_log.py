"""The audit log: append-only JSON lines, each chained to the one before by SHA-256.

A line is on disk (fsync) before `append` returns. A small head file beside the log remembers the
last line and the oldest kept one, so that lines cut off either end are missed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eip_safety_monitor.files import sync_folder, write_atomically

__all__ = ['AuditError', 'AuditLog', 'AuditRecord', 'Verification', 'read_audit', 'verify_audit']

GENESIS = '0' * 64
HEAD = 'audit.head.json'
PATTERN = 'audit-*.jsonl'


class AuditError(OSError):
    """A line could not be written; the text says which file, why, and what to do."""


@dataclass(frozen=True)
class AuditRecord:
    """One line: its number from 1, its hash, and what was logged."""

    sequence: int
    hash: str
    previous: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Verification:
    """Whether the log is whole; `problem` names file, line and fault when it is not."""

    ok: bool
    records: int
    problem: str = ''


def _digest(previous: str, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(',', ':'), ensure_ascii=True)
    return hashlib.sha256(f'{previous}\n{text}'.encode()).hexdigest()


def _log_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(PATTERN))


def _parse(line: str) -> AuditRecord:
    raw = json.loads(line)
    body = raw['body']
    return AuditRecord(int(body['sequence']), str(raw['hash']), str(raw['previous']), body)


def read_audit(folder: Path) -> Iterator[AuditRecord]:
    """Yield every record of the log in `folder`, oldest first.

    Raises ValueError, naming file and line, at the first line that is not a record.
    """
    for path in _log_files(folder):
        with path.open(encoding='utf-8', errors='replace') as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield _parse(line)
                except (ValueError, KeyError, TypeError) as error:
                    raise ValueError(f'{path.name} line {number} is no record: {error}') from None


def _read_head(folder: Path) -> dict[str, Any] | None:
    try:
        head = json.loads((folder / HEAD).read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    if not isinstance(head, dict):
        raise ValueError(f'{HEAD} holds no mapping')
    return head


def verify_audit(folder: Path) -> Verification:
    """Check every line, their order and both ends of the log in `folder`."""
    count = 0
    try:
        head = _read_head(folder)
        anchor = (head or {}).get('anchor', {'sequence': 1, 'previous': GENESIS})
        expected, previous = int(anchor['sequence']), str(anchor['previous'])
        is_head_seen = head is None or int(head['sequence']) == expected - 1
        for record in read_audit(folder):
            if record.sequence != expected:
                return Verification(False, count, f'record {expected} is missing or out of order')
            if record.previous != previous or _digest(previous, record.body) != record.hash:
                return Verification(False, count, f'record {expected} was changed')
            if head is not None and record.sequence == int(head['sequence']):
                is_head_seen = record.hash == head['hash']
            expected, previous, count = expected + 1, record.hash, count + 1
    except (ValueError, KeyError, TypeError, OSError) as error:
        return Verification(False, count, str(error))
    if head is not None and not is_head_seen:
        return Verification(False, count, f'the last records up to {head["sequence"]} are missing')
    if head is None and count:
        return Verification(False, count, f'{HEAD} is missing')
    return Verification(True, count)


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

        A torn last line, as a power cut leaves it, is cut off. A log that does not verify is put
        aside unchanged and named in `broken`; a new chain begins.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()
            found = verify_audit(self._folder)
            if not found.ok:
                self.broken = found.problem
                self._put_aside()
            self._continue()
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
        digest = _digest(self._previous, body)
        record = AuditRecord(self._sequence + 1, digest, self._previous, body)
        line = json.dumps({'hash': digest, 'previous': self._previous, 'body': body})
        try:
            self._rotate_if_full()
            self._write(line.encode() + b'\n')
        except OSError as error:
            raise self._error(error) from error
        self._sequence, self._previous, self.last = record.sequence, digest, record
        return record

    def save_head(self) -> None:
        """Remember the last record in the head file; raises AuditError."""
        head = {'sequence': self._sequence, 'hash': self._previous, 'anchor': self._anchor}
        try:
            write_atomically(self._folder / HEAD, json.dumps(head), sync=False)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _continue(self) -> None:
        for record in read_audit(self._folder):
            self.last = record
        if self.last is not None:
            self._sequence, self._previous = self.last.sequence, self.last.hash
        head = _read_head(self._folder)
        if head is not None and 'anchor' in head:
            self._anchor = head['anchor']

    def _cut_torn_line(self) -> None:
        files = _log_files(self._folder)
        if not files:
            return
        data = files[-1].read_bytes()
        if data and not data.endswith(b'\n'):
            os.truncate(files[-1], data.rfind(b'\n') + 1)

    def _put_aside(self) -> None:
        aside = self._folder / time.strftime('broken-%Y%m%dT%H%M%S', time.gmtime())
        aside.mkdir(exist_ok=True)
        for path in (*_log_files(self._folder), self._folder / HEAD):
            if path.exists():
                path.rename(aside / path.name)

    def _open_file(self) -> None:
        files = _log_files(self._folder)
        path = files[-1] if files else self._folder / f'audit-{self._sequence + 1:09d}.jsonl'
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(path, flags, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        sync_folder(self._folder)

    def _rotate_if_full(self) -> None:
        if self._size < self._max_bytes:
            return
        self.close()
        path = self._folder / f'audit-{self._sequence + 1:09d}.jsonl'
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        self._size = 0
        sync_folder(self._folder)
        self._drop_old_files()

    def _drop_old_files(self) -> None:
        files = _log_files(self._folder)
        for path in files[: max(0, len(files) - self._keep_files)]:
            with path.open('rb') as lines:
                last = _parse(lines.readlines()[-1].decode())
            # The head learns of the new beginning first: a crash between leaves extra lines only.
            self._anchor = {'sequence': last.sequence + 1, 'previous': last.hash}
            self.save_head()
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
