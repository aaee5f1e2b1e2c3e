"""The message type of tf, where zones need it and ROS 2 has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eip_safety_monitor.zones.zones_policy import Zone

__all__ = ['transform_type']

ODOM_FRAME = 'odom'


def transform_type(zones: Sequence[Zone]) -> Any:
    """Return tf2_msgs/TFMessage if a zone lies in another frame than `odom`, else None.

    Also None where tf2_msgs, which has no wheel, is not installed: such zones then need odometry
    in their own frame, and the monitor says so.
    """
    if all(zone.frame == ODOM_FRAME for zone in zones):
        return None
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError:
        return None
    return TFMessage
