"""Is the audit log whole? Finds the first line that was changed, deleted, reordered or truncated.

Three places bear witness: the chain itself, the head file (last and oldest kept line) and the
latch file, which names the last line at the time the latch changed. Who can rewrite all three can
forge the log; the hash in every SafetyEvent, kept elsewhere, then still tells.

Lines are read one by one with one of look-ahead, so a long log takes no more memory than a short
one.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

__all__ = ['HEAD', 'LATCH', 'Damage', 'Verification', 'read_head', 'verify_audit', 'verify_newest']

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

    `file` and `line` name the first broken line; line 0 is the end of the log. `last` is the last
    whole record that was read.
    """

    ok: bool
    records: int
    problem: str = ''
    damage: Damage | None = None
    file: str = ''
    line: int = 0
    last: AuditRecord | None = None


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
            found = _verify(folder, log_files(folder))
        except FileNotFoundError:
            found = Verification(False, 0, 'a file went away while it was read', Damage.DELETED)
        # Retention may have dropped a file while it was read.
        if found.ok or _raw_head(folder) == before:
            break
    return found


def verify_newest(folder: Path) -> Verification:
    """Check the newest file with a line in it, and the end of the log in `folder`.

    Takes no longer for an old log than for a young one; nobody may write meanwhile. Raises OSError
    when it cannot be read.
    """
    files = log_files(folder)
    newest = max((number for number, path in enumerate(files) if path.stat().st_size), default=0)
    return _verify(folder, files[newest:], is_whole=newest == 0)


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


def _verify(folder: Path, files: Sequence[Path], is_whole: bool = True) -> Verification:
    count = 0
    last: AuditRecord | None = None
    try:
        head, witness = _witnesses(folder)
        anchor = (head or {}).get('anchor', {'sequence': 1, 'previous': GENESIS})
        marks = dict.fromkeys(map(_sequence_of, (head, witness)), '')
        for last in _chained(_lines(files), anchor, is_whole):
            count += 1
            seen = {last.sequence - 1: last.previous, last.sequence: last.hash}
            marks |= {number: seen[number] for number in seen.keys() & marks.keys()}
        end = last.sequence if last else 0
        _check_end(head, HEAD, end, marks, anchor)
        _check_end(witness, LATCH, end, marks, anchor)
        if head is None and count:
            raise _Broken(Damage.DELETED, f'{HEAD} is missing')
    except _Broken as found:
        where = found.where
        file, number = (where.file, where.number) if where else ('', 0)
        return Verification(False, count, found.problem, found.damage, file, number, last)
    return Verification(True, count, last=last)


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


def _start_in(file: str) -> int | None:
    """Return the number of a file's first record, which is in its name, None when it is not."""
    found = re.fullmatch(r'audit-(\d+)\.jsonl', file)
    return int(found[1]) if found else None


def _lines(files: Iterable[Path]) -> Iterator[_Line]:
    for path in files:
        with path.open(encoding='utf-8', errors='replace', newline='\n') as lines:
            for number, text in enumerate(lines, 1):
                try:
                    yield _Line(path.name, number, text, parse_record(text))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    yield _Line(path.name, number, text, None, str(error))


def _chained(
    lines: Iterator[_Line], anchor: Mapping[str, Any], is_whole: bool
) -> Iterator[AuditRecord]:
    expected, previous = int(anchor['sequence']), str(anchor['previous'])
    line = next(lines, None)
    if line and (first := line.record) and (not is_whole or first.sequence < expected):
        # Older files are not looked at; or they were dropped and a crash left some standing, which
        # must lead to the oldest kept one.
        named = None if is_whole else _start_in(line.file)
        expected, previous = first.sequence if named is None else named, first.previous
    while line is not None:
        following = next(lines, None)
        record = _whole(line, is_last=following is None)
        if record.sequence != expected:
            rest = itertools.chain((following,) if following else (), lines)
            raise _gap(line, expected, record.sequence, rest)
        is_oldest = record.sequence == int(anchor['sequence'])
        if record.previous != (str(anchor['previous']) if is_oldest else previous):
            problem = f'record {expected} does not follow the one before'
            raise _Broken(Damage.CHANGED, problem, line)
        if line.number == 1 and record.sequence != _start_in(line.file):
            problem = f'{line.file} begins with record {expected}, which its name does not say'
            raise _Broken(Damage.CHANGED, problem, line)
        expected, previous = expected + 1, record.hash
        yield record
        line = following


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


def _sequence_of(mark: Mapping[str, Any] | None) -> int:
    try:
        return int(mark['sequence']) if mark else 0
    except (KeyError, TypeError, ValueError):
        return 0


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
    if marks.get(sequence) and marks[sequence] != digest:
        raise _Broken(Damage.CHANGED, f'record {sequence} is not the one that {name} names')
