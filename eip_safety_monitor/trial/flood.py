"""A process that sends 5,000 messages a second on every input of the two safety nodes."""

from __future__ import annotations

import math
import time

import rclpy
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from eip.msg import Heartbeat, SafetyState, SafetyVerdict, SceneContext
from eip_ros import qos
from eip_ros.names import Topic

__all__ = ['main']

RATE_HZ = 5000.0
BATCH_S = 0.005


def main() -> None:
    """Flood until ended."""
    rclpy.init()
    node = Node('trial_flood')
    stamp = node.get_clock().now().to_msg()
    scan = LaserScan(angle_increment=2.0 * math.pi / 360, range_max=10.0, ranges=[3.0] * 360)
    odometry, scene = Odometry(), SceneContext()
    for message in (scan, odometry, scene):
        message.header.stamp = stamp
    outlets = [
        (node.create_publisher(LaserScan, Topic.SCAN, qos.SENSOR), scan),
        (node.create_publisher(Odometry, Topic.ODOM, qos.SENSOR), odometry),
        (node.create_publisher(SceneContext, Topic.SCENE, qos.SENSOR), scene),
        (node.create_publisher(Bool, Topic.HARDWARE_STOP, qos.SENSOR), Bool()),
        (node.create_publisher(Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT), Heartbeat()),
        (node.create_publisher(SafetyVerdict, Topic.VERDICT, qos.EVENT), SafetyVerdict()),
        (node.create_publisher(SafetyState, Topic.STATE, qos.PERMIT), SafetyState()),
        (node.create_publisher(Twist, Topic.CMD_VEL_IN, qos.MOTION), Twist()),
    ]
    began, sent = time.monotonic(), 0
    try:
        while node.context.ok():
            due = int((time.monotonic() - began) * RATE_HZ)
            for _ in range(min(due - sent, 100)):
                for publisher, message in outlets:
                    publisher.publish(message)
            sent = due
            time.sleep(BATCH_S)
    finally:
        # What lingers would be a second publisher beside the robot's stop button.
        node.destroy_node()


if __name__ == '__main__':
    main()
