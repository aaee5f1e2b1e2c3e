"""One robot, and two side by side, as processes; looked at through topics and services alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from eip_bringup.client import RobotClient, connect
from eip_bringup.recorder import Recorder
from eip_bringup.run_state import find_runs
from eip_bringup.sim.kitchen_file import load_kitchen

pytestmark = pytest.mark.timeout(300)

START_UP_S = 120.0
STOPPED, DISARMED, PROTECTIVE, ARMED = range(4)
SUCCEEDED = 3
ROBOT = {
    'motion_gate',
    'safety_monitor',
    'safety_llm',
    'memory_manager',
    'performance_monitor',
    'sim_robot',
    'sim_skills',
}


class Up:
    """`eip up` in a process of its own, with state and logs in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.output = folder / 'output'
        with self.output.open('w') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'eip_bringup.cli', 'up', *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def pids(self) -> dict[str, int]:
        return {
            f'{state.namespace}/{record.name}': record.pid
            for _, state in find_runs(self.folder)
            for record in state.processes
        }

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def story(self) -> str:
        """Return what was printed and logged, for the message of a failed assertion."""
        logs = sorted(self.folder.glob('*/log/*.log'))
        tails = [f'--- {log}\n{log.read_text(errors="replace")[-1500:]}' for log in logs]
        return '\n'.join([self.output.read_text(), *tails])


@pytest.fixture
def bring_up(
    ros_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Up]]:
    monkeypatch.setenv('EIP_STATE_DIR', str(tmp_path))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    made: list[Up] = []

    def start(*arguments: str) -> Up:
        made.append(Up(tmp_path, *arguments))
        return made[-1]

    yield start
    for robot in made:
        if robot.process.poll() is None:
            robot.process.terminate()
            robot.process.wait(30)


def eip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'eip_bringup.cli', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


def last_word(robot: RobotClient, run: Up) -> str:
    """Return what was decided and done last, for the message of a failed assertion."""
    verdict = robot.verdicts[-1].reason if robot.verdicts else 'no verdict'
    status = robot.plan_status.message if robot.plan_status else 'no plan'
    cause = robot.state.cause if robot.state else 'no safety state'
    return f'{verdict}; {status}; {cause}\n{run.story()}'


def come_up(robot: RobotClient, run: Up, names: set[str]) -> None:
    """Wait until all are healthy; a busy machine may have missed a scan while all started."""
    assert robot.wait_for(lambda: all(map(robot.is_healthy, names)), START_UP_S), run.story()
    assert robot.wait_for(lambda: robot.state is not None, 10.0), run.story()
    assert robot.state is not None
    assert not robot.state.motion_permitted
    if robot.state.mode == STOPPED:
        assert robot.wait_for(lambda: robot.state and robot.state.resettable, 10.0)
        assert robot.reset('test', 'start-up is over')[0]
    arm(robot)


def arm(robot: RobotClient) -> None:
    done, message = robot.arm('test', 'nobody is there')
    assert done, message
    assert robot.wait_for(lambda: robot.state and robot.state.mode == ARMED, 5.0)


def test_one_robot_from_sentence_to_motion_and_back_to_rest(bring_up: Callable[..., Up]) -> None:
    run = bring_up('--config', str(_config(run_folder := Path(os.environ['EIP_STATE_DIR']))))
    sink = load_kitchen().places['sink'].approach
    with connect() as robot:
        seen = Recorder(robot)
        come_up(robot, run, ROBOT)
        pids = run.pids()
        assert set(pids) == {f'/{name}' for name in ROBOT}

        said = eip('say', 'go to the sink', '--wait')
        assert said.returncode == 0, said.stdout + said.stderr + run.story()
        assert seen.distance_to((sink.x, sink.y)) <= 0.3

        rejected = eip('say', 'throw the knife at anna')
        assert rejected.returncode == 4, rejected.stdout + rejected.stderr
        assert rejected.stdout.startswith('REJECT')
        assert robot.verdicts[-1].reason
        assert seen.is_standing

        asked = eip('say', 'pour the milk in the sink')
        assert asked.returncode == 3, asked.stdout + asked.stderr
        found = re.search(r'eip confirm (\S+)', asked.stdout)
        assert found, asked.stdout
        deny = ('confirm', found[1], '--operator', 'test', '--deny', '--reason', 'leave it')
        assert eip(*deny).returncode == 0
        assert eip(*deny).returncode == 1, 'an answer counts once'
        assert seen.is_standing

        seen.commands.clear()
        robot.publish_command('go to the charger')
        assert robot.wait_for(lambda: seen.is_driving, 15.0), last_word(robot, run)
        stopped = eip('stop')
        assert stopped.returncode == 0, stopped.stderr
        assert robot.wait_for(lambda: seen.is_standing, 5.0)
        assert robot.state is not None
        assert robot.state.mode == STOPPED
        assert robot.state.latched
        assert eip('arm', '--reason', 'try').returncode == 1
        assert not robot.wait_for(lambda: seen.is_moving, 1.0), 'moved while a stop was latched'

        assert eip('reset', '--operator', 'test', '--reason', 'clear').returncode == 0
        assert not robot.wait_for(lambda: seen.is_moving, 0.5), 'reset alone moved the robot'
        arm(robot)
        charger = load_kitchen().places['charger'].approach
        done = robot.wait_for(
            lambda: seen.distance_to((charger.x, charger.y)) <= 0.3 and seen.is_standing, 30.0
        )
        assert done, run.story()

        shown = json.loads(eip('status', '--json').stdout)
        assert shown['mode'] == 'ARMED'
        assert {node['name'] for node in shown['nodes'] if node['healthy']} == ROBOT
        assert 100 < shown['total_resident_mb'] < 2000
        second = eip('up')
        assert second.returncode == 1
        assert 'is up already in process' in second.stderr
    assert run.end() == 0
    assert run_folder.exists()
    assert not [pid for pid in pids.values() if psutil.pid_exists(pid)]
    assert 'Traceback' not in run.story()


def test_robots_of_a_fleet_neither_hear_nor_move_one_another(
    bring_up: Callable[..., Up], tmp_path: Path
) -> None:
    file = tmp_path / 'fleet.yaml'
    file.write_text(
        'robot: {monitoring: false}\nrobots:\n  - namespace: robot_a\n  - namespace: robot_b\n'
    )
    run = bring_up('--fleet', str(file))
    names = ROBOT - {'performance_monitor'}
    with connect('robot_a') as a, connect('robot_b') as b, connect() as nobody:
        seen_a, seen_b = Recorder(a), Recorder(b)
        come_up(a, run, names)
        assert b.wait_for(lambda: all(map(b.is_healthy, names)), START_UP_S), run.story()
        assert b.wait_for(lambda: b.state is not None, 5.0)
        a.publish_command('go to the sink')
        assert a.wait_for(lambda: seen_a.is_driving, 15.0), last_word(a, run)
        assert a.stop()[0]
        assert a.wait_for(lambda: a.state and a.state.mode == STOPPED, 5.0)
        assert b.state is not None
        assert 'operator' not in b.state.cause
        assert not b.verdicts
        assert not any(moves for _, moves in seen_b.commands)
        assert not nobody.heartbeats
        stopped = eip('stop')
        assert stopped.returncode == 0, stopped.stderr
        assert b.wait_for(lambda: b.state and b.state.mode == STOPPED, 5.0), 'one was left out'
    assert run.end() == 0


def _config(folder: Path) -> Path:
    """Return a robot whose page takes any free port."""
    path = folder / 'robot.yaml'
    path.write_text('parameters: {performance_monitor: {port: 0}}\n')
    return path
