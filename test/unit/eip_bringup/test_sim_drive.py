from __future__ import annotations

import math

import numpy as np
import pytest

from eip_bringup.sim.dimensions import BEAMS
from eip_bringup.sim.drive import DriveLimits, PathFollower
from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.route import RoutePlanner
from eip_bringup.sim.senses import Permit, Senses
from eip_bringup.sim.world import World

ANGLES = (-math.pi + np.arange(BEAMS) * 2 * math.pi / BEAMS).astype(np.float32)
FREE = Permit(True, '', 0.8, 1.8)
STEP_S = 0.05


def senses(world: World, permit: Permit = FREE) -> Senses:
    return Senses(pose=world.pose, permit=permit, ranges=world.scan(), angles=ANGLES)


def drive(world: World, follower: PathFollower, limit_s: float = 40.0) -> float:
    """Drive to the end; return the time taken."""
    start_s = world.time_s
    while world.time_s - start_s < limit_s:
        velocity = follower.step(senses(world), STEP_S)
        if velocity is None:
            world.drive(0.0, 0.0)
            return world.time_s - start_s
        world.drive(velocity.speed_mps, velocity.turn_radps)
        world.advance(STEP_S)
        assert world.kitchen.clearance(world.pose.x, world.pose.y) > world.kitchen.robot_radius
    raise AssertionError(f'not there after {limit_s} s, at {world.pose}')


def test_the_robot_comes_to_every_place_and_looks_at_it() -> None:
    kitchen = load_kitchen()
    world, planner = World(kitchen), RoutePlanner(kitchen)
    for name in ('door', 'sofa', 'fridge', 'table', 'counter', 'charger', 'stove', 'sink'):
        goal = kitchen.places[name].approach
        way = planner.plan((world.pose.x, world.pose.y), (goal.x, goal.y))
        taken_s = drive(world, PathFollower(way, goal.yaw, DriveLimits()))
        assert world.pose.distance_to(goal.x, goal.y) < 0.1, name
        assert abs(math.remainder(world.pose.yaw - goal.yaw, 2 * math.pi)) < 0.1, name
        assert taken_s < 15.0, name


def test_the_permit_bounds_the_velocity() -> None:
    world = World(load_kitchen())
    follower = PathFollower([(-1.4, -1.8), (-1.4, 0.0), (1.0, 0.8)], None, DriveLimits())
    for _ in range(100):
        velocity = follower.step(senses(world, Permit(True, '', 0.2, 0.3)), STEP_S)
        assert velocity is not None
        assert abs(velocity.speed_mps) <= 0.2
        assert abs(velocity.turn_radps) <= 0.3
        world.drive(velocity.speed_mps, velocity.turn_radps)
        world.advance(STEP_S)


def test_speed_grows_no_faster_than_the_limit_and_anew_after_a_pause() -> None:
    limits = DriveLimits(speed_up_mps2=1.0)
    follower = PathFollower([(0.0, 0.0), (5.0, 0.0)], None, limits)
    looking = Senses(pose=Pose(0.0, 0.0, 0.0), permit=FREE)
    speeds = [follower.step(looking, STEP_S).speed_mps for _ in range(10)]  # type: ignore[union-attr]
    assert np.all(np.diff([0.0, *speeds]) <= limits.speed_up_mps2 * STEP_S + 1e-9)
    assert speeds[-1] == pytest.approx(0.5)
    follower.pause()
    velocity = follower.step(looking, STEP_S)
    assert velocity is not None
    assert velocity.speed_mps <= limits.speed_up_mps2 * STEP_S + 1e-9


@pytest.mark.parametrize(('gap_m', 'is_moving'), [(0.25, False), (0.5, True), (math.inf, True)])
def test_something_straight_ahead_stops_the_robot_before_it_touches(
    gap_m: float, is_moving: bool
) -> None:
    ranges = np.full(BEAMS, np.inf, dtype=np.float32)
    ranges[BEAMS // 2] = gap_m
    follower = PathFollower([(0.0, 0.0), (5.0, 0.0)], None, DriveLimits())
    looking = Senses(pose=Pose(0, 0, 0), permit=FREE, ranges=ranges, angles=ANGLES)
    for _ in range(5):
        velocity = follower.step(looking, STEP_S)
        assert velocity is not None
    assert (velocity.speed_mps > 0) == is_moving
    assert (follower.blocked_s > 0) != is_moving


def test_what_stands_beside_the_way_does_not_stop_the_robot() -> None:
    ranges = np.full(BEAMS, np.inf, dtype=np.float32)
    ranges[BEAMS * 3 // 4] = 0.3
    looking = Senses(pose=Pose(0, 0, 0), permit=FREE, ranges=ranges, angles=ANGLES)
    velocity = PathFollower([(0.0, 0.0), (5.0, 0.0)], None, DriveLimits()).step(looking, STEP_S)
    assert velocity is not None
    assert velocity.speed_mps > 0


def test_without_a_pose_the_robot_stands() -> None:
    velocity = PathFollower([(0.0, 0.0), (5.0, 0.0)], None, DriveLimits()).step(Senses(), STEP_S)
    assert velocity is not None
    assert (velocity.speed_mps, velocity.turn_radps) == (0.0, 0.0)


@pytest.mark.parametrize('value', [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_makes_no_sense_is_named(value: float) -> None:
    with pytest.raises(ValueError, match='speed_mps is'):
        DriveLimits(speed_mps=value)
