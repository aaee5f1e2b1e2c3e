"""The launch files start what the table says, with the real `launch`, where it is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest

from eip_bringup.composition import Process, Purpose
from eip_bringup.launch_arguments import (
    FLEET,
    MONITORING,
    ROBOT,
    Argument,
    fleet_processes,
    monitoring_processes,
    robot_processes,
)
from eip_bringup.robot_config import ConfigError

LAUNCH = Path(__file__).parents[2] / 'launch'
HAS_LAUNCH = importlib.util.find_spec('launch_ros') is not None
needs_launch = pytest.mark.skipif(
    not HAS_LAUNCH, reason='launch_ros is not installed here (it has no wheel)'
)
RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
file, *values = sys.argv[1:]
service = LaunchService()
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    PythonLaunchDescriptionSource(file),
    launch_arguments=[tuple(value.split(':=', 1)) for value in values],
)]))
sys.exit(service.run())
"""


def values_of(arguments: tuple[Argument, ...], **given: str) -> dict[str, str]:
    return {**{argument.name: argument.default for argument in arguments}, **given}


@pytest.mark.parametrize('arguments', [ROBOT, MONITORING, FLEET])
def test_every_argument_is_described(arguments: tuple[Argument, ...]) -> None:
    assert all(len(argument.description) > 15 for argument in arguments)
    for argument in arguments:
        assert not argument.choices or argument.default in argument.choices


def test_promised_arguments_are_there() -> None:
    assert {argument.name for argument in ROBOT} >= {
        'namespace',
        'params_file',
        'use_sim_time',
        'autostart',
        'use_respawn',
        'log_level',
        'model',
    }


def test_a_real_robot_is_started_without_simulation() -> None:
    names = [process.name for process in robot_processes(values_of(ROBOT))]
    assert 'motion_gate' in names
    assert 'safety_monitor' in names
    assert 'sim_robot' not in names


ALL_SET = (
    'namespace: r\nsimulation: false\nmonitoring: false\nuse_sim_time: true\nautostart: false\n'
    'log_level: debug\nmodel: some/model\nrespawn: {enabled: false}\n'
)


def starts_as_the_file_says(processes: tuple[Process, ...]) -> None:
    assert {p.purpose for p in processes} == {Purpose.ROBOT}
    all_reached(processes, 'r')


def all_reached(processes: tuple[Process, ...], namespace: str) -> None:
    assert {'autostart', 'model'} <= {name for process in processes for name in process.parameters}
    for process in processes:
        launched = process.launch_arguments()
        assert launched['namespace'] == namespace
        assert launched['respawn'] is False
        assert launched['ros_arguments'] == ['--log-level', 'debug']
        assert process.parameters['use_sim_time'] is True
        assert process.parameters.get('autostart', False) is False
        assert process.parameters.get('model', 'some/model') == 'some/model'


def test_an_argument_that_is_not_given_leaves_what_the_file_says(tmp_path: Path) -> None:
    robot, fleet = tmp_path / 'robot.yaml', tmp_path / 'fleet.yaml'
    robot.write_text(ALL_SET)
    fleet.write_text('robots:\n  -\n' + indent(ALL_SET, '    '))
    starts_as_the_file_says(robot_processes(values_of(ROBOT, config=str(robot))))
    starts_as_the_file_says(fleet_processes(values_of(FLEET, config=str(fleet))))


def test_an_argument_that_is_given_comes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'robot.yaml'
    path.write_text(ALL_SET)
    given = {'monitoring': 'true', 'use_respawn': 'true', 'log_level': 'warn', 'autostart': 'true'}
    processes = robot_processes(values_of(ROBOT, config=str(path), **given))
    assert 'performance_monitor' in {process.name for process in processes}
    assert any('autostart' in process.parameters for process in processes)
    for process in processes:
        assert process.launch_arguments()['respawn'] is True
        assert process.log_level == 'warn'
        assert process.parameters.get('autostart', True) is True


def test_a_file_never_puts_a_simulated_robot_beside_a_real_one(tmp_path: Path) -> None:
    path = tmp_path / 'robot.yaml'
    path.write_text('simulation: true\n')
    real = robot_processes(values_of(ROBOT, config=str(path)))
    assert Purpose.SIMULATION not in {process.purpose for process in real}


def test_the_shipped_fleet_is_simulated() -> None:
    simulated = [p for p in fleet_processes(values_of(FLEET)) if p.name == 'sim_robot']
    assert [process.namespace for process in simulated] == ['robot_a', 'robot_b']


def test_arguments_reach_every_process() -> None:
    given = values_of(
        ROBOT,
        namespace='robot_a',
        use_sim_time='true',
        autostart='false',
        use_respawn='false',
        log_level='debug',
        model='some/model',
    )
    processes = robot_processes(given)
    all_reached(processes, 'robot_a')
    for process in processes:
        assert str(process.parameters['state_dir']).endswith('robot_a')


def test_monitoring_alone_is_one_process() -> None:
    names = [process.name for process in monitoring_processes(values_of(MONITORING))]
    assert names == ['performance_monitor']


def test_a_fleet_shares_neither_namespace_nor_state_nor_port() -> None:
    processes = fleet_processes(values_of(FLEET))
    monitors = [p for p in processes if p.name == 'safety_monitor']
    pages = [p for p in processes if p.name == 'performance_monitor']
    assert [p.namespace for p in monitors] == ['robot_a', 'robot_b']
    assert len({p.parameters['state_dir'] for p in monitors}) == 2
    assert len({p.parameters['port'] for p in pages}) == 2


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(ConfigError, match=r'/none\.yaml does not exist'):
        robot_processes(values_of(ROBOT, config='/none.yaml'))
    with pytest.raises(ConfigError, match="namespace is '7up'"):
        robot_processes(values_of(ROBOT, namespace='7up'))


@pytest.fixture
def launched(
    ros_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    monkeypatch.setenv('EIP_STATE_DIR', str(tmp_path))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    runs: list[subprocess.Popen[str]] = []

    def launch(file: str, *values: str) -> subprocess.Popen[str]:
        with (tmp_path / 'output').open('w') as output:
            run = subprocess.Popen(
                [sys.executable, '-c', RUN, str(LAUNCH / file), *values],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=tmp_path,
                start_new_session=True,
            )
        runs.append(run)
        return run

    yield launch
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


def heard(names: set[str], namespace: str, deadline_s: float) -> set[str]:
    """Return who in `namespace` was healthy when all of `names` were, or at the deadline."""
    from eip_bringup.client import connect

    with connect(namespace) as robot:
        robot.wait_for(lambda: all(map(robot.is_healthy, names)), deadline_s)
        return {name for name in robot.heartbeats if robot.is_healthy(name)}


@needs_launch
def test_a_launched_robot_has_every_node_and_ends_cleanly_on_ctrl_c(
    launched: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    names = {p.name for p in robot_processes(values_of(ROBOT, simulation='true'))}
    run = launched('demo.launch.py', 'log_level:=warn')
    assert heard(names, '', 60.0) == names, (tmp_path / 'output').read_text()
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them at once
    assert run.wait(30) == 0
    output = (tmp_path / 'output').read_text()
    assert 'Traceback' not in output
    assert 'process has died' not in output
    for name in names:
        assert re.search(rf'\[{name}-\d+\]: process has finished cleanly', output), output


@needs_launch
def test_robots_of_a_launched_fleet_do_not_hear_one_another(
    launched: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / 'fleet.yaml').write_text(
        'robots:\n  - namespace: a\n  - namespace: b\n    monitoring: false\n'
    )
    launched('fleet.launch.py', f'config:={tmp_path}/fleet.yaml', 'monitoring:=false')
    both = {'motion_gate', 'safety_monitor', 'sim_robot'}
    assert both <= heard(both, 'a', 60.0), (tmp_path / 'output').read_text()
    assert both <= heard(both, 'b', 60.0), (tmp_path / 'output').read_text()
    assert heard({'anyone'}, '', 1.0) == set()


DECLARED = {
    'demo.launch.py': ROBOT,
    'fleet.launch.py': FLEET,
    'monitoring.launch.py': MONITORING,
    'robot.launch.py': ROBOT,
}


def test_no_launch_file_is_left_out_below() -> None:
    assert {path.name for path in LAUNCH.glob('*.launch.py')} == DECLARED.keys()


@needs_launch
@pytest.mark.parametrize('file', DECLARED)
def test_every_launch_file_declares_its_arguments(file: str) -> None:
    from launch import LaunchContext
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    source = PythonLaunchDescriptionSource(str(LAUNCH / file))
    declared = source.get_launch_description(LaunchContext()).get_launch_arguments()
    assert [a.name for a in declared] == [a.name for a in DECLARED[file]]
