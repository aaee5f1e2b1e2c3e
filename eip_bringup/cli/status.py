"""`eip status`: what runs, whether it may move and why not, and what it weighs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from eip_bringup.cli.options import DomainId, Namespace, find_target, reach
from eip_bringup.errors import UnreachableError

if TYPE_CHECKING:
    from eip_bringup.robot_status import RobotStatus

__all__ = ['COMMANDS']

LISTEN_S = 3.0


def status(
    as_json: Annotated[bool, typer.Option('--json', help='Print one JSON object.')] = False,
    namespace: Namespace = None,
    domain_id: DomainId = None,
) -> None:
    """Show the robot's nodes, mode, cause of a stop, processes and their memory."""
    from eip_bringup.robot_status import to_json, watch

    target = find_target(namespace, domain_id)
    with reach(namespace, domain_id) as robot:
        seen = watch(robot, target, LISTEN_S)
    if not seen.nodes and target.state is None:
        raise UnreachableError(
            f'nothing was heard of {target.namespace or "a robot"} on ROS domain '
            f'{target.domain_id}: start it with `eip up`, or name its --domain-id and --namespace'
        )
    if as_json:
        print(json.dumps(to_json(seen), indent=1))
    else:
        _print(seen)


COMMANDS = (status,)


def _print(seen: RobotStatus) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    console.print(f'{seen.namespace or "robot"} on ROS domain {seen.domain_id}: {seen.mode}')
    if seen.cause:
        console.print(f'cause: {seen.cause}', markup=False)
    if seen.plan:
        console.print(f'plan: {seen.plan}', markup=False)
    table = Table(box=None, pad_edge=False)
    for column in ('node', 'health', 'pid', 'memory MB', 'starts'):
        table.add_column(column, justify='left' if column in ('node', 'health') else 'right')
    for node in seen.nodes:
        table.add_row(
            node.name,
            '[green]healthy[/]' if node.healthy else f'[red]{node.detail}[/]',
            str(node.pid or 'unknown'),
            'unavailable' if node.resident_mb is None else f'{node.resident_mb:.0f}',
            str(node.starts or ''),
        )
    console.print(table)
    total = seen.total_resident_mb
    console.print(
        f'resident memory of the whole robot: {total:.0f} MB '
        + (f'[red]over the limit of {seen.limit_mb:.0f} MB[/]' if seen.is_over_limit else '')
    )
