"""A person and a robot come at each other, with and without prediction; the same every time."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from dataclasses import dataclass

from eip_safety_monitor.people.people_guard import PeopleGuard
from eip_safety_monitor.people.prediction import PredictionConfig
from eip_safety_monitor.policy import Policy
from eip_safety_monitor.readings import Odometry, PersonSeen, Scene

__all__ = ['ENCOUNTERS', 'Course', 'Encounter', 'compare', 'drive']

STEP_S = 0.01
SCENE_STEPS = 10
SLOWER = 0.95


@dataclass(frozen=True)
class Encounter:
    """Where a person comes from, m, and how fast, m/s; the robot drives along x from 0."""

    name: str
    x_m: float
    y_m: float
    vx_mps: float
    vy_mps: float


ENCOUNTERS = (
    Encounter('walks_head_on', 8.0, 0.0, -1.2, 0.0),
    Encounter('runs_head_on', 12.0, 0.0, -2.5, 0.0),
    Encounter('crosses', 4.0, 6.0, 0.0, -1.3),
    Encounter('cuts_in', 5.0, 4.0, -0.6, -1.2),
)


@dataclass(frozen=True)
class Course:
    """When the robot was first slowed and the limit crossed, s, and how fast it was then, m/s."""

    slowed_s: float
    crossed_s: float
    crossing_mps: float


def drive(encounter: Encounter, policy: Policy, duration_s: float = 8.0) -> Course:
    """Return how an obedient robot at full speed fares; infinite for what never came."""
    guard, full_mps = PeopleGuard(policy), policy.robot.max_linear_speed_mps
    config = policy.separation
    told = deque([full_mps] * max(1, round(config.reaction_time_s / STEP_S)))
    x_m, speed, slowed_s, crossed_s, crossing_mps = 0.0, full_mps, math.inf, math.inf, 0.0
    permitted = full_mps
    for step in range(round(duration_s / STEP_S)):
        now_s = step * STEP_S
        if step % SCENE_STEPS == 0:
            found = guard.judge_scene(_scene(encounter, now_s, x_m), _odometry(x_m, speed))
            permitted = min(full_mps, found.permitted_mps)
            if permitted < SLOWER * full_mps:
                slowed_s = min(slowed_s, now_s)
            if found.cause is not None and math.isinf(crossed_s):
                crossed_s, crossing_mps = now_s, speed
        told.append(permitted)
        speed = max(min(told.popleft(), full_mps), speed - config.deceleration_mps2 * STEP_S)
        x_m += speed * STEP_S
    return Course(slowed_s, crossed_s, crossing_mps)


def compare(encounter: Encounter, policy: Policy | None = None) -> tuple[Course, Course]:
    """Return the course without and with prediction."""
    policy = policy or Policy()
    without = dataclasses.replace(policy, prediction=PredictionConfig(enabled=False))
    return drive(encounter, without), drive(encounter, policy)


def _scene(encounter: Encounter, now_s: float, robot_m: float) -> Scene:
    x_m = encounter.x_m + encounter.vx_mps * now_s
    y_m = encounter.y_m + encounter.vy_mps * now_s
    distance_m = math.hypot(x_m - robot_m, y_m)
    person = PersonSeen(
        encounter.name, 'adult', x_m, y_m, encounter.vx_mps, encounter.vy_mps, distance_m
    )
    return Scene((person,))


def _odometry(x_m: float, speed_mps: float) -> Odometry:
    return Odometry(x_m, 0.0, 0.0, speed_mps, 0.0, 0.0)
