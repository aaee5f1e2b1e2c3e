"""How near people are, how fast the robot may go because of them, and when it must stand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.people.prediction import Mover, foreseen_speed
from eip_safety_monitor.people.separation import permitted_speed, protective_distance
from eip_safety_monitor.policy import Policy, Reaction
from eip_safety_monitor.readings import Odometry, PersonSeen, Scene

__all__ = ['PeopleGuard', 'Separation']


@dataclass(frozen=True)
class Separation:
    """Distances from the base frame, m; `nearest_m` is infinite when nobody is known."""

    nearest_m: float = math.inf
    permitted_mps: float = math.inf
    protective_m: float = 0.0
    cause: Cause | None = None


class PeopleGuard:
    """Speed and separation over all people known; remembers a violation for the margin."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._is_violated = False

    def judge_scene(self, scene: Scene, odometry: Odometry, age_s: float = 0.0) -> Separation:
        """Return what a `scene` of `age_s` ago permits to a robot that moves by `odometry`."""
        people = [
            (person.name or person.kind or 'a person', *_approach(person, scene.frame, odometry))
            for person in scene.people
        ]
        # As much as the reaction time is in the limit already.
        late_s = max(0.0, age_s - self._policy.separation.reaction_time_s)
        return self._foresee(self._judge(people, odometry, late_s), scene, odometry)

    def judge_lidar(self, nearest_m: float, odometry: Odometry) -> Separation:
        """Return what is permitted when the nearest echo is taken for a person."""
        people = [('something in the scan', nearest_m, 0.0)] if math.isfinite(nearest_m) else []
        return self._judge(people, odometry)

    def _foresee(self, found: Separation, scene: Scene, odometry: Odometry) -> Separation:
        """Lower the permitted speed for where people will be; only the limit itself stops."""
        is_enabled = self._policy.prediction.enabled
        if found.cause is not None or not is_enabled or not scene.people:
            return found
        config = self._policy.separation
        movers = []
        for person in scene.people:
            distance_m, toward_mps = _approach(person, scene.frame, odometry)
            human_mps = max(config.human_speed_mps, toward_mps)
            contact_m = protective_distance(config, 0.0, human_mps) + self._policy.robot.radius_m
            mover = _mover(person, scene.frame, odometry, distance_m, contact_m)
            if mover is not None:
                movers.append(mover)
        speed_mps = foreseen_speed(
            self._policy.prediction,
            config,
            movers,
            _direction(odometry, self._policy.robot.standstill_mps),
            self._policy.robot.max_linear_speed_mps,
        )
        speed_mps = max(speed_mps, self._policy.people.least_speed_mps)
        return replace(found, permitted_mps=min(found.permitted_mps, speed_mps))

    def _judge(
        self, people: list[tuple[str, float, float]], odometry: Odometry, late_s: float = 0.0
    ) -> Separation:
        policy, config = self._policy.people, self._policy.separation
        radius_m = self._policy.robot.radius_m
        margin_m = policy.clear_margin_m if self._is_violated else 0.0
        # What the robot surely sheds within one reaction is not yet disobedience.
        shed_mps = policy.speed_tolerance_mps + config.deceleration_mps2 * config.reaction_time_s
        effective_mps = max(0.0, odometry.speed_mps - shed_mps)
        limit_mps, protective_m, worst = math.inf, 0.0, None
        for name, distance_m, toward_mps in people:
            human_mps = max(config.human_speed_mps, toward_mps)
            kept_m = radius_m + margin_m
            if late_s > 0.0:  # 0 times an infinite speed would be no number
                kept_m += late_s * (human_mps + odometry.speed_mps)
            hull_m = max(0.0, distance_m - kept_m)
            speed = permitted_speed(config, hull_m, human_mps)
            if worst is None or speed < limit_mps:
                limit_mps, worst = speed, (name, distance_m)
                least = max(effective_mps, policy.least_speed_mps)
                protective_m = protective_distance(config, least, human_mps) + kept_m
        nearest_m = min((distance for _, distance, _ in people), default=math.inf)
        if worst is None:
            least = max(effective_mps, policy.least_speed_mps)
            standing = protective_distance(config, least) + radius_m
            self._is_violated = False
            return Separation(nearest_m, limit_mps, standing)
        self._is_violated = limit_mps < max(policy.least_speed_mps, effective_mps)
        cause = _cause(worst, protective_m) if self._is_violated else None
        return Separation(nearest_m, 0.0 if cause else limit_mps, protective_m, cause)


def _cause(worst: tuple[str, float], protective_m: float) -> Cause:
    name, distance_m = worst
    return Cause(
        'person.too_near',
        Reaction.PROTECTIVE,
        f'{name} is {distance_m:.2f} m away, nearer than {protective_m:.2f} m',
    )


def _approach(person: PersonSeen, frame: str, odometry: Odometry) -> tuple[float, float]:
    """Return distance, m, and speed toward the robot, m/s; 0 m when the distance is unknown."""
    dx, dy = person.x_m - odometry.x_m, person.y_m - odometry.y_m
    is_placed = frame == odometry.frame and math.isfinite(dx) and math.isfinite(dy)
    distance_m = person.distance_m
    if not math.isfinite(distance_m) or distance_m < 0.0:
        distance_m = math.hypot(dx, dy) if is_placed else 0.0
    apart_m = math.hypot(dx, dy)
    toward = 0.0
    if is_placed and apart_m > 0.0:
        toward = -(person.vx_mps * dx + person.vy_mps * dy) / apart_m
    speed = math.hypot(person.vx_mps, person.vy_mps)
    if not is_placed:
        toward = speed
    return distance_m, toward if math.isfinite(toward) else math.inf


def _direction(odometry: Odometry, standstill_mps: float) -> float:
    """Return where the robot goes, or would go from a standstill, rad."""
    if odometry.speed_mps <= standstill_mps:
        return odometry.yaw_rad
    return odometry.yaw_rad + math.atan2(odometry.sideways_mps, odometry.forward_mps)


def _mover(
    person: PersonSeen, frame: str, odometry: Odometry, distance_m: float, contact_m: float
) -> Mover | None:
    """Return the person for the prediction; None when only their distance is known."""
    dx, dy = person.x_m - odometry.x_m, person.y_m - odometry.y_m
    apart_m = math.hypot(dx, dy)
    velocity = (person.vx_mps, person.vy_mps)
    if (
        frame != odometry.frame
        or not 0.0 < apart_m < math.inf
        or not all(map(math.isfinite, velocity))
    ):
        return None
    # The distance is the sensor's own word; the position gives the direction.
    ratio = distance_m / apart_m
    return Mover(dx * ratio, dy * ratio, *velocity, contact_m)
