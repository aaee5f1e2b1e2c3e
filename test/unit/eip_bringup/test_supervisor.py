"""Processes are kept up, ended in order, and never left behind."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from eip_bringup.composition import Process, Purpose
from eip_bringup.robot_config import Respawn
from eip_bringup.run_state import AlreadyUpError, RunState, end_processes, find_runs
from eip_bringup.supervisor import Supervisor

WaitUntil = Callable[..., None]
QUICK = Respawn(delay_s=0.05, backoff=2.0, delay_max_s=0.4)

POLITE = """
import signal, sys, time
def main():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    print('ready', sys.argv[1:], flush=True)
    while True:
        time.sleep(0.05)
"""
STUBBORN = """
import signal, time
def main():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    print('ready', flush=True)
    while True:
        time.sleep(0.05)
"""
WRONG = """
import sys
def main():
    print('error: port is 0, give 1 to 65535', file=sys.stderr, flush=True)
    return 2
"""
PARENT = """
import sys, time
from pathlib import Path
from eip_bringup.composition import Process, Purpose
from eip_bringup.supervisor import Supervisor
names = [('polite', False), ('stubborn', False), ('last', True)]
modules = {'polite': 'polite', 'stubborn': 'stubborn', 'last': 'stubborn'}
s = Supervisor(
    [Process(n, modules[n], Purpose.ROBOT, ends_last=last) for n, last in names],
    Path(sys.argv[1]), 42,
)
s.start()
time.sleep(60)
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / 'modules'
    folder.mkdir()
    for name, text in (('polite', POLITE), ('stubborn', STUBBORN), ('wrong', WRONG)):
        (folder / f'{name}.py').write_text(textwrap.dedent(text))
    monkeypatch.setenv('PYTHONPATH', str(folder), prepend=os.pathsep)
    return folder


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def make(modules: Path, tmp_path: Path, lines: list[str]) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def start(*processes: Process) -> Supervisor:
        supervisor = Supervisor(processes, tmp_path / 'state' / 'robot', 42, lines.append)
        made.append(supervisor)
        supervisor.start()
        return supervisor

    yield start
    for supervisor in made:
        supervisor.stop()


def process(name: str, module: str = 'polite', **changes: object) -> Process:
    return Process(name, module, Purpose.ROBOT, respawn=QUICK, **changes)  # type: ignore[arg-type]


def test_errors_in_a_log_are_told_once(
    make: Callable[..., Supervisor], wait_until: WaitUntil, lines: list[str], modules: Path
) -> None:
    (modules / 'loud.py').write_text(
        'import time\ndef main():\n'
        "    print('[INFO] [1.0] [a]: fine')\n"
        "    print('[ERROR] [1.0] [a]: port 8090 is taken', flush=True)\n"
        '    time.sleep(60)\n'
    )
    make(process('a', 'loud'), process('b'))
    wait_until(lambda: 'a: port 8090 is taken' in lines, what='the error')
    wait_until(lambda: True)
    assert lines == ['a: port 8090 is taken']


def log_of(supervisor: Supervisor, name: str) -> str:
    return (supervisor.folder / 'log' / f'{name}.log').read_text()


LOSSY = """
import os, sys
def main():
    os.unlink(os.readlink('/proc/self/fd/1'))
    return 1
"""


def test_a_log_that_somebody_took_away_tells_nothing_and_ends_nobody(
    make: Callable[..., Supervisor],
    wait_until: WaitUntil,
    lines: list[str],
    modules: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('eip_bringup.supervisor.LISTEN_S', 0.0)
    (modules / 'lossy.py').write_text(LOSSY)
    supervisor = make(process('a', 'lossy'), process('b'))
    wait_until(lambda: 'a ended with code 1; starting it again in 0.1 s' in lines, what='the end')
    wait_until(lambda: supervisor.starts_of('a') >= 3, what='new starts')
    assert supervisor.pid_of('b')
    assert supervisor.starts_of('b') == 1


def test_a_robot_outlives_the_terminal_that_is_told_of_it(
    modules: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    told: list[str] = []

    def gone(line: str) -> None:
        told.append(line)
        raise OSError(errno.EIO, 'Input/output error')

    supervisor = Supervisor([process('a')], tmp_path / 'state' / 'robot', 42, gone)
    supervisor.start()
    try:
        first = supervisor.pid_of('a')
        assert first
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.pid_of('a') not in (None, first), what='a new process')
        assert told
    finally:
        supervisor.stop()


def test_children_are_ended_whatever_can_be_read_of_processes(
    make: Callable[..., Supervisor], wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('eip_bringup.run_state.birth_of', lambda pid: '')
    supervisor = make(process('a'))
    wait_until(lambda: 'ready' in log_of(supervisor, 'a'))
    pid = supervisor.pid_of('a')
    assert supervisor.stop() == []
    assert pid
    assert not psutil.pid_exists(pid)


def test_a_killed_process_comes_back_and_the_others_stay(
    make: Callable[..., Supervisor], wait_until: WaitUntil, lines: list[str]
) -> None:
    supervisor = make(process('a'), process('b'))
    wait_until(lambda: supervisor.pid_of('a') and 'ready' in log_of(supervisor, 'a'))
    first, other = supervisor.pid_of('a'), supervisor.pid_of('b')
    assert first
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: supervisor.pid_of('a') not in (None, first), what='a new process')
    assert supervisor.pid_of('b') == other
    assert supervisor.starts_of('a') == 2
    assert any('a ended by SIGKILL; starting it again' in line for line in lines)


def test_a_process_with_a_user_error_stays_down_after_three_tries_and_says_why(
    make: Callable[..., Supervisor], wait_until: WaitUntil, lines: list[str]
) -> None:
    supervisor = make(process('a', 'wrong'), process('b'))
    wait_until(lambda: any('stays down' in line for line in lines), what='giving up')
    assert supervisor.starts_of('a') == 3
    assert 'error: port is 0, give 1 to 65535' in lines[-1]
    assert supervisor.pid_of('b')


def test_respawn_delay_grows_and_is_bounded() -> None:
    assert [QUICK.delay_after(n) for n in (1, 2, 3, 4, 5, 500)] == pytest.approx(
        [0.05, 0.1, 0.2, 0.4, 0.4, 0.4]
    )


def test_a_process_that_must_not_respawn_stays_down(
    make: Callable[..., Supervisor], wait_until: WaitUntil, lines: list[str]
) -> None:
    supervisor = make(Process('a', 'polite', Purpose.ROBOT, respawn=Respawn(enabled=False)))
    wait_until(lambda: 'ready' in log_of(supervisor, 'a'))
    pid = supervisor.pid_of('a')
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: any('stays down' in line for line in lines))
    assert supervisor.pid_of('a') is None


def test_an_orderly_end_takes_all_and_forces_only_who_does_not_listen(
    make: Callable[..., Supervisor],
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        'eip_bringup.supervisor.end_processes', lambda r: end_processes(r, (0.4, 0.2))
    )
    supervisor = make(process('a'), process('deaf', 'stubborn'), process('gate', ends_last=True))
    for name in ('a', 'deaf', 'gate'):
        wait_until(lambda name=name: 'ready' in log_of(supervisor, name))
    pids = [supervisor.pid_of(name) for name in supervisor.names]
    assert supervisor.stop() == ['deaf']
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert not (supervisor.folder / 'up.json').exists()


def test_the_same_robot_cannot_come_up_twice(
    make: Callable[..., Supervisor], modules: Path
) -> None:
    first = make(process('a'))
    with pytest.raises(AlreadyUpError, match=rf'robot is up already in process {os.getpid()}'):
        make(process('a'))
    first.stop()
    make(process('a')).stop()


def test_state_on_disk_names_every_process(
    make: Callable[..., Supervisor], wait_until: WaitUntil, tmp_path: Path
) -> None:
    supervisor = make(process('a'), process('b'))
    wait_until(lambda: len(find_runs(tmp_path / 'state')) == 1)
    (folder, state) = find_runs(tmp_path / 'state')[0]
    assert folder == supervisor.folder
    assert state.domain_id == 42
    assert {p.name: p.pid for p in state.processes} == {
        name: supervisor.pid_of(name) for name in ('a', 'b')
    }


def test_a_process_gets_its_environment_and_arguments(
    make: Callable[..., Supervisor], wait_until: WaitUntil
) -> None:
    supervisor = make(process('a', namespace='robot_a', parameters={'x': 1}))
    wait_until(lambda: 'ready' in log_of(supervisor, 'a'))
    assert "'__ns:=/robot_a'" in log_of(supervisor, 'a')
    assert "'x:=1'" in log_of(supervisor, 'a')
    environment = psutil.Process(supervisor.pid_of('a')).environ()
    assert environment['ROS_DOMAIN_ID'] == '42'
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert environment['ROS_LOG_DIR'] == str(supervisor.folder / 'log' / 'ros')
    assert environment['OMP_NUM_THREADS'] == '1'


def test_no_process_outlives_a_killed_parent_not_even_a_frozen_one(
    modules: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    folder = tmp_path / 'robot'
    parent = subprocess.Popen([sys.executable, '-c', PARENT, str(folder)])
    try:
        wait_until(lambda: (state := RunState.read(folder)) and len(state.processes) == 3)
        for name in ('polite', 'stubborn', 'last'):
            wait_until(lambda name=name: 'ready' in (folder / 'log' / f'{name}.log').read_text())
        state = RunState.read(folder)
        assert state
        os.kill(state.processes[0].pid, signal.SIGSTOP)
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(p.is_running for p in state.processes), what='the end of all')


def test_a_state_file_of_a_dead_supervisor_is_no_running_robot(tmp_path: Path) -> None:
    folder = tmp_path / 'robot'
    folder.mkdir()
    (folder / 'up.json').write_text('{"half": ')
    assert RunState.read(folder) is None
    assert find_runs(tmp_path) == []


def test_a_state_file_of_an_older_form_is_no_running_robot(tmp_path: Path) -> None:
    folder = tmp_path / 'robot'
    folder.mkdir()
    keeper = {'name': 'eip up', 'pid': os.getpid(), 'create_time': 1.0, 'log': '', 'starts': 1}
    old = {'supervisor': keeper, 'namespace': '', 'domain_id': 0, 'started_unix_s': 1.0}
    (folder / 'up.json').write_text(json.dumps({**old, 'processes': [], 'names': []}))
    assert RunState.read(folder) is None
    assert find_runs(tmp_path) == []
