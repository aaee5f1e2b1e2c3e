"""The stop inputs of a node: messages from topics, everything else from devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from eip_ros import qos
from eip_ros.inbox import Inbox
from eip_safety_monitor.clock import Clock
from eip_safety_monitor.stop_inputs.config import StopInputsPolicy
from eip_safety_monitor.stop_inputs.heard import JoystickInput, TopicInput
from eip_safety_monitor.stop_inputs.panel import StopPanel, make_hardware

__all__ = ['StopInlets']


class StopInlets:
    """Subscribes to what a policy names and holds the `panel` of all inputs."""

    def __init__(self, node: Node, policy: StopInputsPolicy, clock: Clock) -> None:
        hardware = make_hardware(policy, clock)
        self._has_hardware = bool(hardware)
        buttons = [TopicInput(topic, clock) for topic in policy.topics]
        joysticks = [JoystickInput(joystick, clock) for joystick in policy.joysticks]
        self.panel = StopPanel([*hardware, *buttons, *joysticks])
        self._inboxes: list[tuple[Inbox[Any], str, Callable[[Any, int], None]]] = []
        for topic, button in zip(policy.topics, buttons, strict=True):
            inbox: Inbox[Any] = Inbox(node, Bool, topic.topic, qos.STOP_INPUT)
            self._inboxes.append((inbox, 'data', button.hear))
        for config, joystick in zip(policy.joysticks, joysticks, strict=True):
            inbox = Inbox(node, Joy, config.topic, qos.STOP_INPUT)
            self._inboxes.append((inbox, 'buttons', joystick.hear))

    def take(self, since_ns: int) -> bool:
        """Hand over what came on the topics, counted as that old; tell whether to look at once.

        Devices are read by the look itself: where there is one, every turn looks.
        """
        is_urgent = self._has_hardware
        for inbox, field, hear in self._inboxes:
            for message in inbox.take():
                hear(getattr(message, field), since_ns)
                is_urgent = True
        return is_urgent

    def close(self) -> None:
        """Unsubscribe and let all hardware go."""
        for inbox, _, _ in self._inboxes:
            inbox.close()
        self.panel.close()
