"""The audit log of one robot as a person asks for it: which folder, which lines, which form."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from eip_bringup.errors import ExitCode, UserError

if TYPE_CHECKING:
    from eip_safety_monitor.audit.audit_record import AuditRecord

__all__ = [
    'Selection',
    'audit_folder',
    'line_of',
    'moment',
    'select',
    'write_csv',
    'write_json_lines',
]

COLUMNS = (
    'sequence',
    'time',
    'kind',
    'severity',
    'cause',
    'message',
    'mode_before',
    'mode_after',
    'operator_name',
    'reason',
)
AGO = re.compile(r'(\d+(?:\.\d+)?)(s|m|h|d)')
UNITS = {'s': 'seconds', 'm': 'minutes', 'h': 'hours', 'd': 'days'}


@dataclass(frozen=True)
class Selection:
    """Which lines are meant; `since` and `until` are in UTC, None is without limit."""

    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise _usage(f'since {self.since:%FT%TZ} is later than until {self.until:%FT%TZ}')

    def has(self, record: AuditRecord) -> bool:
        """Tell whether `record` is meant; one without a readable time always is."""
        if self.kinds and record.body.get('kind') not in self.kinds:
            return False
        try:
            at = datetime.fromisoformat(str(record.body.get('time')))
        except ValueError:
            return True
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return not (self.since and at < self.since) and not (self.until and at > self.until)


def moment(text: str, name: str) -> datetime | None:
    """Return the moment that `text` names in UTC: ISO 8601, or `10m` for ten minutes ago."""
    if not text:
        return None
    if ago := AGO.fullmatch(text.strip()):
        try:
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: float(ago[1])})
        except OverflowError:
            raise _usage(f'--{name} {text!r} is before all time') from None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _usage(
            f'--{name} {text!r} is no time: give 2026-11-21T08:00 (UTC), or 90s, 10m, 2h, 3d ago'
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def audit_folder(folder: Path) -> Path:
    """Return the folder with the log: `folder`, or its `safety_monitor` when that has one.

    Raises UserError when neither holds anything of a safety monitor.
    """
    for candidate in (folder, folder / 'safety_monitor'):
        if any(candidate.glob('audit*')) or (candidate / 'latch.json').exists():
            return candidate
    raise UserError(
        f'there is no audit log in {folder}: name the robot with --namespace, or the folder that '
        'its parameter state_dir names with --folder'
    )


def select(folder: Path, selection: Selection) -> Iterator[AuditRecord]:
    """Yield the lines that are meant, oldest first; raises UserError at one that is no record."""
    from eip_safety_monitor.audit.audit_record import read_audit

    try:
        yield from (record for record in read_audit(folder) if selection.has(record))
    except ValueError as error:
        raise UserError(f'{folder}: {error}; `eip audit verify` says what was done') from None
    except OSError as error:
        raise UserError(f'{folder} cannot be read: {error.strerror}') from None


def line_of(record: AuditRecord) -> str:
    """Return one line for a person; what a terminal would obey is replaced."""
    body = record.body
    text = f'{body.get("cause", "")}: {body.get("message", "")}'.strip(': ')
    if body.get('operator_name'):
        text += f' [{body["operator_name"]}: {body.get("reason", "")}]'
    line = f'{record.sequence:>6} {body.get("time", "")} {body.get("kind", ""):<15} {text}'
    return ''.join(letter if letter.isprintable() else '\ufffd' for letter in line)


def write_json_lines(records: Iterable[AuditRecord], output: TextIO) -> int:
    """Write one JSON object a line, with the hashes, and return how many."""
    count = 0
    for record in records:
        values = {**record.body, 'hash': record.hash, 'previous': record.previous}
        output.write(json.dumps(values, ensure_ascii=False) + '\n')
        count += 1
    return count


def write_csv(records: Iterable[AuditRecord], output: TextIO) -> int:
    """Write a table whose last columns are all further fields as JSON and the hash."""
    rows = csv.writer(output)
    rows.writerow([*COLUMNS, 'more', 'hash'])
    count = 0
    for record in records:
        more = {key: value for key, value in record.body.items() if key not in COLUMNS}
        cells = [_plain(record.body.get(column, '')) for column in COLUMNS]
        rows.writerow([*cells, json.dumps(more, ensure_ascii=False), record.hash])
        count += 1
    return count


def _plain(value: object) -> str:
    # A spreadsheet would run a cell that begins so; the log holds words of strangers.
    text = str(value)
    return f"'{text}" if text[:1] in ('=', '+', '-', '@', '\t', '\r') else text


def _usage(text: str) -> UserError:
    error = UserError(text)
    error.exit_code = ExitCode.USAGE
    return error
