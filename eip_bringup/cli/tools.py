"""Commands about the installation rather than about a robot."""

from __future__ import annotations

import signal
from typing import Annotated, NoReturn

import typer

from eip_bringup.cli.options import JsonFile
from eip_bringup.errors import ExitCode

__all__ = ['BENCH_SETTINGS', 'COMMANDS', 'bench']

BENCH_SETTINGS = {'allow_extra_args': True, 'ignore_unknown_options': True}
"""A benchmark's own options pass through: --trials 50 is -o trials=50, --loaded -o loaded=yes."""


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help='Benchmark; without one, all are listed.')] = '',
    option: Annotated[
        list[str] | None,
        typer.Option('--option', '-o', help='key=value, may be repeated; or --key value.'),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Run a benchmark and print its figures."""
    from rich.console import Console
    from rich.table import Table

    from eip_bringup.bench import list_benchmarks, option_pairs, parse_options, run_benchmark

    console = Console(highlight=False)
    if not name:
        table = Table(box=None, pad_edge=False, show_header=False)
        for known, description in list_benchmarks().items():
            table.add_row(known, description)
        console.print(table)
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    report = run_benchmark(name, parse_options([*(option or []), *option_pairs(context.args)]))
    table = Table('figure', 'value', box=None, pad_edge=False, title=f'eip bench {name}')
    table.columns[1].justify = 'right'
    for figure, value in report.figures.items():
        table.add_row(figure, 'not measured' if value is None else f'{value:.6g}')
    console.print(table)
    console.print(f'{report.device}; commit {report.commit}; {report.date}', soft_wrap=True)
    # Last: a file that cannot be written must not cost the figures.
    if json_file:
        report.write(json_file)


def _end(number: int, _frame: object) -> NoReturn:
    # Raised where the benchmark is: what it started is then ended by it.
    raise SystemExit(128 + number)


def doctor() -> None:
    """Check what EIP needs on this machine; exit code 1 when something is missing."""
    from rich.console import Console

    from eip_bringup.doctor import CHECKS, examine

    console = Console(highlight=False, soft_wrap=True)
    problems = 0
    for finding in examine(CHECKS):
        mark = '[green]OK     [/]' if finding.ok else '[red]PROBLEM[/]'
        console.print(f'{mark} {finding.name}: ', end='')
        console.print(finding.text, markup=False)
        problems += not finding.ok
    raise typer.Exit(int(ExitCode.FAILED) if problems else 0)


COMMANDS = (doctor,)
