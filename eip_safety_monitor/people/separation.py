"""Speed and separation monitoring after ISO/TS 15066:2016, clause 5.5.4.

Protective separation distance (equation 1 there)

    S_p = S_h + S_r + S_s + C + Z_d + Z_r

S_h = v_h (T_r + T_s): how far the person comes while the robot reacts and stops
S_r = v_r T_r:         how far the robot goes while it reacts
S_s = v_r^2 / (2 a):   how far the robot goes while it brakes, T_s = v_r / a
C   = intrusion distance; Z_d, Z_r = uncertainty of the person's and of the robot's position

`permitted_speed` turns it round: the greatest v_r whose S_p is no more than the distance. So the
speed falls smoothly as somebody comes near, and is 0 from S_p(0) on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eip_safety_monitor.limited import limited

__all__ = ['SeparationConfig', 'permitted_speed', 'protective_distance']


@dataclass(frozen=True)
class SeparationConfig:
    """The constants of the formula."""

    human_speed_mps: float = limited(
        1.6, 'speed of a person whose speed is not measured (ISO 13855)', 'm/s', 0.0, 10.0
    )
    reaction_time_s: float = limited(
        0.15, 'from the person being there to the brakes acting (T_r)', 's', 0.01, 2.0
    )
    deceleration_mps2: float = limited(
        1.5, "the base's sure deceleration on a zero command (a)", 'm/s^2', 0.05, 50.0
    )
    intrusion_m: float = limited(0.1, 'intrusion distance (C)', 'm', 0.0, 2.0)
    person_uncertainty_m: float = limited(0.05, "person's position (Z_d)", 'm', 0.0, 2.0)
    robot_uncertainty_m: float = limited(0.03, "robot's position (Z_r)", 'm', 0.0, 2.0)

    @property
    def fixed_m(self) -> float:
        """Return the part of the distance that no speed changes: C + Z_d + Z_r, m."""
        return self.intrusion_m + self.person_uncertainty_m + self.robot_uncertainty_m


def protective_distance(
    config: SeparationConfig, robot_mps: float, human_mps: float | None = None
) -> float:
    """Return S_p in m for a robot and a person coming at each other.

    `human_mps` is the person's speed toward the robot, by default the configured one.
    """
    speed = abs(robot_mps)
    human = config.human_speed_mps if human_mps is None else human_mps
    stop_s = speed / config.deceleration_mps2
    return (
        human * (config.reaction_time_s + stop_s)
        + speed * config.reaction_time_s
        + speed * stop_s / 2.0
        + config.fixed_m
    )


def permitted_speed(
    config: SeparationConfig, distance_m: float, human_mps: float | None = None
) -> float:
    """Return the greatest robot speed in m/s whose S_p is at most `distance_m`; 0 for NaN.

    The positive root of v^2 / (2a) + v (T_r + v_h / a) + v_h T_r + C + Z_d + Z_r - distance = 0.
    """
    human = config.human_speed_mps if human_mps is None else human_mps
    spare_m = distance_m - config.fixed_m - human * config.reaction_time_s
    if not spare_m > 0.0:
        return 0.0
    if math.isinf(spare_m):
        return math.inf
    deceleration = config.deceleration_mps2
    half = deceleration * config.reaction_time_s + human
    # 2 a c / (b + sqrt(...)) instead of the textbook form, which cancels for small distances.
    # half * half, not half**2: a huge speed in a message must not raise OverflowError.
    root = math.sqrt(half * half + 2.0 * deceleration * spare_m)
    return 2.0 * deceleration * spare_m / (half + root)
