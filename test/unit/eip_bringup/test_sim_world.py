from __future__ import annotations

import math

import numpy as np
import pytest

from eip_bringup.sim.dimensions import BEAMS, PERSON_RADIUS
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.odometry import Odometry
from eip_bringup.sim.world import World

AHEAD = BEAMS // 2
LEFT = BEAMS * 3 // 4


@pytest.fixture
def world() -> World:
    return World(load_kitchen(), noise_m=0.0)


def advance(world: World, duration_s: float) -> None:
    for _ in range(round(duration_s / 0.02)):
        world.advance(0.02)


def test_two_seconds_at_half_a_metre_per_second_make_one_metre(world: World) -> None:
    start = world.pose
    world.drive(0.5, 0.0)
    advance(world, 2.0)
    world.drive(0.0, 0.0)
    advance(world, 0.5)
    assert world.pose.distance_to(start.x, start.y) == pytest.approx(1.0, abs=0.05)
    assert world.pose.yaw == pytest.approx(start.yaw, abs=0.01)


def test_a_quarter_turn_turns_by_ninety_degrees_on_the_spot(world: World) -> None:
    start = world.pose
    world.drive(0.0, math.pi / 4)
    advance(world, 2.0)
    world.drive(0.0, 0.0)
    advance(world, 0.5)
    turned = math.remainder(world.pose.yaw - start.yaw, 2 * math.pi)
    assert turned == pytest.approx(math.pi / 2, abs=math.radians(4))
    assert world.pose.distance_to(start.x, start.y) < 0.02


def test_it_stands_still_when_nothing_is_asked(world: World) -> None:
    start = world.pose
    advance(world, 5.0)
    assert world.pose.distance_to(start.x, start.y) < 1e-3
    assert math.hypot(*world.velocity) < 1e-3


def test_furniture_stops_a_robot_that_drives_into_it(world: World) -> None:
    world.drive(1.0, 0.0)
    advance(world, 8.0)
    assert world.kitchen.clearance(world.pose.x, world.pose.y) > 0.15


@pytest.mark.parametrize('asked', [(math.nan, 0.0), (0.0, math.inf), (math.nan, math.nan)])
def test_a_velocity_that_is_not_finite_means_stop(world: World, asked: tuple[float, float]) -> None:
    world.drive(0.5, 0.0)
    advance(world, 1.0)
    world.drive(*asked)
    advance(world, 1.0)
    assert math.hypot(*world.velocity) < 0.01


def test_the_base_never_exceeds_its_own_top_speed(world: World) -> None:
    world.drive(50.0, 0.0)
    advance(world, 1.5)
    assert world.velocity[0] <= 1.05


def test_the_lidar_sees_walls_and_furniture_at_their_true_distance(world: World) -> None:
    ranges = world.scan()
    pose = world.pose  # at the charger, facing north
    assert ranges.shape == (BEAMS,)
    assert ranges[0] == pytest.approx(pose.y - (-2.4 + 0.1), abs=0.01)  # the charger, behind
    assert ranges[AHEAD] == pytest.approx(1.9 - pose.y, abs=0.01)  # the counter's front
    assert ranges[BEAMS // 4] == pytest.approx(3.0 - pose.x, abs=0.01)  # the east wall
    assert ranges[LEFT] == pytest.approx(pose.x + 3.0, abs=0.01)  # the west wall


def test_the_lidar_never_sees_the_robot_itself(world: World) -> None:
    assert world.scan().min() > world.kitchen.robot_radius


def test_noise_is_repeatable_by_its_seed() -> None:
    kitchen = load_kitchen()
    scans = [World(kitchen, noise_m=0.01, seed=seed).scan() for seed in (7, 7, 8)]
    assert np.array_equal(scans[0], scans[1])
    assert not np.array_equal(scans[0], scans[2])


def test_a_person_is_seen_by_the_lidar_where_they_stand_and_no_longer_when_gone(
    world: World,
) -> None:
    before = world.scan()[AHEAD]
    world.people.move('anna', world.pose.x, world.pose.y + 1.5)
    advance(world, 0.1)
    assert world.scan()[AHEAD] == pytest.approx(1.5 - PERSON_RADIUS, abs=0.02)
    world.people.remove('anna')
    advance(world, 0.1)
    assert world.scan()[AHEAD] == pytest.approx(before, abs=0.01)


def test_a_walking_person_arrives_when_distance_over_speed_says_so(world: World) -> None:
    world.people.move('anna', 2.0, -1.0)
    world.people.move('anna', 2.0, 1.0, speed_mps=1.0)
    advance(world, 1.0)
    anna = world.people.get('anna')
    assert anna is not None
    assert anna.y == pytest.approx(0.0, abs=0.03)
    assert anna.velocity == pytest.approx((0.0, 1.0))
    advance(world, 1.5)
    assert (anna.x, anna.y, anna.velocity) == (2.0, 1.0, (0.0, 0.0))


def test_the_room_holds_no_more_people_than_there_are_bodies(world: World) -> None:
    for number in range(4):
        world.people.move(f'guest {number}', 0.5 * number, 0.0)
    with pytest.raises(ValueError, match='guest 4'):
        world.people.move('guest 4', 0.0, 1.0)


def test_reset_brings_everything_back(world: World) -> None:
    start = world.pose
    world.drive(0.5, 0.5)
    world.people.move('anna', 2.0, -1.0)
    advance(world, 1.0)
    world.reset()
    assert world.pose == start
    assert len(world.people) == 0
    assert world.velocity == (0.0, 0.0)


def test_wheel_odometry_follows_the_true_pose_closely_but_by_its_own_count(world: World) -> None:
    odometry = Odometry(world.pose)
    world.drive(0.4, 0.3)
    for _ in range(150):
        world.advance(0.02)
        odometry.update(*world.wheel_velocity, 0.02)
    assert odometry.pose.distance_to(world.pose.x, world.pose.y) < 0.05
    assert odometry.pose != world.pose
