"""What can be seen of a robot from outside: heartbeats, safety state, processes, memory."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from eip_bringup.run_state import ProcessRecord
from eip_ros.heartbeat import read_boot_id

if TYPE_CHECKING:
    from eip_bringup.cli.options import Target
    from eip_bringup.client import RobotClient

__all__ = ['MEMORY_LIMIT_MB', 'NodeStatus', 'RobotStatus', 'to_json', 'watch']

MEMORY_LIMIT_MB = 2000.0
MODES = ('STOPPED', 'DISARMED', 'PROTECTIVE', 'ARMED')
PLAN_STATES = ('idle', 'running', 'held', 'succeeded', 'failed', 'cancelled')
BYTES_PER_MB = 1e6


@dataclass(frozen=True)
class NodeStatus:
    """One node; `resident_mb` is None where its process cannot be seen from this host."""

    name: str
    healthy: bool
    detail: str
    pid: int
    resident_mb: float | None
    starts: int = 0


@dataclass(frozen=True)
class RobotStatus:
    """One robot; `mode` is 'unknown' when no safety state was heard."""

    namespace: str
    domain_id: int
    mode: str
    cause: str
    active_causes: tuple[str, ...]
    resettable: bool
    nearest_person_m: float | None
    plan: str
    nodes: tuple[NodeStatus, ...]
    limit_mb: float = MEMORY_LIMIT_MB

    @property
    def total_resident_mb(self) -> float:
        """Return the resident memory of all processes together, in MB."""
        return math.fsum(node.resident_mb or 0.0 for node in self.nodes)

    @property
    def is_over_limit(self) -> bool:
        """Tell whether the robot weighs more than it may."""
        return self.total_resident_mb > self.limit_mb


def watch(robot: RobotClient, target: Target, listen_s: float) -> RobotStatus:
    """Listen for at most `listen_s` and return what was seen."""
    expected = set(target.state.names) if target.state else set()
    robot.wait_for(lambda: robot.state and expected and expected <= set(robot.heartbeats), listen_s)
    return _status(robot, target)


def to_json(seen: RobotStatus) -> dict[str, Any]:
    """Return `seen` as plain values, totals included."""
    return {
        **dataclasses.asdict(seen),
        'total_resident_mb': round(seen.total_resident_mb, 1),
        'over_limit': seen.is_over_limit,
    }


def _status(robot: RobotClient, target: Target) -> RobotStatus:
    state = robot.state
    mode = MODES[state.mode] if state is not None and state.mode < len(MODES) else 'unknown'
    nearest_m = float(state.nearest_person_m) if state is not None else -1.0
    return RobotStatus(
        namespace=target.namespace,
        domain_id=target.domain_id,
        mode=mode,
        cause=state.cause if state is not None else 'no safety state was heard',
        active_causes=tuple(state.active_causes) if state is not None else (),
        resettable=state is not None and bool(state.resettable),
        nearest_person_m=nearest_m if nearest_m >= 0 else None,
        plan=_plan(robot),
        nodes=tuple(_nodes(robot, target)),
    )


def _plan(robot: RobotClient) -> str:
    status = robot.plan_status
    if status is None or status.state >= len(PLAN_STATES):
        return ''
    return f'{PLAN_STATES[status.state]}: {status.message}'.rstrip(': ')


def _nodes(robot: RobotClient, target: Target) -> list[NodeStatus]:
    records = {record.name: record for record in target.state.processes} if target.state else {}
    expected = target.state.names if target.state else ()
    names = [*expected, *(name for name in sorted(robot.heartbeats) if name not in expected)]
    return [_node(name, robot, records.get(name), name in expected) for name in names]


def _node(
    name: str, robot: RobotClient, record: ProcessRecord | None, is_expected: bool
) -> NodeStatus:
    beat = robot.heartbeats.get(name)
    pid = record.pid if record else 0
    if not pid and not is_expected and beat is not None and beat.boot_id == read_boot_id():
        pid = beat.pid
    if is_expected and record is None:
        healthy, detail = False, 'does not run, see its log'
    elif beat is None:
        healthy, detail = False, 'no heartbeat was heard'
    elif not robot.is_healthy(name):
        healthy, detail = False, beat.detail or 'the heartbeat fell silent'
    else:
        healthy, detail = True, ''
    starts = record.starts if record else 0
    return NodeStatus(name, healthy, detail, pid, _resident_mb(pid), starts)


def _resident_mb(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).memory_info().rss) / BYTES_PER_MB if pid else None
    except psutil.Error:
        return None
