"""Where the robot is among the zones, what they permit, and who admitted it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock
from eip_safety_monitor.policy import Policy, Reaction
from eip_safety_monitor.readings import Odometry
from eip_safety_monitor.zones.frames import Frames
from eip_safety_monitor.zones.polygon import Box, Point, box_distance, box_of
from eip_safety_monitor.zones.zones_policy import Zone, ZoneKind, ZonePassage, speed_before

__all__ = ['Note', 'ZoneGuard', 'ZoneView']

LEAVING_M = 0.05
"""So far outside the robot has left; nearer a trembling pose would enter and leave for ever."""


@dataclass(frozen=True)
class Note:
    """Something worth a line of the log that holds nobody."""

    identifier: str
    message: str


@dataclass(frozen=True)
class ZoneView:
    """What the zones say now; `inside` names those that the hull touches."""

    causes: tuple[Cause, ...] = ()
    permitted_mps: float = math.inf
    inside: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass
class _Standing:
    """What is remembered of one zone."""

    box: Box
    is_inside: bool | None = None
    is_violated: bool = False
    admitted_by: str = ''
    notes: list[Note] = field(default_factory=list)


class ZoneGuard:
    """Judges a pose against every zone; a keep-out that was touched holds until a person arms."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        wanted = frozenset(zone.frame for zone in policy.zones)
        self.frames = Frames(wanted, policy.frames, clock)
        separation = policy.separation
        self._radius_m = policy.robot.radius_m + separation.robot_uncertainty_m
        self._deceleration_mps2 = separation.deceleration_mps2
        self._reaction_s = separation.reaction_time_s
        # What the robot surely sheds within one reaction is not yet disobedience.
        shed_mps = separation.deceleration_mps2 * separation.reaction_time_s
        self._tolerance_mps = policy.people.speed_tolerance_mps + shed_mps
        self._standing = {zone.name: _Standing(box_of(zone.polygon)) for zone in policy.zones}
        # So far off no zone limits anything: the box is near enough to the truth.
        full_mps = policy.robot.max_linear_speed_mps
        stop_s = self._reaction_s + full_mps / self._deceleration_mps2
        self._far_m = self._radius_m + full_mps * stop_s + LEAVING_M

    def admit(self, operator_name: str) -> None:
        """Take a person's arming: it admits to the permit-only zones that the robot stands in."""
        for zone in self._policy.zones:
            standing = self._standing[zone.name]
            standing.is_violated = False
            if zone.kind is ZoneKind.PERMIT_ONLY and standing.is_inside:
                standing.admitted_by = operator_name

    def expel(self) -> None:
        """Forget who was admitted: the robot was disarmed or stopped."""
        for standing in self._standing.values():
            standing.admitted_by = ''

    def judge(self, odometry: Odometry | None) -> ZoneView:
        """Return what the zones say of a robot at `odometry`, None when it is not known where."""
        if not self._policy.zones:
            return ZoneView()
        if odometry is None or not odometry.is_finite():
            message = 'where the robot is among the zones is not known'
            return ZoneView((Cause('zone.unknown', Reaction.PROTECTIVE, message),), 0.0)
        causes, notes, inside, limit_mps = [], [], [], math.inf
        for zone in self._policy.zones:
            place = self.frames.place(odometry, zone.frame)
            if place is None:
                causes.append(_foreign(zone, odometry.frame))
                limit_mps = 0.0
                continue
            standing = self._standing[zone.name]
            distance_m = self._distance(zone, standing, place)
            notes += self._pass(zone, standing, distance_m)
            if distance_m <= 0.0:
                inside.append(zone.name)
            cause = self._cause(zone, standing, distance_m, odometry.speed_mps)
            if cause is not None:
                causes.append(cause)
            limit_mps = min(limit_mps, self._limit(zone, standing, distance_m))
        return ZoneView(tuple(causes), limit_mps, tuple(inside), tuple(notes))

    def _distance(self, zone: Zone, standing: _Standing, place: Point) -> float:
        far_m = box_distance(standing.box, *place)
        if far_m > self._far_m:
            return far_m - self._radius_m
        return zone.distance(*place, self._radius_m)

    def _pass(self, zone: Zone, standing: _Standing, distance_m: float) -> list[Note]:
        is_first = standing.is_inside is None
        was_inside = bool(standing.is_inside)
        standing.is_inside = distance_m <= (LEAVING_M if was_inside else 0.0)
        if standing.is_inside == was_inside:
            return []
        passage = ZonePassage.ENTERED if standing.is_inside else ZonePassage.LEFT
        if is_first:
            passage = ZonePassage.STARTED_INSIDE
        by = f' (admitted by {standing.admitted_by})' if standing.admitted_by else ''
        if passage is ZonePassage.LEFT:
            standing.admitted_by = ''
        return [Note(f'zone.{zone.name}', f'{passage} {zone.kind} zone {zone.name}{by}')]

    def _limit(self, zone: Zone, standing: _Standing, distance_m: float) -> float:
        if standing.admitted_by:
            return math.inf
        least_mps = zone.limit_mps if zone.kind is ZoneKind.SPEED_LIMIT else zone.creep_speed_mps
        speed_mps = speed_before(
            distance_m, zone.limit_mps, self._deceleration_mps2, self._reaction_s
        )
        return max(least_mps, speed_mps)

    def _cause(
        self, zone: Zone, standing: _Standing, distance_m: float, speed_mps: float
    ) -> Cause | None:
        identifier = f'zone.{zone.name}'
        is_inside = distance_m <= 0.0
        if zone.kind is ZoneKind.KEEP_OUT:
            standing.is_violated = standing.is_violated or is_inside
            if is_inside:
                message = f'the robot is in keep-out zone {zone.name}; move it out by hand'
                return Cause(identifier, zone.reaction or Reaction.STOP, message)
            if standing.is_violated and zone.reaction is Reaction.PROTECTIVE:
                message = f'the robot was in keep-out zone {zone.name}; disarm, then arm to go on'
                return Cause(identifier, Reaction.PROTECTIVE, message)
            return None
        if zone.kind is ZoneKind.PERMIT_ONLY:
            if not standing.is_inside or standing.admitted_by:
                return None
            message = (
                f'nobody permitted zone {zone.name}; disarm, then arm inside it under your name'
            )
            return Cause(identifier, Reaction.PROTECTIVE, message)
        if is_inside and speed_mps > zone.limit_mps + self._tolerance_mps:
            message = (
                f'{speed_mps:.2f} m/s in zone {zone.name}, where {zone.limit_mps:.2f} is permitted'
            )
            return Cause(identifier, Reaction.PROTECTIVE, message)
        return None


def _foreign(zone: Zone, frame: str) -> Cause:
    message = (
        f'zone {zone.name} is in frame {zone.frame}, odometry in {frame or "no frame"}, '
        'and no fresh transform links them; start the localiser or mend the zone'
    )
    return Cause('zone.frame', Reaction.STOP, message, latches_disarmed=False)
