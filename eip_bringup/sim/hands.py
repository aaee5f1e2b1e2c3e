"""The gripper of the simulated robot, over its service."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from eip.srv import SimManipulate
from eip_ros import names

__all__ = ['ServiceHands']


class ServiceHands:
    """Calls `sim_robot/manipulate` without waiting for it."""

    def __init__(self, node: Node) -> None:
        self._client = node.create_client(
            SimManipulate, names.private(names.Node.SIM_ROBOT, 'manipulate')
        )
        self._future: Any = None

    def begin(self, action: str, target: str, place: str) -> None:
        """Ask for an action."""
        self._future = None
        if not self._client.service_is_ready():
            return
        self._future = self._client.call_async(
            SimManipulate.Request(action=action, object=target, place=place)
        )

    def answer(self) -> tuple[bool, str] | None:
        """Return (success, message) of what was begun last, or None while it goes on."""
        if self._future is None:
            return False, f'nobody offers {self._client.srv_name}; is sim_robot running?'
        if not self._future.done():
            return None
        result = self._future.result()
        return result.success, result.message
