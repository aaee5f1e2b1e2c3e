"""What a message says becomes a reading, also when it says what cannot be."""

from __future__ import annotations

import math

import pytest
from nav_msgs.msg import Odometry

from eip_safety_monitor import conversions


def odometry(w: float, z: float = 0.0) -> Odometry:
    message = Odometry()
    message.pose.pose.orientation.w, message.pose.pose.orientation.z = w, z
    return message


def test_a_unit_quaternion_is_a_yaw() -> None:
    reading = conversions.odometry_from(odometry(math.cos(0.5), math.sin(0.5)))
    assert reading.yaw_rad == pytest.approx(1.0)
    assert reading.problem == ''
    assert conversions.odometry_from(Odometry()).problem == ''


@pytest.mark.parametrize(
    ('w', 'z'), [(0.0, 0.0), (0.5, 0.0), (2.0, 0.0), (1e200, 0.0), (1.0, 1e200), (math.nan, 0.0)]
)
def test_another_orientation_is_no_odometry_and_names_the_field(w: float, z: float) -> None:
    reading = conversions.odometry_from(odometry(w, z))
    assert not reading.is_finite()
    assert 'pose.pose.orientation is no unit quaternion' in reading.problem
