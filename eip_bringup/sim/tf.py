"""Transforms, where `tf2_msgs` is installed; it has no wheel."""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node

from eip_bringup.sim.conversions import BASE_FRAME, LASER_FRAME
from eip_bringup.sim.dimensions import LIDAR_HEIGHT
from eip_ros.names import Topic

__all__ = ['make_tf_publisher', 'transforms_of']


def make_tf_publisher(node: Node) -> Callable[[Odometry], None] | None:
    """Return what publishes an odometry as transforms, or None without tf2_msgs."""
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError:
        node.get_logger().info('tf2_msgs is not installed: no tf, everything else as usual')
        return None
    publisher = node.create_publisher(TFMessage, Topic.TF, 10)

    def publish(odometry: Odometry) -> None:
        publisher.publish(TFMessage(transforms=transforms_of(odometry)))

    return publish


def transforms_of(odometry: Odometry) -> list[TransformStamped]:
    """Return odom to base_link as the odometry says, and base_link to the lidar above it."""
    base = TransformStamped(header=odometry.header, child_frame_id=BASE_FRAME)
    base.transform.translation.x = odometry.pose.pose.position.x
    base.transform.translation.y = odometry.pose.pose.position.y
    base.transform.rotation = odometry.pose.pose.orientation
    laser = TransformStamped(child_frame_id=LASER_FRAME)
    laser.header.stamp = odometry.header.stamp
    laser.header.frame_id = BASE_FRAME
    laser.transform.translation.z = LIDAR_HEIGHT
    return [base, laser]
