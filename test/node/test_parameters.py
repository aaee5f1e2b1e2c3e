"""Parameters that a dataclass declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.utilities import try_shutdown

from eip_ros.parameters import declare_parameters
from eip_safety_monitor.motion_gate_node import MotionGateNode


@dataclass(frozen=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True)
class Config:
    speed_mps: float = 0.5
    fixed: str = field(default='as it was', metadata={'read_only': True})
    inner: Inner = field(default_factory=Inner)


CHANGES = {'speed_mps': 0.1, 'fixed': 'other', 'inner.depth': 2}


@pytest.fixture(autouse=True)
def ros(ros_domain: int) -> Iterator[None]:
    rclpy.init(args=[])
    yield
    try_shutdown()


def refused(node: Node, **changes: object) -> dict[str, str]:
    """Return why a change of a parameter was refused, for each that was."""
    asked = {name: Parameter(name, value=value) for name, value in changes.items()}
    results = {name: node.set_parameters([change])[0] for name, change in asked.items()}
    return {name: result.reason for name, result in results.items() if not result.successful}


@pytest.mark.parametrize(('read_only', 'expected'), [(True, set(CHANGES)), (False, {'fixed'})])
def test_what_is_read_once_cannot_be_set_later(read_only: bool, expected: set[str]) -> None:
    node = Node('holder')
    assert declare_parameters(node, Config, read_only=read_only) == Config()
    reasons = refused(node, **CHANGES)
    node.destroy_node()
    assert set(reasons) == expected
    assert all('read-only' in reason and name in reason for name, reason in reasons.items())


def test_a_running_gate_refuses_new_limits_instead_of_forgetting_them() -> None:
    gate = MotionGateNode()
    changes = {'max_linear_speed_mps': 0.1, 'remote_monitor': True, 'ramp.jerk_mps3': 1.0}
    reasons = refused(gate, **changes)
    gate.destroy_node()
    assert set(reasons) == set(changes)
