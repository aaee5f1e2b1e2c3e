"""The launch files' arguments, and which processes their values ask for; needs no ROS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eip_bringup.composition import Process, compose, compose_fleet, compose_monitoring
from eip_bringup.environment import config_file
from eip_bringup.robot_config import (
    LOG_LEVELS,
    RobotConfig,
    check_params_file,
    read_fleet,
    read_robot,
)
from eip_ros.state_folder import state_folder

__all__ = [
    'FLEET',
    'MONITORING',
    'ROBOT',
    'SIMULATION',
    'Argument',
    'fleet_processes',
    'monitoring_processes',
    'robot_processes',
]

AS_IN_THE_FILE = ''
TRUTHS = ('true', 'false')


@dataclass(frozen=True)
class Argument:
    """One launch argument."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


def _optional(name: str, description: str, choices: tuple[str, ...] = ()) -> Argument:
    """Return an argument that says nothing unless given: a default must not overrule the file."""
    given = (AS_IN_THE_FILE, *choices) if choices else ()
    return Argument(name, AS_IN_THE_FILE, f'{description}; empty: as in the file', given)


COMMON = (
    _optional('params_file', 'ROS parameter file over everything in the configuration file'),
    _optional('use_sim_time', 'Take time from /clock', TRUTHS),
    _optional('autostart', 'Let lifecycle nodes configure and activate themselves', TRUTHS),
    _optional('use_respawn', 'Start again a process that ended by itself', TRUTHS),
    _optional('log_level', 'Least severity that is logged', LOG_LEVELS),
    _optional('model', 'Language model: directory or hub name'),
)
NAMESPACE = _optional('namespace', 'Namespace of the robot; one each where there are several')
CONFIG = Argument('config', '', 'Instead of the shipped config/robot.yaml')
# Never from the file, which ships with a simulated robot: none may join a real one unasked.
SIMULATION = Argument(
    'simulation', 'false', 'Also start the simulated robot, whatever the file says', TRUTHS
)
MONITOR = _optional('monitoring', 'Also start the performance monitor', TRUTHS)

ROBOT = (NAMESPACE, CONFIG, SIMULATION, MONITOR, *COMMON)
MONITORING = (NAMESPACE, CONFIG, *COMMON[:-1])
FLEET = (
    Argument('config', '', 'Instead of the shipped config/fleet.yaml'),
    _optional('simulation', 'Also start a simulated robot each', TRUTHS),
    MONITOR,
    *COMMON,
)


def robot_processes(values: Mapping[str, str]) -> tuple[Process, ...]:
    """Return the processes of the robot that the values of the arguments `ROBOT` describe."""
    return compose(_robot(values))


def monitoring_processes(values: Mapping[str, str]) -> tuple[Process, ...]:
    """Return the processes that only watch, for the values of `MONITORING`."""
    return compose_monitoring(_robot({'simulation': 'false', **values}))


def fleet_processes(values: Mapping[str, str]) -> tuple[Process, ...]:
    """Return the processes of all robots of the fleet, for the values of `FLEET`."""
    path = Path(values['config']) if values.get('config') else config_file('fleet.yaml')
    fleet = read_fleet(path, **_changes(values))
    fleet = dataclasses.replace(
        fleet, robots=tuple(_finished(robot, values) for robot in fleet.robots)
    )
    return tuple(p for processes in compose_fleet(fleet).values() for p in processes)


def _robot(values: Mapping[str, str]) -> RobotConfig:
    path = Path(values['config']) if values.get('config') else config_file('robot.yaml')
    changes = _changes(values)
    if values.get('namespace'):
        changes['namespace'] = values['namespace']
    return _finished(read_robot(path, **changes), values)


def _changes(values: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: values[name] == 'true'
        for name in ('use_sim_time', 'autostart', 'simulation', 'monitoring')
        if values.get(name)
    }
    given['log_level'] = values.get('log_level') or None
    model = values.get('model') or None
    is_folder = model is not None and Path(model).is_dir()
    given['model'] = str(Path(model).absolute()) if model and is_folder else model
    if values.get('params_file'):
        given['params_file'] = check_params_file(values['params_file'])
    return given


def _finished(robot: RobotConfig, values: Mapping[str, str]) -> RobotConfig:
    respawn = robot.respawn
    if wanted := values.get('use_respawn'):
        respawn = dataclasses.replace(respawn, enabled=wanted == 'true')
    folder = robot.state_dir or str(state_folder(robot.namespace))
    return dataclasses.replace(robot, respawn=respawn, state_dir=str(Path(folder).expanduser()))
