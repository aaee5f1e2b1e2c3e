from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.route import MARGIN_M, RouteError, RoutePlanner

KITCHEN = load_kitchen()
PLANNER = RoutePlanner(KITCHEN)
NEEDED_M = KITCHEN.robot_radius + MARGIN_M


def points_with(low_m: float, high_m: float) -> st.SearchStrategy[tuple[float, float]]:
    """Return points of a fine grid, off the planner's own, whose clearance lies between."""
    grid = [(-2.95 + 0.037 * i, -2.45 + 0.037 * j) for i in range(160) for j in range(133)]
    return st.sampled_from([at for at in grid if low_m < KITCHEN.clearance(*at) < high_m])


FREE = points_with(NEEDED_M + 0.05, math.inf)
TIGHT = points_with(0.12, NEEDED_M - 0.05)
INSIDE = points_with(-1.0, KITCHEN.robot_radius)


def least_clearance(way: list[tuple[float, float]]) -> float:
    least = math.inf
    for a, b in pairwise(way):
        count = max(1, math.ceil(math.dist(a, b) / 0.01))
        for k in range(count + 1):
            x, y = a[0] + (b[0] - a[0]) * k / count, a[1] + (b[1] - a[1]) * k / count
            least = min(least, KITCHEN.clearance(x, y))
    return least


@settings(max_examples=60)
@given(start=FREE, goal=FREE)
def test_a_way_between_free_points_never_brushes_wall_or_furniture(
    start: tuple[float, float], goal: tuple[float, float]
) -> None:
    way = PLANNER.plan(start, goal)
    assert (way[0], way[-1]) == (start, goal)
    assert least_clearance(way) > KITCHEN.robot_radius + 0.04


@settings(max_examples=60)
@given(start=TIGHT)
def test_a_robot_that_stands_too_near_to_something_leaves_it_by_a_short_way(
    start: tuple[float, float],
) -> None:
    way = PLANNER.plan(start, (-0.2, -0.3))
    assert math.dist(way[0], way[1]) < 0.8
    assert least_clearance(way[1:]) > KITCHEN.robot_radius + 0.04


@settings(max_examples=40)
@given(goal=INSIDE)
def test_no_way_ends_inside_of_something(goal: tuple[float, float]) -> None:
    with pytest.raises(RouteError, match='no way to'):
        PLANNER.plan((0.0, 1.0), goal)


def test_a_point_outside_the_room_is_named() -> None:
    with pytest.raises(RouteError, match=r'\(9\.00, 0\.00\) is outside the room'):
        PLANNER.plan((0.0, 1.0), (9.0, 0.0))


def test_somebody_in_the_way_is_gone_round() -> None:
    straight = PLANNER.plan((0.0, 1.0), (2.2, 1.0))
    assert any(math.dist(point, (1.1, 1.0)) < 1.2 for point in straight)
    person = (1.1, 1.2)
    way = PLANNER.plan((0.0, 0.9), (2.4, 1.0), [person])
    for a, b in pairwise(way):
        for k in range(51):
            x, y = a[0] + (b[0] - a[0]) * k / 50, a[1] + (b[1] - a[1]) * k / 50
            assert math.dist((x, y), person) > NEEDED_M - 0.05


def test_a_way_that_is_walled_off_is_said_to_be_so() -> None:
    wall = [(2.0, y / 10) for y in range(-25, 26)]
    with pytest.raises(RouteError, match='no free way'):
        PLANNER.plan((-0.2, -0.3), (2.5, -1.0), wall)
