"""Commands that bring a robot up and down."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eip_bringup import environment
from eip_bringup.cli.options import DomainId, JsonFile, Namespace, ros_domain, usage
from eip_bringup.composition import compose
from eip_bringup.errors import UserError
from eip_bringup.robot_config import (
    PAGE_PORT,
    RobotConfig,
    check_params_file,
    read_fleet,
    read_robot,
)
from eip_bringup.run_state import RunState, end_processes, wait_for_end
from eip_ros.state_folder import state_folder, state_root

if TYPE_CHECKING:
    from eip_bringup.supervisor import Supervisor

__all__ = ['COMMANDS']

END_S = 20.0


def up(
    config: Annotated[Path | None, typer.Option(help='Instead of config/robot.yaml.')] = None,
    fleet: Annotated[
        Path | None, typer.Option(help='Several robots, e.g. config/fleet.yaml.')
    ] = None,
    namespace: Annotated[str | None, typer.Option('--namespace', '-n', help='Namespace.')] = None,
    params_file: Annotated[str | None, typer.Option(help='ROS parameter file.')] = None,
    model: Annotated[
        str | None, typer.Option(help='Model: a directory or a Hugging Face hub name.')
    ] = None,
    domain_id: DomainId = None,
    sim: Annotated[bool | None, typer.Option(help='Start the simulated robot.')] = None,
    monitoring: Annotated[
        bool | None, typer.Option(help='Start the performance monitor and its page.')
    ] = None,
    respawn: Annotated[bool | None, typer.Option(help='Start again what ends by itself.')] = None,
    log_level: Annotated[str | None, typer.Option(help='debug, info, warn or error.')] = None,
    state_dir: Annotated[Path | None, typer.Option(help='Where logs and state go.')] = None,
) -> None:
    """Bring a robot up and stay; Ctrl-C ends it."""
    if fleet and config:
        raise usage('--fleet and --config exclude one another: a fleet file holds its robots')
    if fleet and namespace:
        raise usage('--namespace does not go with --fleet: the file names each robot')
    if state_dir:
        os.environ['EIP_STATE_DIR'] = str(state_dir.expanduser().absolute())
    changes = {
        'namespace': namespace,
        'params_file': check_params_file(params_file) if params_file else None,
        'model': _absolute_when_a_folder(model),
        'simulation': sim,
        'monitoring': monitoring,
        'log_level': log_level,
    }
    if fleet:
        robots: Sequence[RobotConfig] = read_fleet(fleet, **changes).robots
    else:
        robots = [read_robot(config or environment.config_file('robot.yaml'), **changes)]
    if respawn is not None:
        robots = [
            dataclasses.replace(r, respawn=dataclasses.replace(r.respawn, enabled=respawn))
            for r in robots
        ]
    try:
        _stay_up(robots, environment.domain_id(domain_id), state_dir is not None)
    except ValueError as error:
        raise usage(str(error)) from None


def down(namespace: Namespace = None) -> None:
    """End every robot that `eip up` brought up here, or the one in --namespace."""
    every = [
        (file.parent, state)
        for file in sorted(state_root().glob('*/up.json'))
        if (state := RunState.read(file.parent))
    ]
    runs = every
    if namespace is not None:
        runs = [run for run in every if run[1].namespace == namespace.strip('/')]
        _refuse_a_part([state for _, state in runs], [state for _, state in every])
    if not runs:
        print('nothing is up')
    for folder, state in runs:
        _end(state)
        (folder / 'up.json').unlink(missing_ok=True)
        print(f'{state.namespace or "robot"} is down')


def demo(
    json_file: JsonFile = None,
    domain_id: DomainId = None,
    keep: Annotated[Path | None, typer.Option(help='Keep logs and audit file here.')] = None,
) -> None:
    """Run one simulated robot through a script of errands and faults, and measure."""
    if domain_id is not None:
        ros_domain(domain_id)
    from eip_bringup.demo import run_demo

    raise typer.Exit(run_demo(json_file=json_file, domain_id=domain_id, keep=keep))


COMMANDS = (up, down, demo)


def _absolute_when_a_folder(model: str | None) -> str | None:
    if model and Path(model).expanduser().is_dir():
        return str(Path(model).expanduser().absolute())
    return model


def _stay_up(robots: Sequence[RobotConfig], domain: int, is_elsewhere: bool) -> None:

    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    supervisors: list[Supervisor] = []
    try:
        for robot in robots:
            _start(robot, domain, supervisors)
        print('end with Ctrl-C or `eip down`', flush=True)
        if is_elsewhere:
            print(f'other shells need: export EIP_STATE_DIR={state_root()}', flush=True)
        while not ending.wait(0.5):
            pass
    finally:
        if supervisors:
            # A terminal that went away must not keep the robots from ending.
            with contextlib.suppress(OSError):
                print('ending …', flush=True)
        _stop_all(supervisors)


def _start(robot: RobotConfig, domain: int, supervisors: list[Supervisor]) -> None:
    from eip_bringup.supervisor import Supervisor

    folder = state_folder(robot.namespace)
    kept = Path(robot.state_dir or folder).expanduser().absolute()
    robot = dataclasses.replace(robot, state_dir=str(kept))
    name = robot.namespace or 'robot'

    def tell(line: str) -> None:
        print(f'{time.strftime("%H:%M:%S")} {name}: {line}', file=sys.stderr, flush=True)

    processes = compose(robot)
    supervisor = Supervisor(processes, folder, domain, tell)
    supervisors.append(supervisor)
    supervisor.start()
    print(f'{name} is coming up on ROS domain {domain}: {", ".join(supervisor.names)}')
    print(f'  logs   {folder / "log"}')
    if robot.monitoring:
        port = _port(robot)
        where = f'http://127.0.0.1:{port}/' if port else 'on a free port, see the log'
        print(f'  page   {where}')
    which = f' -n {robot.namespace}' if robot.namespace else ''
    print(f'  try    eip arm{which} --reason "area is clear"')
    print(f'         eip say{which} "go to the sink" --wait')
    print(f'         eip status{which}', flush=True)


def _port(robot: RobotConfig) -> Any:
    return robot.parameters.get('performance_monitor', {}).get('port', PAGE_PORT)


def _stop_all(supervisors: Sequence[Supervisor]) -> None:
    threads = [threading.Thread(target=supervisor.stop) for supervisor in supervisors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _refuse_a_part(meant: Sequence[RunState], every: Sequence[RunState]) -> None:
    """Raise UserError when the robots in `meant` would take others of one `eip up` with them."""
    for state in meant:
        others = [o for o in every if o not in meant and o.supervisor == state.supervisor]
        if others and state.is_up:
            names = ', '.join(other.namespace for other in others)
            raise usage(
                f'{state.namespace} is kept up by process {state.supervisor.pid}, which would end '
                f'{names} too: end them all with `eip down`'
            )


def _end(state: RunState) -> None:
    keeper = state.supervisor
    try:
        if keeper.is_running:
            os.kill(keeper.pid, signal.SIGTERM)
            if wait_for_end([keeper], END_S):
                raise TimeoutError(f'it still runs after {END_S:.0f} s')
    except ProcessLookupError:
        pass  # it ended by itself meanwhile
    except OSError as error:
        raise UserError(
            f'process {keeper.pid}, which keeps {state.namespace or "robot"} up, '
            f'could not be ended: {error}; end it with `kill -9 {keeper.pid}`'
        ) from None
    end_processes(state.processes)
