"""Time to contact of a person and the robot, and the speed that leaves time to stand.

Person and robot go on at constant velocity; p is where the person is seen from the robot, w the
person's velocity less the robot's, R the distance that counts as contact. The first t >= 0 with
|p + w t| = R is

    t = (-b - sqrt(b^2 - a c)) / a,    a = w.w,  b = p.w,  c = p.p - R^2

(two discs, as in Karamouzas, Skinner, Guy: Universal power law governing pedestrian interactions,
Phys. Rev. Lett. 113, 238701, 2014). It is 0 within R, and infinite when they pass or part.

R is the separation limit of a standing robot (ISO/TS 15066, see separation.py). The robot needs
T_r + v / a to stand, so a speed v in its direction of motion is foreseen as good when contact at
that speed is farther off than T_r + v / a + lead. That lowers the speed before the separation
limit is crossed: the limit sees where people are, the prediction sees where they will be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eip_safety_monitor.limited import limited
from eip_safety_monitor.people.separation import SeparationConfig

__all__ = ['Mover', 'PredictionConfig', 'foreseen_speed', 'time_to_contact']

STEPS = 24


@dataclass(frozen=True)
class PredictionConfig:
    """Whether and how early it acts."""

    enabled: bool = True
    lead_s: float = limited(0.5, 'the robot could stand so long before contact', 's', 0.0, 5.0)


@dataclass(frozen=True)
class Mover:
    """A person as seen from the robot, m, and their velocity over the ground, m/s."""

    dx_m: float
    dy_m: float
    vx_mps: float
    vy_mps: float
    contact_m: float


def time_to_contact(
    dx_m: float, dy_m: float, wx_mps: float, wy_mps: float, contact_m: float
) -> float:
    """Return the time until the distance is `contact_m`, s; 0 for what is not a number."""
    a = wx_mps * wx_mps + wy_mps * wy_mps
    b = dx_m * wx_mps + dy_m * wy_mps
    c = dx_m * dx_m + dy_m * dy_m - contact_m * contact_m
    if not math.isfinite(a + b + c) or c <= 0.0:
        return 0.0
    root = b * b - a * c
    if b >= 0.0 or root < 0.0:
        return math.inf
    # c / (sqrt(...) - b) instead of the textbook form, which cancels and divides by a tiny a.
    return c / (math.sqrt(root) - b)


def foreseen_speed(
    config: PredictionConfig,
    separation: SeparationConfig,
    people: Sequence[Mover],
    direction_rad: float,
    full_mps: float,
) -> float:
    """Return the greatest speed, m/s, along `direction_rad` with time left to stand; else 0.

    Speeds are tried from 0 upward in steps; the last one before the first that is too fast is
    returned, `full_mps` when none is.
    """
    if not config.enabled or not people:
        return full_mps
    x, y = math.cos(direction_rad), math.sin(direction_rad)
    fixed_s = separation.reaction_time_s + config.lead_s
    longest_s = fixed_s + full_mps / separation.deceleration_mps2
    near = [person for person in people if _may_touch(person, full_mps, longest_s)]
    good_mps = 0.0
    for step in range(STEPS + 1):
        speed = full_mps * step / STEPS
        needed_s = fixed_s + speed / separation.deceleration_mps2
        if any(_contact_s(person, speed * x, speed * y) < needed_s for person in near):
            return good_mps
        good_mps = speed
    return full_mps


def _may_touch(person: Mover, full_mps: float, within_s: float) -> bool:
    away_m = math.hypot(person.dx_m, person.dy_m) - person.contact_m
    # Not a number may touch.
    return not away_m > (math.hypot(person.vx_mps, person.vy_mps) + full_mps) * within_s


def _contact_s(person: Mover, vx_mps: float, vy_mps: float) -> float:
    return time_to_contact(
        person.dx_m,
        person.dy_m,
        person.vx_mps - vx_mps,
        person.vy_mps - vy_mps,
        person.contact_m,
    )
