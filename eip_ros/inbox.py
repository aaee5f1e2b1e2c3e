"""A subscription that is asked, not one that calls.

A node that takes its messages in a timer does bounded work whatever the senders do: a flood of
5,000 messages a second costs it no more than `depth` messages a turn, and no backlog can grow
behind which a stop would have to wait.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.type_support import check_is_valid_msg_type

__all__ = ['Inbox']

MessageT = TypeVar('MessageT')


class Inbox(Generic[MessageT]):
    """Holds the newest messages of one topic until `take` is called.

    The same handle as `Node.create_subscription` makes, but unknown to every executor.
    """

    def __init__(
        self, node: Node, message_type: type[MessageT], topic: str, profile: QoSProfile
    ) -> None:
        check_is_valid_msg_type(message_type)
        self.topic = topic
        self._type = message_type
        self._most = max(1, profile.depth)
        with node.handle:
            self._handle = rclpy_implementation.Subscription(
                node.handle, message_type, topic, profile.get_c_qos_profile()
            )

    def take(self) -> list[MessageT]:
        """Return what has come since the last call, oldest first, at most the profile's depth."""
        messages: list[MessageT] = []
        with self._handle:
            while len(messages) < self._most:
                found = self._handle.take_message(self._type, False)
                if found is None:
                    break
                messages.append(found[0])
        return messages

    def close(self) -> None:
        """Unsubscribe."""
        self._handle.destroy_when_not_in_use()
