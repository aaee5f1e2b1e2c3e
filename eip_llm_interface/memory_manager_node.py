"""The node `memory_manager`: watches the robot's memory and asks processes to shrink."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node

from eip.msg import Heartbeat, MemoryStatus
from eip.srv import GetTrends, OptimizeMemory
from eip_llm_interface.memory.pressure import Pressure
from eip_llm_interface.memory_conversions import series_to_message, status_to_message
from eip_llm_interface.memory_manager_config import MemoryManagerConfig
from eip_llm_interface.reclaim_calls import ReclaimCalls
from eip_llm_interface.robot_memory import RobotMemory, RobotUsage
from eip_llm_interface.watched_processes import WatchedProcesses
from eip_llm_interface.work_queue import BusyError, WorkQueue
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, Level
from eip_ros.heartbeat import read_boot_id
from eip_ros.lifecycle_node import ManagedNode
from eip_ros.names import Service, Topic
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY

__all__ = ['MemoryManagerNode', 'load_memory', 'main']

THREADS = 5
LEVELS = {Pressure.HIGH: Level.WARN, Pressure.CRITICAL: Level.ERROR}


def load_memory(config: MemoryManagerConfig, watched: WatchedProcesses) -> RobotMemory:
    """Return the robot's memory under the budget that `config` sets."""
    from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager

    if config.device != 'cpu':
        _keep_nvml_open()
    manager = AdvancedMemoryManager(config.max_memory_mb, config.device)
    return RobotMemory(manager, watched, device=config.device)


def _keep_nvml_open() -> None:
    """Start NVML once: it counts its users, and a first start may take a second."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # absent library or driver: the manager's reading says why
        return


class MemoryManagerNode(ManagedNode):
    """Publishes what the robot's processes hold and keeps it within the budget."""

    def __init__(
        self,
        make_memory: Callable[[MemoryManagerConfig, WatchedProcesses], RobotMemory] = load_memory,
    ) -> None:
        super().__init__(names.Node.MEMORY_MANAGER)
        self.config = declare_parameters(self, MemoryManagerConfig)
        self.watched = WatchedProcesses(read_boot_id())
        self._make_memory = make_memory
        self._memory: RobotMemory | None = None
        self._usage: RobotUsage | None = None
        self._measure_problem = ''
        self._last_pass_s = -1e9
        self._passing = threading.Lock()
        self._queue = WorkQueue(1, 'memory_pass')
        self._calls = ReclaimCalls(self)
        self._status = Node.create_publisher(self, MemoryStatus, Topic.MEMORY_STATUS, qos.STATUS)
        self._open_doors()
        self.diagnostics.add('memory', self._diagnose)

    def _open_doors(self) -> None:
        hearing, measuring, asking = (MutuallyExclusiveCallbackGroup() for _ in range(3))
        self.create_subscription(
            Heartbeat, Topic.HEARTBEAT, self._on_heartbeat, qos.HEARTBEAT, callback_group=hearing
        )
        self.create_timer(
            self.config.publish_period_s, self._measure, callback_group=measuring, clock=STEADY
        )
        self.create_service(
            OptimizeMemory, f'~/{Service.OPTIMIZE}', self._on_optimize, callback_group=asking
        )
        self.create_service(
            GetTrends, f'~/{Service.TRENDS}', self._on_trends, callback_group=asking
        )

    def health(self) -> tuple[bool, str]:
        """Return whether memory can be measured, and why not."""
        healthy, detail = super().health()
        return (False, self._measure_problem) if self._measure_problem else (healthy, detail)

    def set_up(self) -> None:
        """Read the memory once, which tells whether it can be read."""
        memory = self._make_memory(self.config, self.watched)
        self._usage = memory.read()
        self._memory = memory

    def clean_up(self) -> None:
        """Cease to measure."""
        self._memory = None
        self._usage = None

    def destroy_node(self) -> None:
        """End the worker, then the node."""
        self._queue.close(self.config.reclaim_timeout_s + 1.0)
        super().destroy_node()  # type: ignore[no-untyped-call]

    def _on_heartbeat(self, message: Any) -> None:
        if self.watched.hear(message.node, message.pid, message.boot_id):
            self._calls.prepare(message.node)

    def _measure(self) -> None:
        memory = self._memory
        if memory is None or not self.is_active:
            return
        try:
            usage = self._usage = memory.read()
        except Exception as error:  # one failed reading must not end the node
            self._measure_problem = f'memory could not be read: {error}'
            return
        self._measure_problem = ''
        self._status.publish(status_to_message(usage, self.get_clock().now().to_msg()))
        if self._should_relieve(usage):
            self._last_pass_s = time.monotonic()
            try:
                self._queue.submit(lambda: self._relieve_by_itself(usage))
            except BusyError:
                return

    def _should_relieve(self, usage: RobotUsage) -> bool:
        waited_s = time.monotonic() - self._last_pass_s
        return (
            self.config.auto_optimize
            and usage.pressure >= Pressure.HIGH
            and waited_s >= self.config.cooldown_s
        )

    def _relieve_by_itself(self, usage: RobotUsage) -> None:
        memory = self._memory
        if memory is None:
            return
        with self._passing:
            relief = memory.relieve(0.0, self._ask)
        Node.get_logger(self).warning(
            f'memory pressure {usage.pressure.name.lower()}: {usage.used_mib:.0f} of '
            f'{usage.budget_mib:.0f} MiB used on {usage.device}; {relief.message}'
        )

    def _ask(self, target_mib: float, urgency: int) -> dict[str, float]:
        answers = self._calls.ask(
            self.watched.names(), target_mib, urgency, self.config.reclaim_timeout_s
        )
        return {name: float(a.freed_mib) for name, a in answers.items() if a.success}

    def _on_optimize(self, asked: Any, answer: Any) -> Any:
        memory = self._memory
        if memory is None:
            answer.message = f'not measuring: {self.health()[1]}'
            return answer
        try:
            with self._passing:
                relief = memory.relieve(asked.target_mib, self._ask if asked.ask_others else None)
        except Exception as error:  # a bad target, or memory that cannot be read
            answer.message = str(error)
            return answer
        answer.success = True
        answer.message = relief.message
        answer.freed_mib = float(relief.freed_mib)
        answer.used_before_mib = float(relief.used_before_mib)
        answer.used_after_mib = float(relief.used_after_mib)
        return answer

    def _on_trends(self, asked: Any, answer: Any) -> Any:
        memory = self._memory
        if memory is None:
            answer.message = f'not measuring: {self.health()[1]}'
            return answer
        known = memory.history.names()
        unknown = sorted(set(asked.metrics) - set(known))
        if unknown:
            answer.message = f'metric {unknown[0][:64]} is unknown, use {", ".join(known)}'
            return answer
        if not asked.window_s >= 0.0:
            answer.message = f'window_s is {asked.window_s}, give seconds, 0 for all'
            return answer
        answer.series = [
            series_to_message(memory.history.series(name, asked.window_s, asked.max_points))
            for name in asked.metrics or known
        ]
        answer.success = True
        return answer

    def _diagnose(self) -> Diagnosis:
        usage = self._usage
        if usage is None:
            return Diagnosis(Level.ERROR, self.health()[1] or 'not measuring')
        values = {
            'device': usage.device,
            'used_mib': round(usage.used_mib, 1),
            'budget_mib': round(usage.budget_mib, 1),
            'accelerator': usage.accelerator.reason or usage.accelerator.device,
            **{f'{item.name}_mib': round(item.resident_mib, 1) for item in usage.processes},
        }
        message = f'pressure {usage.pressure.name.lower()}, {usage.used_ratio:.0%} of the budget'
        return Diagnosis(LEVELS.get(usage.pressure, Level.OK), message, values)


def main() -> int:
    """Run the node until it is told to end."""
    return run_node(MemoryManagerNode, THREADS)


if __name__ == '__main__':
    raise SystemExit(main())
