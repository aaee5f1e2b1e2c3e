"""Publishes what the monitor sees to RViz, while anybody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from geometry_msgs.msg import Point
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from eip_ros import names, qos
from eip_ros.steady import STEADY
from eip_safety_monitor.markers import Shape, ShapeKind

__all__ = ['MarkerPublisher', 'marker_message']

PERIOD_S = 0.2
LIFETIME_NS = 600_000_000
"""What is not drawn again for so long goes away by itself."""
KINDS = {
    ShapeKind.LINE: Marker.LINE_STRIP,
    ShapeKind.AREA: Marker.TRIANGLE_LIST,
    ShapeKind.CYLINDER: Marker.CYLINDER,
    ShapeKind.ARROW: Marker.ARROW,
    ShapeKind.TEXT: Marker.TEXT_VIEW_FACING,
}


class MarkerPublisher:
    """Asks `draw` five times a second and publishes `safety/markers`; costs nothing unseen."""

    def __init__(self, node: Node, draw: Callable[[], Sequence[Shape]]) -> None:
        self._node, self._draw = node, draw
        self._publisher = node.create_publisher(MarkerArray, names.Topic.MARKERS, qos.STATUS)
        self._timer = node.create_timer(PERIOD_S, self._publish, clock=STEADY)

    def _publish(self) -> None:
        if self._publisher.get_subscription_count() == 0:
            return
        stamp = self._node.get_clock().now().to_msg()
        markers = [marker_message(shape) for shape in self._draw()]
        for marker in markers:
            marker.header.stamp = stamp
        self._publisher.publish(MarkerArray(markers=markers))


def marker_message(shape: Shape) -> Marker:
    """Return a shape as its marker, without a stamp."""
    marker = Marker(ns=shape.layer, id=shape.number, type=KINDS[shape.kind], text=shape.text)
    marker.header.frame_id = shape.frame
    marker.lifetime.nanosec = LIFETIME_NS
    red, green, blue, alpha = shape.colour
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    marker.pose.orientation.w = 1.0
    points = [Point(x=x, y=y, z=z) for x, y, z in shape.points]
    width, height = shape.size_m
    if shape.kind is ShapeKind.CYLINDER:
        marker.pose.position = points[0]
        marker.scale.x, marker.scale.y, marker.scale.z = width, width, height
    elif shape.kind is ShapeKind.TEXT:
        marker.pose.position = points[0]
        marker.scale.z = height
    elif shape.kind is ShapeKind.AREA:
        marker.points = points
        marker.scale.x = marker.scale.y = marker.scale.z = 1.0
    else:
        # A line's width, or an arrow's shaft and head.
        marker.points = points
        marker.scale.x, marker.scale.y = width, height
    return marker
