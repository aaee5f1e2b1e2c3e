"""Which processes make a robot: the one table that `eip up` and the launch files read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from eip_bringup.robot_config import FleetConfig, Respawn, RobotConfig, Scalar

__all__ = ['Process', 'Purpose', 'compose', 'compose_fleet', 'compose_monitoring']

REMAPPINGS = (('/diagnostics', 'diagnostics'), ('/tf', 'tf'), ('/tf_static', 'tf_static'))
ONE_THREAD = {'OMP_NUM_THREADS': '1', 'TOKENIZERS_PARALLELISM': 'false'}


class Purpose(StrEnum):
    """What a process is needed for."""

    ROBOT = 'robot'
    SIMULATION = 'simulation'
    MONITORING = 'monitoring'


@dataclass(frozen=True)
class Process:
    """One process of one robot.

    `name` is at once the node's name, the executable's in `lib/eip` and the log file's. `module`
    holds `main()`. `is_managed` says that the node is a lifecycle node and takes `autostart`.
    `ends_last` gives it time after all others, also when `eip up` is killed, to publish zeros.
    `niceness` keeps what computes a lot from starving what must be on time; less than 0 is asked
    for by `eip up` alone, and had where the user may.
    """

    name: str
    module: str
    purpose: Purpose
    is_managed: bool = False
    ends_last: bool = False
    namespace: str = ''
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    params_file: str = ''
    remappings: tuple[tuple[str, str], ...] = REMAPPINGS
    respawn: Respawn = field(default_factory=Respawn)
    log_level: str = 'info'
    niceness: int = 0
    environment: Mapping[str, str] = field(default_factory=ONE_THREAD.copy)

    def ros_arguments(self) -> list[str]:
        """Return the command-line arguments that give the node all of the above."""
        arguments = ['--ros-args', '--log-level', self.log_level]
        if self.namespace:
            arguments += ['-r', f'__ns:=/{self.namespace}']
        for source, target in self.remappings:
            arguments += ['-r', f'{source}:={target}']
        for name, value in self.parameters.items():
            # JSON is YAML, and keeps a text such as "1" a text.
            arguments += ['-p', f'{name}:={json.dumps(value)}']
        if self.params_file:
            arguments += ['--params-file', self.params_file]
        return arguments

    def launch_arguments(self) -> dict[str, object]:
        """Return the keyword arguments of `launch_ros.actions.Node` for this process."""
        values = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.parameters.items()
        }
        return {
            'package': 'eip',
            'executable': self.name,
            'exec_name': self.name,
            'name': self.name,
            'namespace': self.namespace,
            'parameters': [*([values] if values else []), *filter(None, [self.params_file])],
            'remappings': list(self.remappings),
            'respawn': self.respawn.enabled,
            'respawn_delay': self.respawn.delay_s,
            'ros_arguments': ['--log-level', self.log_level],
            'additional_env': dict(self.environment),
            'prefix': f'nice -n {self.niceness}' if self.niceness > 0 else None,
            'output': 'both',
        }


TABLE = (
    # The gate first: it must be there before anything can want to move.
    Process(
        'motion_gate',
        'eip_safety_monitor.motion_gate_node',
        Purpose.ROBOT,
        ends_last=True,
        niceness=-10,
    ),
    Process(
        'safety_monitor',
        'eip_safety_monitor.safety_monitor_node',
        Purpose.ROBOT,
        niceness=-10,
    ),
    Process(
        'safety_llm',
        'eip_llm_interface.safety_llm_node',
        Purpose.ROBOT,
        is_managed=True,
        niceness=2,
    ),
    Process(
        'memory_manager',
        'eip_llm_interface.memory_manager_node',
        Purpose.ROBOT,
        is_managed=True,
        niceness=10,
    ),
    Process(
        'performance_monitor',
        'eip_perf_monitor.performance_monitor_node',
        Purpose.MONITORING,
        is_managed=True,
        niceness=10,
    ),
    # It stands for hardware, which is always on time.
    Process('sim_robot', 'eip_bringup.sim.robot_node', Purpose.SIMULATION, niceness=-10),
    Process('sim_skills', 'eip_bringup.sim.skills_node', Purpose.SIMULATION),
)


def compose(config: RobotConfig) -> tuple[Process, ...]:
    """Return the processes of the robot that `config` describes."""
    wanted = {Purpose.ROBOT}
    if config.simulation:
        wanted.add(Purpose.SIMULATION)
    if config.monitoring:
        wanted.add(Purpose.MONITORING)
    return tuple(_placed(entry, config) for entry in TABLE if entry.purpose in wanted)


def compose_monitoring(config: RobotConfig) -> tuple[Process, ...]:
    """Return the processes that only watch, for a robot whose others run elsewhere."""
    return tuple(_placed(entry, config) for entry in TABLE if entry.purpose is Purpose.MONITORING)


def compose_fleet(fleet: FleetConfig) -> dict[str, tuple[Process, ...]]:
    """Return the processes of every robot of `fleet` by namespace."""
    return {robot.namespace: compose(robot) for robot in fleet.robots}


def _placed(entry: Process, config: RobotConfig) -> Process:
    parameters: dict[str, Scalar] = {}
    if config.use_sim_time:
        parameters['use_sim_time'] = True
    if entry.is_managed:
        parameters['autostart'] = config.autostart
    if entry.name == 'safety_llm' and config.model:
        parameters['model'] = config.model
    if config.state_dir:
        parameters['state_dir'] = config.state_dir
    parameters.update(config.parameters.get(entry.name, {}))
    return replace(
        entry,
        namespace=config.namespace,
        parameters=parameters,
        params_file=config.params_file,
        respawn=config.respawn,
        log_level=config.log_level,
    )
