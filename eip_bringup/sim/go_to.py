"""The skill that all others stand on: driving to a pose."""

from __future__ import annotations

import math
from collections.abc import Callable

from eip_bringup.sim.drive import PathFollower
from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.route import RouteError
from eip_bringup.sim.senses import STANDSTILL, Senses, Velocity
from eip_bringup.sim.skill import Robot, Skill, SkillError

__all__ = ['GoTo']

Point = tuple[float, float]

REPLAN_AFTER_S = 2.0
SEEN_WITHIN_M = 2.5
PERSON_ROOM_M = 0.6  # plus the margin of every way


class GoTo(Skill):
    """Drives to a pose that is asked for once, at the start."""

    def __init__(self, robot: Robot, name: str, find: Callable[[Senses], Pose]) -> None:
        super().__init__()
        self._robot, self._name, self._find = robot, name, find
        self._follower: PathFollower | None = None
        self.message = f'goes to {name}'

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Follow the way; look for another one when something has stood in it for a while."""
        if senses.pose is None:
            return STANDSTILL
        if self._follower is None:
            self._follower = self._planned(senses, [])
        if self._follower.blocked_s > REPLAN_AFTER_S:
            self._find_way_round(senses)
        return self._follower.step(senses, duration_s)

    def pause(self) -> None:
        """Plan anew afterwards: the robot may have been moved."""
        self._follower = None

    def _planned(self, senses: Senses, obstacles: list[Point]) -> PathFollower:
        assert senses.pose is not None
        goal = self._find(senses)
        start, end = (senses.pose.x, senses.pose.y), (goal.x, goal.y)
        try:
            wide = [*obstacles, *_room_for_people(senses, goal)]
            way = self._robot.planner.plan(start, end, wide)
        except RouteError:
            way = self._narrow_way(start, end, obstacles)
        return PathFollower(way, goal.yaw, self._robot.limits)

    def _narrow_way(self, start: Point, end: Point, obstacles: list[Point]) -> list[Point]:
        try:
            return self._robot.planner.plan(start, end, obstacles)
        except RouteError as error:
            raise SkillError(f'cannot go to {self._name}: {error}') from None

    def _find_way_round(self, senses: Senses) -> None:
        assert self._follower is not None
        try:
            self._follower = self._planned(senses, senses.points_seen(SEEN_WITHIN_M))
            self.message = f'goes to {self._name} another way'
        except SkillError:
            self._follower.pause()
            self.message = f'waits: something stands in the way to {self._name}'


def _room_for_people(senses: Senses, goal: Pose) -> list[Point]:
    """Return rings round people that a way had better not enter; near them it would be slow."""
    assert senses.pose is not None
    apart = PERSON_ROOM_M + 0.4
    return [
        (
            x + PERSON_ROOM_M * math.cos(k * math.pi / 6),
            y + PERSON_ROOM_M * math.sin(k * math.pi / 6),
        )
        for x, y in senses.people.values()
        if senses.pose.distance_to(x, y) > apart and goal.distance_to(x, y) > apart
        for k in range(12)
    ]
