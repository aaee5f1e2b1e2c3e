"""Both safety nodes as real processes around a fake robot, on a ROS domain of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rclpy.context import Context

from eip_safety_monitor.policy import default_policy_file
from eip_safety_monitor.trial.fake_robot import FakeRobot
from eip_safety_monitor.trial.processes import NodeProcess

__all__ = ['Bench', 'open_bench']

QUICK = {'clear_time_s: 1.0': 'clear_time_s: 0.2', 'cooldown_s: 1.0': 'cooldown_s: 0.1'}


@dataclass(frozen=True)
class Bench:
    """What a trial needs."""

    robot: FakeRobot
    monitor: NodeProcess
    gate: NodeProcess
    folder: Path

    def restart_monitor(self) -> None:
        """Start the monitor again after it was killed."""
        self.monitor.start()


@contextmanager
def open_bench(domain: int, is_quick: bool = True) -> Iterator[Bench]:
    """Yield a bench whose robot is not yet armed; everything started is ended afterwards.

    `is_quick` shortens waiting times of the policy that no measured time contains.
    """
    folder = Path(tempfile.mkdtemp(prefix='eip-trial-'))
    environment = {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    policy = _policy(folder, is_quick)
    monitor = NodeProcess(
        'eip_safety_monitor.safety_monitor_node',
        folder / 'monitor.log',
        {'policy_file': policy, 'state_dir': folder / 'state'},
        environment,
    )
    gate = NodeProcess(
        'eip_safety_monitor.motion_gate_node', folder / 'gate.log', environment=environment
    )
    context = Context()
    context.init(domain_id=domain)
    robot = FakeRobot(context)
    try:
        gate.start()
        monitor.start()
        robot.open()
        yield Bench(robot, monitor, gate, folder)
    finally:
        monitor.stop()
        gate.stop()
        robot.close()
        context.try_shutdown()
        for name, value in before.items():
            _restore(name, value)
        shutil.rmtree(folder, ignore_errors=True)


def _policy(folder: Path, is_quick: bool) -> Path:
    text = default_policy_file().read_text()
    for shipped, quick in QUICK.items() if is_quick else ():
        text = text.replace(shipped, quick)
    path = folder / 'policy.yaml'
    path.write_text(text)
    return path


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
