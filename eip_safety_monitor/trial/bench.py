"""Both safety nodes as real processes around a fake robot, on a ROS domain of their own."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rclpy.context import Context

from eip.msg import SafetyState
from eip_ros.transport import changed_environment
from eip_safety_monitor.policy import default_policy_file
from eip_safety_monitor.trial.fake_robot import FakeRobot
from eip_safety_monitor.trial.processes import NodeProcess

__all__ = ['Bench', 'open_bench']

GATE = 'eip_safety_monitor.motion_gate_node'
NODES = {
    'safety_llm': 'eip_llm_interface.safety_llm_node',
    'memory_manager': 'eip_llm_interface.memory_manager_node',
    'performance_monitor': 'eip_perf_monitor.performance_monitor_node',
}
"""The other nodes of a robot; they are only ever started, never imported."""
QUICK = {'clear_time_s: 1.0': 'clear_time_s: 0.2', 'cooldown_s: 1.0': 'cooldown_s: 0.1'}


@dataclass(frozen=True)
class Bench:
    """What a trial needs."""

    robot: FakeRobot
    monitor: NodeProcess
    gate: NodeProcess
    flooder: NodeProcess
    folder: Path
    environment: Mapping[str, str]
    restarts: list[str] = field(default_factory=list)

    def make_ready(self) -> None:
        """Bring everything back to a disarmed robot with nothing wrong and nobody near."""
        robot = self.robot
        robot.heal()
        for process in (self.monitor, self.gate):
            process.send(signal.SIGCONT)
            if process.returncode is not None:
                process.start()
        self.drive()
        robot.call('disarm')
        robot.wait(lambda: robot.mode() == SafetyState.DISARMED)
        robot.given.clear()
        robot.states.clear()
        robot.events.clear()

    def drive(self) -> None:
        """Make the robot move; nodes that do not hear each other are started anew once, and noted.

        A process in place of a killed one is at times never matched by DDS. It then stands still,
        which is safe, and no trial can begin.
        """
        try:
            self.robot.make_move(10.0)
        except TimeoutError as error:
            self.restarts.append(str(error))
            self.restart()

    def node(self, name: str) -> NodeProcess:
        """Return the node `name` of NODES, not started."""
        return NodeProcess(
            NODES[name],
            self.folder / f'{name}.log',
            {'port': 0} if name == 'performance_monitor' else {},
            {**self.environment, 'EIP_STATE_DIR': str(self.folder)},
        )

    def peer(self, name: str, period_s: float = 0.1) -> NodeProcess:
        """Return a process that beats as the node `name`, not started."""
        return NodeProcess(
            'eip_safety_monitor.trial.peer',
            self.folder / 'peer.log',
            environment=self.environment,
            arguments=(name, str(period_s)),
        )

    @property
    def state_folder(self) -> Path:
        """Return the folder in which the monitor keeps latch and audit log."""
        return self.folder / 'state'

    def restart(
        self, wrap: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """End both nodes in good order, start them anew, the monitor behind `wrap`, and drive."""
        self.monitor.stop()
        self.gate.stop()
        # What the old ones said last must not pass for the new ones' word.
        self.robot.states.clear()
        self.robot.given.clear()
        self.gate.start(environment=environment)
        self.monitor.start(wrap, environment)
        self.robot.make_move(30.0)

    def other_monitor(self) -> NodeProcess:
        """Return a second monitor with a state folder of its own, not started."""
        return _monitor(self.folder, 'other', self.environment)


@contextmanager
def open_bench(domain: int, is_quick: bool = True, gate_module: str = GATE) -> Iterator[Bench]:
    """Yield a bench whose robot is not yet armed; everything started is ended afterwards.

    `is_quick` shortens waiting times of the policy that no measured time contains. `gate_module`
    stands where the motion gate does, for comparison.
    """
    folder = Path(tempfile.mkdtemp(prefix='eip-trial-'))
    environment = {
        'ROS_DOMAIN_ID': str(domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    _write_policy(folder, is_quick)
    try:
        with changed_environment(environment), _opened(folder, environment, gate_module) as bench:
            yield bench
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path, environment: Mapping[str, str], gate_module: str) -> Iterator[Bench]:
    monitor = _monitor(folder, 'state', environment)
    gate = NodeProcess(gate_module, folder / 'gate.log', environment=environment)
    flooder = NodeProcess(
        'eip_safety_monitor.trial.flood', folder / 'flood.log', environment=environment
    )
    context = Context()
    context.init(domain_id=int(environment['ROS_DOMAIN_ID']))
    robot = FakeRobot(context)
    try:
        gate.start()
        monitor.start()
        robot.open()
        yield Bench(robot, monitor, gate, flooder, folder, environment)
    finally:
        for process in (flooder, monitor, gate):
            process.stop()
        robot.close()
        context.try_shutdown()


def _monitor(folder: Path, state: str, environment: Mapping[str, str]) -> NodeProcess:
    return NodeProcess(
        'eip_safety_monitor.safety_monitor_node',
        folder / f'{state}.log',
        {'policy_file': folder / 'policy.yaml', 'state_dir': folder / state},
        environment,
    )


def _write_policy(folder: Path, is_quick: bool) -> None:
    text = default_policy_file().read_text()
    for shipped, quick in QUICK.items() if is_quick else ():
        text = text.replace(shipped, quick)
    (folder / 'policy.yaml').write_text(text)
