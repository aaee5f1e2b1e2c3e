"""One line of the audit log, how it is chained to the one before, and reading it back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    'GENESIS',
    'AuditRecord',
    'digest_of',
    'first_record',
    'log_files',
    'parse_record',
    'read_audit',
]

GENESIS = '0' * 64
"""What the first line of all names as the hash of the line before."""
PATTERN = 'audit-*.jsonl'


@dataclass(frozen=True)
class AuditRecord:
    """One line: its number from 1, its hash, that of the line before, and what was logged."""

    sequence: int
    hash: str
    previous: str
    body: Mapping[str, Any]


def digest_of(previous: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, that chains `body` to the line before."""
    text = json.dumps(body, sort_keys=True, separators=(',', ':'), ensure_ascii=True)
    return hashlib.sha256(f'{previous}\n{text}'.encode()).hexdigest()


def log_files(folder: Path) -> list[Path]:
    """Return the files of the log in `folder`, oldest first."""
    return sorted(folder.glob(PATTERN))


def parse_record(line: str) -> AuditRecord:
    """Return the record in `line`; raises ValueError, KeyError or TypeError when it is none."""
    raw = json.loads(line)
    body = raw['body']
    return AuditRecord(int(body['sequence']), str(raw['hash']), str(raw['previous']), body)


def first_record(path: Path) -> AuditRecord | None:
    """Return the first record of the file at `path`, None when there is none, or a changed one."""
    try:
        with path.open(encoding='utf-8', errors='replace') as lines:
            record = parse_record(lines.readline())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return record if digest_of(record.previous, record.body) == record.hash else None


def read_audit(folder: Path) -> Iterator[AuditRecord]:
    """Yield every record of the log in `folder`, oldest first.

    Raises ValueError, naming file and line, at the first line that is not a record.
    """
    for path in log_files(folder):
        with path.open(encoding='utf-8', errors='replace') as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield parse_record(line)
                except (ValueError, KeyError, TypeError) as error:
                    raise ValueError(f'{path.name} line {number} is no record: {error}') from None
