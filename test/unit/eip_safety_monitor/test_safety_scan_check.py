"""What a scan says, and when it cannot be believed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.policy import ObstaclePolicy, Policy
from eip_safety_monitor.readings import Odometry, Scan, Scene
from eip_safety_monitor.surroundings import Surroundings
from eip_safety_monitor.watch.scan_check import ScanChecker, obstacle_speed

STEP = 2.0 * math.pi / 360


def scan(*near: tuple[int, float], fill: float = 3.0, size: int = 360, step: float = STEP) -> Scan:
    ranges = np.full(size, fill, dtype=np.float32)
    for index, range_m in near:
        ranges[index] = range_m
    return Scan(ranges, -math.pi, step, 0.05, 10.0)


def odometry(x_m: float = 0.0, yaw_rad: float = 0.0) -> Odometry:
    return Odometry(x_m, 0.0, yaw_rad, 0.0, 0.0, 0.0)


@pytest.fixture
def checker() -> ScanChecker:
    return ScanChecker(ObstaclePolicy())


def test_nearest_ahead_and_behind_are_told_apart(checker: ScanChecker) -> None:
    found = checker.check(scan((180, 1.0), (0, 2.0), (90, 0.5)), odometry())
    assert (found.ahead_m, found.behind_m, found.nearest_m) == (1.0, 2.0, 0.5)
    assert not found.problem


def test_too_near_to_measure_is_near_and_no_echo_is_far(checker: ScanChecker) -> None:
    found = checker.check(scan((180, -math.inf), (0, math.inf)), odometry())
    assert found.ahead_m == pytest.approx(0.05)
    assert found.behind_m == 3.0


@pytest.mark.parametrize('value', [math.nan, math.inf, 0.0 * math.nan])
def test_a_scan_without_a_single_echo_is_not_believed(checker: ScanChecker, value: float) -> None:
    assert checker.check(scan(fill=value), odometry()).problem


def test_an_empty_scan_is_not_believed(checker: ScanChecker) -> None:
    assert 'empty' in checker.check(scan(size=0), odometry()).problem


@pytest.mark.parametrize('step', [math.nan, 0.0, math.inf])
def test_a_scan_without_geometry_is_not_believed(checker: ScanChecker, step: float) -> None:
    assert checker.check(scan(step=step), odometry()).problem


def test_some_beams_that_are_no_numbers_are_left_out(checker: ScanChecker) -> None:
    found = checker.check(scan(*[(index, math.nan) for index in range(0, 360, 6)]), odometry())
    assert not found.problem
    assert found.nearest_m == 3.0


@pytest.mark.parametrize('first', [0, 80, 174, 348, 354])
def test_neighbouring_beams_that_are_no_numbers_are_a_blind_sector(
    checker: ScanChecker, first: int
) -> None:
    blind = [(index % 360, math.nan) for index in range(first, first + 12)]
    assert 'a sector of 0.19 rad' in checker.check(scan(*blind), odometry()).problem
    assert not checker.check(scan(*blind[1:]), odometry()).problem


def test_the_ends_of_half_a_turn_are_no_neighbours(checker: ScanChecker) -> None:
    ends = [(index, math.nan) for index in (*range(8), *range(172, 180))]
    half = replace(scan(*ends, size=180), angle_min_rad=-math.pi / 2)
    assert not checker.check(half, odometry()).problem


@pytest.mark.parametrize('step', [STEP, -STEP])
def test_a_policy_may_allow_a_wider_blind_sector(step: float) -> None:
    checker = ScanChecker(ObstaclePolicy(widest_blind_rad=0.6))
    mast = scan(*[(index, math.nan) for index in range(30)], step=step)
    assert not checker.check(mast, odometry()).problem
    assert ScanChecker(ObstaclePolicy()).check(mast, odometry()).problem


def test_drop_outs_are_judged_ahead_too(checker: ScanChecker) -> None:
    ahead = [(index, math.nan) for index in range(136, 226, 3)]
    assert '33% of the scan ahead' in checker.check(scan(*ahead), odometry()).problem


def test_one_drop_out_of_a_coarse_ring_is_no_blind_sector(checker: ScanChecker) -> None:
    step = 2.0 * math.pi / 16
    assert not checker.check(scan((0, math.nan), size=16, step=step), odometry()).problem
    pair = scan((0, math.nan), (1, math.nan), size=16, step=step)
    assert 'a sector' in checker.check(pair, odometry()).problem


def test_a_scan_that_does_not_look_ahead_is_not_believed(checker: ScanChecker) -> None:
    backward = scan(size=90)
    assert 'no beam of the scan is within 0.8 rad' in checker.check(backward, odometry()).problem


def test_a_cone_that_the_lidar_sees_in_part_is_not_believed() -> None:
    narrow = replace(scan(size=57), angle_min_rad=-0.5)
    found = ScanChecker(ObstaclePolicy()).check(narrow, odometry())
    assert '0.59 rad of the cone ahead unseen' in found.problem
    assert not ScanChecker(ObstaclePolicy(half_angle_rad=0.5)).check(narrow, odometry()).problem
    turned = replace(scan(size=120), angle_min_rad=-0.3)
    assert 'unseen' in ScanChecker(ObstaclePolicy()).check(turned, odometry()).problem


@pytest.mark.parametrize(('size', 'behind_m'), [(359, 3.0), (250, 0.0)])
def test_a_cone_behind_that_is_seen_in_part_counts_as_near(size: int, behind_m: float) -> None:
    found = ScanChecker(ObstaclePolicy()).check(scan(size=size), odometry())
    assert (found.problem, found.behind_m) == ('', behind_m)


def test_what_no_beam_sees_behind_counts_as_near() -> None:
    forward = replace(scan(size=180), angle_min_rad=-math.pi / 2)
    found = ScanChecker(ObstaclePolicy()).check(forward, odometry())
    assert (found.problem, found.ahead_m, found.behind_m) == ('', 3.0, 0.0)


@pytest.mark.parametrize(
    ('least', 'most'),
    [(20.0, 12.0), (1.0, 1.0), (-0.1, 10.0), (math.nan, 10.0), (0.1, math.nan), (0.1, math.inf)],
)
def test_a_scan_whose_limits_cannot_be_is_not_believed(
    checker: ScanChecker, least: float, most: float
) -> None:
    wrong = replace(scan(fill=0.3), range_min_m=least, range_max_m=most)
    assert f'range_min {least:g} m' in checker.check(wrong, odometry()).problem


def test_a_scan_that_stays_the_same_while_the_robot_drives_is_frozen(
    checker: ScanChecker,
) -> None:
    for step in range(3):
        assert not checker.check(scan(), odometry(0.1 * step)).problem
    assert 'frozen' in checker.check(scan(), odometry(0.5)).problem
    assert not checker.check(scan((5, 2.0)), odometry(0.5)).problem


def test_a_scan_that_stays_the_same_while_the_robot_turns_is_frozen(checker: ScanChecker) -> None:
    checker.check(scan(), odometry(yaw_rad=3.0))
    assert 'frozen' in checker.check(scan(), odometry(yaw_rad=-2.9)).problem


def test_a_scan_that_stays_the_same_while_the_robot_stands_is_sound(checker: ScanChecker) -> None:
    for _ in range(100):
        assert not checker.check(scan(), odometry()).problem


def test_an_obstacle_at_the_side_slows_a_robot_that_goes_sideways() -> None:
    here = Surroundings(Policy(), ManualClock())
    here.hear_scan(scan((90, 0.4)))
    here.hear_scene(Scene())
    limits = []
    for sideways_mps in (0.0, 0.3, -0.3):
        here.hear_odometry(replace(odometry(), sideways_mps=sideways_mps))
        limits.append(here.assess().permitted_mps)
    full_mps, hull_m = Policy().robot.max_linear_speed_mps, 0.4 - Policy().robot.radius_m
    slow_mps = obstacle_speed(ObstaclePolicy(), hull_m, full_mps)
    assert limits == pytest.approx([full_mps, slow_mps, slow_mps])
    assert slow_mps < full_mps
