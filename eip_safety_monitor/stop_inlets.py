"""The stop inputs of a node: messages from topics, everything else from devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from eip_ros import names, qos
from eip_ros.inbox import Inbox
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.stop_inputs.config import StopInputsPolicy
from eip_safety_monitor.stop_inputs.heard import JoystickInput, TopicInput
from eip_safety_monitor.stop_inputs.panel import StopPanel, make_hardware

__all__ = ['StopInlets']

COUNT_PERIOD_S = 0.5
"""How often it is asked who speaks on the topics."""


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
        self._node, self._clock = node, clock
        self._counted_ns = 0
        topics = [inbox.topic for inbox, _, _ in self._inboxes]
        if policy.default_topic:
            topics.append(names.Topic.HARDWARE_STOP)
        self._resolved = {topic: node.resolve_topic_name(topic) for topic in topics}

    def take(self, since_ns: int) -> bool:
        """Hand over what came on the topics, counted as that old; tell whether to look at once.

        Devices are read by the look itself: where there is one, every turn looks.
        """
        is_urgent = self._has_hardware
        for inbox, field, hear in self._inboxes:
            for message in inbox.take():
                hear(getattr(message, field), since_ns)
                is_urgent = True
        self._count_speakers()
        return is_urgent

    def close(self) -> None:
        """Unsubscribe and let all hardware go."""
        for inbox, _, _ in self._inboxes:
            inbox.close()
        self.panel.close()

    def _count_speakers(self) -> None:
        now_ns = self._clock.now_ns()
        if seconds(now_ns - self._counted_ns) < COUNT_PERIOD_S:
            return
        self._counted_ns = now_ns
        count = self._node.count_publishers
        self.panel.hear_speakers({topic: count(name) for topic, name in self._resolved.items()})
