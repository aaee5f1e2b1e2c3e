"""`diagnostics` at 1 Hz from plain functions; `diagnostic_updater` has no wheel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from eip_ros.names import Topic
from eip_ros.steady import STEADY

__all__ = ['Diagnosis', 'DiagnosticPublisher', 'Level']


class Level(IntEnum):
    """How bad it is, as in diagnostic_msgs."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Diagnosis:
    """What one task found: a level, a sentence, and values to show beside it."""

    level: Level
    message: str
    values: Mapping[str, object] = field(default_factory=dict)


class DiagnosticPublisher:
    """Asks each registered task once a second and publishes one DiagnosticArray."""

    def __init__(
        self,
        node: Node,
        hardware_id: str = '',
        period_s: float = 1.0,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        self._node = node
        self._hardware_id = hardware_id or node.get_namespace().strip('/') or 'robot'
        self._tasks: dict[str, Callable[[], Diagnosis]] = {}
        self._publisher = Node.create_publisher(node, DiagnosticArray, Topic.DIAGNOSTICS, 10)
        self._timer = node.create_timer(
            period_s, self._publish, callback_group=callback_group, clock=STEADY
        )

    def add(self, name: str, task: Callable[[], Diagnosis]) -> None:
        """Ask `task` at every turn and show its answer as `<node>: <name>`."""
        self._tasks[name] = task

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._status(name, task) for name, task in self._tasks.items()]
        self._publisher.publish(message)

    def _status(self, name: str, task: Callable[[], Diagnosis]) -> DiagnosticStatus:
        try:
            found = task()
        except Exception as error:  # a broken task must not silence the others
            found = Diagnosis(Level.ERROR, f'diagnosis failed: {error}')
        return DiagnosticStatus(
            level=bytes([found.level]),
            name=f'{self._node.get_name()}: {name}',
            message=found.message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=str(k), value=str(v)) for k, v in found.values.items()],
        )
