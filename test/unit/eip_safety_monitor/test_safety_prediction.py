"""Time to contact, and what looking ahead is worth."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.people.people_guard import PeopleGuard
from eip_safety_monitor.people.prediction import (
    Mover,
    PredictionConfig,
    foreseen_speed,
    time_to_contact,
)
from eip_safety_monitor.people.separation import SeparationConfig
from eip_safety_monitor.policy import Policy
from eip_safety_monitor.readings import Odometry, PersonSeen, Scene
from eip_safety_monitor.trial.approach import ENCOUNTERS, Encounter, compare

SEPARATION = SeparationConfig()
AHEAD = PredictionConfig()
COMING = Mover(4.0, 0.0, -1.2, 0.0, 0.6)
metres = st.floats(-10.0, 10.0)
speeds = st.floats(-3.0, 3.0)


def test_time_to_contact_by_worked_numbers() -> None:
    # 5 m apart, closing at 2 m/s, contact at 1 m: (5 - 1) / 2.
    assert time_to_contact(5.0, 0.0, -2.0, 0.0, 1.0) == pytest.approx(2.0)
    # Along x at y = 0.6 with contact at 1 m: touches at x = 0.8, so (3 - 0.8) / 1.1.
    assert time_to_contact(3.0, 0.6, -1.1, 0.0, 1.0) == pytest.approx(2.0)
    assert time_to_contact(3.0, 1.1, -1.0, 0.0, 1.0) == math.inf
    assert time_to_contact(3.0, 0.0, 1.0, 0.0, 1.0) == math.inf
    assert time_to_contact(3.0, 0.0, 0.0, 0.0, 1.0) == math.inf
    assert time_to_contact(0.5, 0.0, 9.0, 0.0, 1.0) == 0.0
    assert time_to_contact(math.nan, 0.0, 1.0, 0.0, 1.0) == 0.0


@given(metres, metres, speeds, speeds, st.floats(0.05, 2.0))
def test_at_the_time_of_contact_the_distance_is_that_of_contact(
    dx: float, dy: float, wx: float, wy: float, contact_m: float
) -> None:
    when_s = time_to_contact(dx, dy, wx, wy, contact_m)
    if when_s == 0.0:
        assert math.hypot(dx, dy) <= contact_m * (1.0 + 1e-9)
    elif when_s < 1e6:
        reached = math.hypot(dx + wx * when_s, dy + wy * when_s)
        assert reached == pytest.approx(contact_m, abs=1e-4)
        before = 0.99 * when_s
        assert math.hypot(dx + wx * before, dy + wy * before) > contact_m - 1e-6


def test_the_foreseen_speed_leaves_time_to_stand() -> None:
    speed = foreseen_speed(AHEAD, SEPARATION, [COMING], 0.0, 2.0)
    assert 0.0 < speed < 2.0
    left_s = time_to_contact(4.0, 0.0, -1.2 - speed, 0.0, 0.6)
    assert left_s >= 0.15 + speed / 1.5 + 0.5
    faster = speed + 2.0 / 24
    assert time_to_contact(4.0, 0.0, -1.2 - faster, 0.0, 0.6) < 0.15 + faster / 1.5 + 0.5


def test_who_goes_away_or_passes_slows_nobody() -> None:
    for mover in (Mover(2.0, 0.0, 2.5, 0.0, 0.6), Mover(3.0, 4.0, -1.0, 0.0, 0.6)):
        assert foreseen_speed(AHEAD, SEPARATION, [mover], 0.0, 0.8) == 0.8
    assert foreseen_speed(AHEAD, SEPARATION, [], 0.0, 0.8) == 0.8
    off = PredictionConfig(enabled=False)
    assert foreseen_speed(off, SEPARATION, [COMING], 0.0, 5.0) == 5.0


@given(st.lists(st.tuples(metres, metres, speeds, speeds), max_size=4), st.floats(-3.0, 3.0))
def test_one_more_person_never_makes_the_robot_faster(
    people: list[tuple[float, float, float, float]], direction: float
) -> None:
    movers = [Mover(*person, 0.6) for person in people]
    few = foreseen_speed(AHEAD, SEPARATION, movers, direction, 0.8)
    assert foreseen_speed(AHEAD, SEPARATION, [*movers, COMING], direction, 0.8) <= few


@pytest.mark.parametrize('encounter', ENCOUNTERS, ids=lambda encounter: encounter.name)
def test_looking_ahead_slows_earlier_and_the_limit_is_met_slower(encounter: Encounter) -> None:
    without, ahead = compare(encounter)
    assert without.slowed_s - ahead.slowed_s >= 0.2
    assert ahead.slowed_s < without.crossed_s
    assert ahead.crossing_mps < 0.6 * without.crossing_mps


def test_a_person_who_stands_is_approached_as_without_prediction() -> None:
    without, ahead = compare(Encounter('stands', 5.0, 0.0, 0.0, 0.0))
    assert ahead == without


@given(metres, metres, speeds, speeds, st.floats(0.0, 0.8))
def test_prediction_only_ever_tightens_and_never_stops_by_itself(
    x: float, y: float, vx: float, vy: float, speed: float
) -> None:
    policy = Policy()
    off = dataclasses.replace(policy, prediction=PredictionConfig(enabled=False))
    scene = Scene((PersonSeen('p', 'adult', x, y, vx, vy, math.hypot(x, y)),))
    odometry = Odometry(0.0, 0.0, 0.3, speed, 0.0, 0.0)
    ahead = PeopleGuard(policy).judge_scene(scene, odometry)
    plain = PeopleGuard(off).judge_scene(scene, odometry)
    assert ahead.permitted_mps <= plain.permitted_mps
    assert ahead.cause == plain.cause
    if ahead.cause is None:
        assert ahead.permitted_mps >= policy.people.least_speed_mps - 1e-9


def test_a_person_of_unknown_place_is_left_to_the_separation() -> None:
    person = PersonSeen('p', 'adult', math.nan, 0.0, -1.0, 0.0, 3.0)
    found = PeopleGuard(Policy()).judge_scene(Scene((person,)), Odometry(0, 0, 0, 0.5, 0, 0))
    assert found.permitted_mps > 0.0
