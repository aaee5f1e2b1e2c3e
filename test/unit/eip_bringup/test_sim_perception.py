from __future__ import annotations

import math

import numpy as np
import pytest

from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.perception import Perception
from eip_bringup.sim.robot_config import RobotConfig
from eip_bringup.sim.senses import Permit, Senses
from eip_bringup.sim.skills_config import SkillsConfig

ALLOWED = Permit(True, '', 0.8, 1.8)
RANGES = np.array([1.0, np.inf, np.nan, 2.0], dtype=np.float32)
ANGLES = np.array([0.0, 0.1, 0.2, math.pi / 2], dtype=np.float32)


@pytest.fixture
def perception() -> Perception:
    perception = Perception(permit_timeout_s=0.2, sensor_timeout_s=0.5)
    perception.permit(ALLOWED, 10.0)
    perception.pose(Pose(1.0, 2.0, math.pi / 2), 10.0)
    perception.scan(RANGES, ANGLES, 10.0)
    return perception


def test_fresh_inputs_leave_the_permit_as_it_is(perception: Perception) -> None:
    senses = perception.senses(10.1)
    assert senses.permit == ALLOWED
    assert senses.pose == Pose(1.0, 2.0, math.pi / 2)


def test_nothing_heard_permits_nothing() -> None:
    senses = Perception(0.2, 0.5).senses(0.0)
    assert not senses.permit.is_permitted
    assert 'safety monitor' in senses.permit.cause


@pytest.mark.parametrize('what', ['safety monitor', 'odometry', 'scan'])
def test_whatever_is_too_old_withdraws_the_permit_and_is_named(
    perception: Perception, what: str
) -> None:
    now = 11.0
    if what != 'safety monitor':
        perception.permit(ALLOWED, now)
    if what != 'odometry':
        perception.pose(Pose(0, 0), now)
    if what != 'scan':
        perception.scan(RANGES, ANGLES, now)
    permit = perception.senses(now).permit
    assert not permit.is_permitted
    assert what in permit.cause
    assert (permit.max_speed_mps, permit.max_turn_radps) == (0.0, 0.0)


def test_echoes_become_points_on_the_floor_and_the_rest_is_left_out(
    perception: Perception,
) -> None:
    senses = perception.senses(10.0)
    assert senses.gap_ahead(0.2) == pytest.approx(1.0)
    x, y = senses.points_seen(5.0)[0]
    assert (x, y) == pytest.approx((1.0, 3.0))
    assert Senses().gap_ahead(0.2) == math.inf
    assert Senses().points_seen(5.0) == []


@pytest.mark.parametrize(
    ('make', 'named'),
    [
        (lambda: RobotConfig(odom_rate_hz=0.0), 'odom_rate_hz is 0.0'),
        (lambda: RobotConfig(lidar_noise_m=math.nan), 'lidar_noise_m is nan'),
        (lambda: RobotConfig(seed=-1), 'seed is -1'),
        (lambda: SkillsConfig(max_speed_mps=9.0), 'max_speed_mps is 9.0'),
        (lambda: SkillsConfig(permit_timeout_s=math.nan), 'permit_timeout_s is nan'),
    ],
)
def test_a_parameter_out_of_range_is_named_with_its_value(make: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make()  # type: ignore[operator]
