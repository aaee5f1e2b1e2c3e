"""`eip demo`: one simulated robot with its whole stack, a script, and a table of measurements."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from eip_bringup import environment
from eip_bringup.bench import Report, commit, device, versions
from eip_bringup.composition import compose
from eip_bringup.errors import ExitCode, UserError
from eip_bringup.robot_config import RobotConfig, read_robot
from eip_bringup.supervisor import Supervisor

if TYPE_CHECKING:
    from eip_bringup.demo_script import Row, Script

__all__ = ['private_domain', 'run_demo']

DOMAINS = range(215, 232)
"""ROS domains whose ports lie above those that Linux gives to outgoing connections."""


def run_demo(
    json_file: Path | None = None, domain_id: int | None = None, keep: Path | None = None
) -> int:
    """Run the script; return 0 when every expectation held, else 1.

    `keep` is a folder for logs and audit file; without it they are removed unless something failed.
    """
    console = Console(highlight=False, stderr=True)
    folder = _folder(keep)
    began_s = time.monotonic()
    with private_domain(domain_id) as domain:
        console.print(f'demo on ROS domain {domain}; logs in {folder}/robot/log', soft_wrap=True)
        rows = _run(folder, domain, console)
    spent_s = time.monotonic() - began_s
    passed = bool(rows) and all(row.passed for row in rows)
    _print(rows, spent_s)
    if json_file:
        _write(json_file, rows, spent_s)
    if passed and keep is None:
        _remove(folder)
    elif not passed:
        print(f'logs of the failed run: {folder}/robot/log', file=sys.stderr)
    return int(ExitCode.DONE if passed else ExitCode.FAILED)


@contextmanager
def private_domain(given: int | None = None) -> Iterator[int]:
    """Yield a ROS domain that no other demo on this host uses, or the one that was `given`."""
    if given is not None:
        yield environment.domain_id(given)
        return
    folder = Path(tempfile.gettempdir()) / f'eip-demo-domains-{os.getuid()}'
    folder.mkdir(exist_ok=True)
    first = os.getpid() % len(DOMAINS)
    for number in (*DOMAINS[first:], *DOMAINS[:first]):
        lock = os.open(folder / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield number
        finally:
            os.close(lock)
        return
    raise UserError(f'{len(DOMAINS)} demos run already; end one, or give --domain-id')


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix='eip-demo-'))
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'{keep} cannot be written ({error.strerror}): give another') from None
    return keep.expanduser().absolute()


def _run(folder: Path, domain: int, console: Console) -> list[Row]:
    from eip_bringup.client import connect
    from eip_bringup.demo_script import Script
    from eip_bringup.sim.kitchen_file import load_kitchen

    os.environ['EIP_STATE_DIR'] = str(folder)

    def tell(line: str) -> None:
        console.print(f'  {line}', markup=False, soft_wrap=True)

    supervisor = Supervisor(compose(_robot(folder)), folder / 'robot', domain, tell)
    supervisor.start()
    try:
        with connect('', environment.ros_environment(domain, folder / 'robot')) as robot:
            return _play(Script(robot, supervisor, load_kitchen()), console)
    finally:
        supervisor.stop()


def _robot(folder: Path) -> RobotConfig:
    robot = read_robot(environment.config_file('robot.yaml'), namespace='', simulation=True)
    parameters = {name: dict(values) for name, values in robot.parameters.items()}
    # Any free port: another robot may be up on this machine.
    parameters.setdefault('performance_monitor', {})['port'] = 0
    return dataclasses.replace(robot, parameters=parameters, state_dir=str(folder / 'robot'))


def _play(script: Script, console: Console) -> list[Row]:
    from eip_bringup.demo_script import STEPS, Row

    stuck = ''
    for step in STEPS:
        name = (step.__doc__ or '').strip()
        if stuck:
            script.rows.append(Row(name, 'not reached', False))
            continue
        console.print(f'… {name}', soft_wrap=True)
        try:
            step(script)
        except UserError as error:
            stuck = str(error)
            script.rows.append(Row(name, stuck, False))
    return script.rows


def _print(rows: Sequence[Row], spent_s: float) -> None:
    table = Table('', 'expected', 'measured', title='eip demo', show_lines=True)
    for row in rows:
        mark = '[bold green]pass[/]' if row.passed else '[bold red]FAIL[/]'
        table.add_row(mark, row.expectation, row.measured)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(table)
    held = sum(row.passed for row in rows)
    console.print(f'{held} of {len(rows)} expectations held; {spent_s:.0f} s in all')


def _write(path: Path, rows: Sequence[Row], spent_s: float) -> None:
    figures: dict[str, float | None] = {'passed': float(sum(row.passed for row in rows))}
    figures |= {'failed': len(rows) - float(figures['passed'] or 0), 'duration_s': spent_s}
    for row in rows:
        figures |= row.figures
    date = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    report = Report('demo', figures, device(), versions(), commit(), date)
    values: dict[str, Any] = dataclasses.asdict(report)
    values['rows'] = [dataclasses.asdict(row) for row in rows]
    try:
        path.write_text(json.dumps(values, indent=1) + '\n')
    except OSError as error:
        raise UserError(f'{path} cannot be written: {error}') from None


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
