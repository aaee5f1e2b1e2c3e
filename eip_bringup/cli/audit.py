"""`eip audit`: what the safety monitor has written down, and whether it is still whole."""

from __future__ import annotations

import sys
from collections import deque
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eip_bringup.audit_reading import (
    Selection,
    audit_folder,
    line_of,
    moment,
    select,
    write_csv,
    write_json_lines,
)
from eip_bringup.cli.options import Namespace, find_target, usage
from eip_bringup.errors import ExitCode, UserError

__all__ = ['app']

app = typer.Typer(
    no_args_is_help=True,
    help='Read, check and export what the safety monitor has written down.',
)

Folder = Annotated[
    Path | None, typer.Option('--folder', '-f', help="The robot's state_dir; else by namespace.")
]
Since = Annotated[str, typer.Option(help='From this time on: ISO 8601 in UTC, or 10m, 2h, 3d ago.')]
Until = Annotated[str, typer.Option(help='Up to this time.')]
Kind = Annotated[
    list[str] | None, typer.Option(help='Only this kind (stop, reset, verdict …); may be repeated.')
]


class Form(StrEnum):
    """How lines are exported."""

    JSON_LINES = 'jsonl'
    CSV = 'csv'


@app.command()
def show(
    last: Annotated[int, typer.Option('--last', '-l', help='At most so many, the newest.')] = 20,
    since: Since = '',
    until: Until = '',
    kind: Kind = None,
    namespace: Namespace = None,
    folder: Folder = None,
) -> None:
    """Show the newest lines, oldest first."""
    if last < 1:
        raise usage(f'--last {last}: give at least 1')
    chosen, where = _selection(since, until, kind), _where(folder, namespace)
    newest = deque(select(where, chosen), maxlen=last)
    for record in newest:
        print(line_of(record))
    if not newest:
        print(f'no line of {where} is meant', file=sys.stderr)


@app.command()
def verify(namespace: Namespace = None, folder: Folder = None) -> None:
    """Check that nothing was changed, deleted, reordered or cut off. Exit code 1 when it was."""
    from eip_safety_monitor.audit.audit_check import verify_audit

    where = _where(folder, namespace)
    try:
        found = verify_audit(where)
    except OSError as error:
        raise UserError(f'{where} cannot be read: {error.strerror}') from None
    if found.ok:
        print(f'{where}: whole, {found.records} lines')
        return
    place = f'{found.file} line {found.line}' if found.line else 'at its end'
    print(f'{where}: {found.damage or "broken"}, {place}: {found.problem}')
    raise typer.Exit(int(ExitCode.FAILED))


@app.command()
def export(
    output: Annotated[str, typer.Argument(help='File to write; - for the screen.')] = '-',
    form: Annotated[Form, typer.Option('--format', help='jsonl or csv.')] = Form.JSON_LINES,
    since: Since = '',
    until: Until = '',
    kind: Kind = None,
    namespace: Namespace = None,
    folder: Folder = None,
) -> None:
    """Write lines with their hashes as JSON lines or CSV."""
    chosen, where = _selection(since, until, kind), _where(folder, namespace)
    records = select(where, chosen)
    write = write_csv if form is Form.CSV else write_json_lines
    if output == '-':
        write(records, sys.stdout)
        return
    try:
        with Path(output).open('w', encoding='utf-8', newline='') as file:
            count = write(records, file)
    except OSError as error:
        raise UserError(f'{output} cannot be written: {error.strerror}') from None
    print(f'{count} lines of {where} in {output}')


def _selection(since: str, until: str, kind: list[str] | None) -> Selection:
    return Selection(moment(since, 'since'), moment(until, 'until'), tuple(kind or ()))


def _where(folder: Path | None, namespace: str | None) -> Path:
    if folder is not None:
        return audit_folder(folder.expanduser())
    return audit_folder(find_target(namespace, None).folder)
