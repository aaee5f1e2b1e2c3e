"""A plain velocity multiplexer with a lock topic and no time limit, as a stand-in for comparison.

What many robots have between controllers and wheels: velocities pass as they come while the lock is
open; while it is locked zero is given, at once and at 50 Hz. The lock is the same `safety/state`
that the motion gate lives on, so it hears of every stop as early as the gate does. It is fair in
what it does: no bug is built in, its heartbeat is the gate's, it starts unlocked as multiplexers
do, and it runs at the same 200 turns a second. What it lacks is what it is here for: nothing that
it once heard grows old, nobody asks who sent it, and a number is a number.
"""

from __future__ import annotations

from geometry_msgs.msg import Twist
from rclpy.node import Node

from eip.msg import SafetyState
from eip_ros import names, qos
from eip_ros.executor import make_executor
from eip_ros.heartbeat import HeartbeatPublisher
from eip_ros.inbox import Inbox
from eip_ros.run import run_node
from eip_ros.steady import STEADY
from eip_safety_monitor.priority import raise_priority

TURN_PERIOD_S = 0.005
TURNS_A_REPEAT = 4


class PlainMux(Node):
    """Passes every wanted velocity on, or gives zero while locked."""

    def __init__(self) -> None:
        super().__init__(names.Node.MOTION_GATE)
        self._publisher = self.create_publisher(Twist, names.Topic.CMD_VEL, qos.MOTION)
        self._locks = Inbox(self, SafetyState, names.Topic.STATE, qos.PERMIT_INBOX)
        self._commands = Inbox(self, Twist, names.Topic.CMD_VEL_IN, qos.MOTION)
        self._heartbeat = HeartbeatPublisher(self)
        self._is_locked = False
        self._turns = 0
        self._timer = self.create_timer(TURN_PERIOD_S, self._turn, clock=STEADY)

    def destroy_node(self) -> None:
        """Unsubscribe."""
        self._locks.close()
        self._commands.close()
        Node.destroy_node(self)

    def _turn(self) -> None:
        was_locked = self._is_locked
        for state in self._locks.take():
            self._is_locked = not state.motion_permitted
        self._turns += 1
        commands = self._commands.take()
        if self._is_locked:
            if not was_locked or self._turns % TURNS_A_REPEAT == 0:
                self._publisher.publish(Twist())
            return
        for command in commands:
            self._publisher.publish(command)


if __name__ == '__main__':
    raise_priority()
    raise SystemExit(run_node(PlainMux, make_executor=make_executor))
