"""Is the audit log whole? Finds the first line that was changed, deleted, reordered or truncated.

Three places bear witness: the chain itself, the head file (last and oldest kept line) and the
latch file, which names the last line at the time the latch changed. Who can rewrite all three can
forge the log; the hash in every SafetyEvent, kept elsewhere, then still tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from eip_safety_monitor.audit.audit_record import (
    GENESIS,
    AuditRecord,
    digest_of,
    log_files,
    parse_record,
)

__all__ = ['HEAD', 'LATCH', 'Damage', 'Verification', 'read_head', 'verify_audit']

HEAD = 'audit.head.json'
LATCH = 'latch.json'
TRIES = 3


class Damage(StrEnum):
    """What was done to a log."""

    CHANGED = 'changed'
    DELETED = 'deleted'
    REORDERED = 'reordered'
    TRUNCATED = 'truncated'


@dataclass(frozen=True)
class Verification:
    """Whether the log is whole; else `problem` says what is wrong, and where it begins.

    `file` and `line` name the first broken line; line 0 is the end of the log.
    """

    ok: bool
    records: int
    problem: str = ''
    damage: Damage | None = None
    file: str = ''
    line: int = 0


@dataclass(frozen=True)
class _Line:
    file: str
    number: int
    text: str
    record: AuditRecord | None
    fault: str = ''


class _Broken(Exception):
    def __init__(self, damage: Damage, problem: str, where: _Line | None = None) -> None:
        super().__init__(problem)
        self.damage, self.problem, self.where = damage, problem, where


def verify_audit(folder: Path) -> Verification:
    """Check every line, their order and both ends of the log in `folder`.

    The log may be written meanwhile. Raises OSError when it cannot be read.
    """
    for _ in range(TRIES):
        before = _raw_head(folder)
        try:
            found = _verify(folder)
        except FileNotFoundError:
            found = Verification(False, 0, 'a file went away while it was read', Damage.DELETED)
        # Retention may have dropped a file while it was read.
        if found.ok or _raw_head(folder) == before:
            break
    return found


def read_head(folder: Path) -> dict[str, Any] | None:
    """Return what the head file says, None when there is none; raises ValueError."""
    raw = _raw_head(folder)
    if raw is None:
        return None
    try:
        head: dict[str, Any] = json.loads(raw)
        anchor = head['anchor']
        _ = int(head['sequence']), str(head['hash']), int(anchor['sequence']), anchor['previous']
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f'{HEAD} does not name the last line and the oldest kept one') from None
    return head


def _verify(folder: Path) -> Verification:
    marks: dict[int, str] = {}
    count = 0
    try:
        head, witness = _witnesses(folder)
        anchor = (head or {}).get('anchor', {'sequence': 1, 'previous': GENESIS})
        last = 0
        for line in _chained(list(_lines(folder)), anchor):
            assert line.record is not None
            last, count = line.record.sequence, count + 1
            marks[last] = line.record.hash
        _check_end(head, HEAD, last, marks, anchor)
        _check_end(witness, LATCH, last, marks, anchor)
        if head is None and count:
            raise _Broken(Damage.DELETED, f'{HEAD} is missing')
    except _Broken as found:
        where = found.where
        file, number = (where.file, where.number) if where else ('', 0)
        return Verification(False, count, found.problem, found.damage, file, number)
    return Verification(True, count)


def _raw_head(folder: Path) -> str | None:
    try:
        return (folder / HEAD).read_text(encoding='utf-8', errors='replace')
    except FileNotFoundError:
        return None


def _witnesses(folder: Path) -> tuple[dict[str, Any] | None, Mapping[str, Any] | None]:
    try:
        head = read_head(folder)
    except ValueError as error:
        raise _Broken(Damage.CHANGED, str(error)) from None
    try:
        latch = json.loads((folder / LATCH).read_text(encoding='utf-8'))
        return head, latch.get('audit')
    except (OSError, ValueError, AttributeError):
        # A latch that cannot be read is the state store's to report.
        return head, None


def _lines(folder: Path) -> Iterator[_Line]:
    for path in log_files(folder):
        with path.open(encoding='utf-8', errors='replace', newline='\n') as lines:
            for number, text in enumerate(lines, 1):
                try:
                    yield _Line(path.name, number, text, parse_record(text))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    yield _Line(path.name, number, text, None, str(error))


def _chained(lines: list[_Line], anchor: Mapping[str, Any]) -> Iterator[_Line]:
    expected, previous = int(anchor['sequence']), str(anchor['previous'])
    if lines and (first := lines[0].record) is not None and first.sequence < expected:
        # Dropped lines that a crash left standing; they must lead to the oldest kept one.
        expected, previous = first.sequence, first.previous
    for index, line in enumerate(lines):
        record = _whole(line, is_last=index == len(lines) - 1)
        if record.sequence != expected:
            raise _gap(line, expected, record.sequence, lines[index:])
        is_oldest = record.sequence == int(anchor['sequence'])
        if record.previous != (str(anchor['previous']) if is_oldest else previous):
            problem = f'record {expected} does not follow the one before'
            raise _Broken(Damage.CHANGED, problem, line)
        expected, previous = expected + 1, record.hash
        yield line


def _whole(line: _Line, is_last: bool) -> AuditRecord:
    if line.record is None:
        if is_last and not line.text.endswith('\n'):
            raise _Broken(Damage.TRUNCATED, 'the last line ends in its middle', line)
        raise _Broken(Damage.CHANGED, f'is no record: {line.fault}', line)
    if digest_of(line.record.previous, line.record.body) != line.record.hash:
        raise _Broken(Damage.CHANGED, f'record {line.record.sequence} was changed', line)
    return line.record


def _gap(line: _Line, expected: int, found: int, rest: Iterable[_Line]) -> _Broken:
    comes_later = any(other.record and other.record.sequence == expected for other in rest)
    if found < expected or comes_later:
        problem = f'record {found} stands where {expected} should'
        return _Broken(Damage.REORDERED, problem, line)
    gone = str(expected) if found == expected + 1 else f'{expected} to {found - 1}'
    return _Broken(Damage.DELETED, f'record {gone} is missing before record {found}', line)


def _check_end(
    mark: Mapping[str, Any] | None,
    name: str,
    last: int,
    marks: Mapping[int, str],
    anchor: Mapping[str, Any],
) -> None:
    if mark is None:
        return
    try:
        sequence, digest = int(mark['sequence']), str(mark['hash'])
    except (KeyError, TypeError, ValueError) as error:
        raise _Broken(Damage.CHANGED, f'{name} names no last record: {error!r}') from None
    if sequence > max(last, int(anchor['sequence']) - 1):
        problem = f'the records after {last} up to {sequence} are missing, says {name}'
        raise _Broken(Damage.TRUNCATED, problem)
    if sequence in marks and marks[sequence] != digest:
        raise _Broken(Damage.CHANGED, f'record {sequence} is not the one that {name} names')
