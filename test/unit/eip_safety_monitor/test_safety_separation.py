"""Speed and separation on worked numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.people.people_guard import PeopleGuard
from eip_safety_monitor.people.prediction import PredictionConfig
from eip_safety_monitor.people.separation import (
    SeparationConfig,
    permitted_speed,
    protective_distance,
)
from eip_safety_monitor.policy import ObstaclePolicy, Policy
from eip_safety_monitor.readings import Odometry, PersonSeen, Scene
from eip_safety_monitor.surroundings import Surroundings
from eip_safety_monitor.watch.scan_check import obstacle_speed

WORKED = SeparationConfig(
    human_speed_mps=1.6,
    reaction_time_s=0.1,
    deceleration_mps2=2.0,
    intrusion_m=0.2,
    person_uncertainty_m=0.1,
    robot_uncertainty_m=0.05,
)


def robot(speed_mps: float = 0.0, x_m: float = 0.0) -> Odometry:
    return Odometry(x_m, 0.0, 0.0, speed_mps, 0.0, 0.0)


def person(
    distance_m: float, x_m: float = 9.0, vx_mps: float = 0.0, name: str = 'ann'
) -> PersonSeen:
    return PersonSeen(name, 'adult', x_m, 0.0, vx_mps, 0.0, distance_m)


def test_the_protective_distance_is_the_sum_of_its_six_parts() -> None:
    # v_r = 1: T_s = 0.5; S_h = 1.6 * 0.6 = 0.96; S_r = 0.1; S_s = 0.25; C + Z = 0.35.
    assert protective_distance(WORKED, 1.0) == pytest.approx(0.96 + 0.1 + 0.25 + 0.35)
    # standing: S_h = 0.16.
    assert protective_distance(WORKED, 0.0) == pytest.approx(0.16 + 0.35)
    # a person who stands still and is known to: S_h = 0.
    assert protective_distance(WORKED, 1.0, 0.0) == pytest.approx(0.1 + 0.25 + 0.35)


def test_the_permitted_speed_meets_worked_numbers() -> None:
    assert permitted_speed(WORKED, 1.66) == pytest.approx(1.0)
    assert permitted_speed(WORKED, 0.51) == 0.0
    assert permitted_speed(WORKED, 0.0) == 0.0
    assert permitted_speed(WORKED, math.nan) == 0.0
    assert permitted_speed(WORKED, math.inf) == math.inf


@given(st.floats(0.0, 20.0), st.floats(0.0, 5.0))
def test_the_permitted_speed_never_needs_more_room_than_there_is(
    distance_m: float, human_mps: float
) -> None:
    speed = permitted_speed(WORKED, distance_m, human_mps)
    assert speed >= 0.0
    if speed > 0.0:
        assert protective_distance(WORKED, speed, human_mps) == pytest.approx(distance_m)


@given(st.floats(0.0, 20.0), st.floats(0.0, 0.01))
def test_the_permitted_speed_follows_distance_smoothly(distance_m: float, step_m: float) -> None:
    nearer = permitted_speed(WORKED, distance_m)
    farther = permitted_speed(WORKED, distance_m + step_m)
    assert 0.0 <= farther - nearer <= 2.0 * step_m + 1e-9


def test_nobody_near_permits_everything() -> None:
    found = PeopleGuard(Policy()).judge_scene(Scene(), robot())
    assert found.cause is None
    assert found.permitted_mps == math.inf


def test_a_person_within_the_protective_distance_holds_the_robot() -> None:
    found = PeopleGuard(Policy()).judge_scene(Scene((person(0.4),)), robot())
    assert found.cause is not None
    assert 'ann' in found.cause.message
    assert found.permitted_mps == 0.0


def test_the_nearest_of_several_people_counts() -> None:
    people = Scene((person(3.0), person(1.2, name='bob'), person(2.0)))
    found = PeopleGuard(Policy()).judge_scene(people, robot())
    alone = PeopleGuard(Policy()).judge_scene(Scene((person(1.2),)), robot())
    assert found.nearest_m == 1.2
    assert found.permitted_mps == alone.permitted_mps
    assert 0.0 < found.permitted_mps < 0.8


def test_a_person_who_appears_before_a_fast_robot_stops_it_farther_away() -> None:
    appeared = Scene((person(1.2),))
    assert PeopleGuard(Policy()).judge_scene(appeared, robot(0.0)).cause is None
    assert PeopleGuard(Policy()).judge_scene(appeared, robot(1.2)).cause is not None


def test_somebody_running_at_the_robot_counts_faster_than_the_default() -> None:
    walking = Scene((person(1.2, x_m=1.2),))
    running = Scene((person(1.2, x_m=1.2, vx_mps=-4.0),))
    away = Scene((person(1.2, x_m=1.2, vx_mps=4.0),))
    slow, fast, gone = (
        PeopleGuard(Policy()).judge_scene(scene, robot()).permitted_mps
        for scene in (walking, running, away)
    )
    assert fast < slow == gone


@pytest.mark.parametrize('distance_m', [math.nan, math.inf, -1.0])
def test_an_unknown_distance_is_taken_from_the_positions(distance_m: float) -> None:
    found = PeopleGuard(Policy()).judge_scene(Scene((person(distance_m, x_m=2.0),)), robot())
    assert found.nearest_m == pytest.approx(2.0)


def test_an_unknown_distance_in_another_frame_stops() -> None:
    scene = Scene((person(math.nan, x_m=2.0),), frame='map')
    assert PeopleGuard(Policy()).judge_scene(scene, robot()).cause is not None


def test_it_takes_a_margin_more_to_be_clear_again() -> None:
    limit_m = next(
        d / 1000
        for d in range(2000)
        if not PeopleGuard(Policy()).judge_scene(Scene((person(d / 1000),)), robot()).cause
    )
    guard = PeopleGuard(Policy())
    assert guard.judge_scene(Scene((person(limit_m - 0.01),)), robot()).cause
    assert guard.judge_scene(Scene((person(limit_m + 0.05),)), robot()).cause
    assert not guard.judge_scene(Scene((person(limit_m + 0.2),)), robot()).cause


def test_a_scene_older_than_the_reaction_time_counts_nearer_by_what_both_may_have_gone() -> None:
    policy = replace(Policy(), prediction=PredictionConfig(enabled=False))
    fresh_s = policy.separation.reaction_time_s
    gone_m = 0.2 * (policy.separation.human_speed_mps + 0.5)

    def permitted(distance_m: float, age_s: float) -> float:
        scene = Scene((person(distance_m),))
        return PeopleGuard(policy).judge_scene(scene, robot(0.5), age_s).permitted_mps

    assert permitted(1.6, fresh_s) == permitted(1.6, 0.0)
    assert permitted(1.6, fresh_s + 0.2) == pytest.approx(permitted(1.6 - gone_m, 0.0))


def test_a_person_in_an_old_scene_holds_the_robot_and_is_told_with_the_distance_kept() -> None:
    scene = Scene((person(1.0),))
    assert PeopleGuard(Policy()).judge_scene(scene, robot()).cause is None
    found = PeopleGuard(Policy()).judge_scene(scene, robot(), 0.6)
    assert found.cause is not None
    assert 'ann is 1.00 m away' in found.cause.message
    assert found.protective_m > 1.0


def test_the_age_of_a_scene_counts_from_its_receipt() -> None:
    clock = ManualClock()
    here = Surroundings(Policy(), clock)

    def is_held() -> bool:
        return 'person.too_near' in [cause.identifier for cause in here.assess().causes]

    here.hear_odometry(robot())
    here.hear_scene(Scene((person(1.0),)))
    assert not is_held()
    clock.advance(0.45)
    assert is_held()
    here.hear_scene(Scene((person(1.5),)))
    assert not is_held()
    here.hear_scene(Scene((person(1.5),)), clock.now_ns() - 1_000_000_000)
    assert is_held()


def test_a_speed_beyond_all_measure_holds_and_raises_nothing() -> None:
    scene = Scene((person(1e300, vx_mps=-1e200),), frame='map')
    assert PeopleGuard(Policy()).judge_scene(scene, robot()).cause is not None


def test_an_obstacle_slows_down_and_never_stops() -> None:
    policy = ObstaclePolicy()
    assert obstacle_speed(policy, -0.1, 0.8) == policy.creep_speed_mps
    assert obstacle_speed(policy, 0.15, 0.8) == policy.creep_speed_mps
    assert obstacle_speed(policy, 0.475, 0.8) == pytest.approx((0.15 + 0.8) / 2)
    assert obstacle_speed(policy, math.inf, 0.8) == 0.8
