"""Leave for a step, over the safety monitor's service."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import KeyValue
from rclpy.node import Node

from eip.srv import AuthorizeStep
from eip_bringup.sim.errand import Errand
from eip_bringup.sim.leave import LeaveAnswer
from eip_ros import names

__all__ = ['MonitorDesk']


class MonitorDesk:
    """Calls `safety_monitor/authorize` without waiting for it."""

    def __init__(self, node: Node) -> None:
        self._client = node.create_client(
            AuthorizeStep, names.private(names.Node.SAFETY_MONITOR, names.Service.AUTHORIZE)
        )
        self._future: Any = None

    def ask(self, errand: Errand, index: int) -> None:
        """Ask for leave to do a step; nothing is asked while nobody offers the service."""
        if self._future is not None:
            self._client.remove_pending_request(self._future)
            self._future = None
        if not self._client.service_is_ready():
            return
        step = errand.steps[index]
        self._future = self._client.call_async(
            AuthorizeStep.Request(
                plan_id=errand.plan_id,
                step_index=index,
                skill=step.skill,
                parameters=[
                    KeyValue(key=key, value=value) for key, value in step.parameters.items()
                ],
            )
        )

    def answer(self) -> LeaveAnswer | None:
        """Return the answer to what was asked last, or None while there is none."""
        if self._future is None or not self._future.done():
            return None
        result = self._future.result()
        return LeaveAnswer(result.granted, result.lifetime_s, result.refusal)
