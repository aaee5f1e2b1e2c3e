"""Options that several commands share, and how a command finds its robot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eip_bringup import environment
from eip_bringup.errors import ExitCode, UserError
from eip_bringup.robot_config import check_namespace
from eip_bringup.run_state import RunState, find_runs
from eip_ros.state_folder import state_folder, state_root

if TYPE_CHECKING:
    from eip_bringup.client import RobotClient

__all__ = [
    'DomainId',
    'JsonFile',
    'Namespace',
    'Operator',
    'Reason',
    'Target',
    'all_namespaces',
    'find_target',
    'reach',
    'ros_domain',
    'usage',
]

Namespace = Annotated[
    str | None,
    typer.Option('--namespace', '-n', help='The robot; needed only where several are up.'),
]
DomainId = Annotated[
    int | None,
    typer.Option('--domain-id', '-d', help='ROS domain; else that of the robot, ROS_DOMAIN_ID, 0.'),
]
Operator = Annotated[str, typer.Option(help='Your name, for the audit log.')]
Reason = Annotated[str, typer.Option(help='Why it is safe, for the audit log.')]
JsonFile = Annotated[Path | None, typer.Option('--json', help='Also write the result here.')]


@dataclass(frozen=True)
class Target:
    """A robot to talk to; `state` is None when `eip up` did not start it."""

    namespace: str
    domain_id: int
    folder: Path
    state: RunState | None = None


def usage(text: str) -> UserError:
    """Return the error for a wrong option."""
    error = UserError(text)
    error.exit_code = ExitCode.USAGE
    return error


def ros_domain(given: int | None) -> int:
    """Return the ROS domain that is meant where no robot names it; a wrong one is a wrong use."""
    try:
        return environment.domain_id(given)
    except ValueError as error:
        raise usage(str(error)) from None


def all_namespaces() -> list[str | None]:
    """Return the namespaces of all robots that are up; [None] when `eip up` started none."""
    found: list[str | None] = [state.namespace for _, state in find_runs(state_root())]
    return found or [None]


def find_target(namespace: str | None, domain: int | None) -> Target:
    """Return the robot that is meant: the named one, else the only one that is up."""
    name = _checked(namespace)
    runs = find_runs(state_root())
    if namespace is not None:
        runs = [run for run in runs if run[1].namespace == name]
    if len(runs) > 1:
        names = ', '.join(state.namespace or 'robot' for _, state in runs)
        raise usage(f'several robots are up ({names}): name one with --namespace')
    if not runs:
        return Target(name, ros_domain(domain), state_folder(name))
    folder, state = runs[0]
    number = state.domain_id if domain is None else ros_domain(domain)
    return Target(state.namespace, number, folder, state)


def _checked(namespace: str | None) -> str:
    try:
        return check_namespace(namespace or '')
    except ValueError as error:
        raise usage(str(error)) from None


@contextmanager
def reach(namespace: str | None, domain: int | None) -> Iterator[RobotClient]:
    """Yield a ROS client of the robot that is meant."""
    target = find_target(namespace, domain)
    from eip_bringup.client import connect

    with connect(
        target.namespace, environment.ros_environment(target.domain_id, target.folder)
    ) as client:
        yield client
