"""Who is meant by a name, and where to stand near them."""

from __future__ import annotations

import math
from collections.abc import Callable

from eip_bringup.sim.household import HAND_OVER_REACH_M
from eip_bringup.sim.kitchen import Kitchen, Pose
from eip_bringup.sim.senses import Senses
from eip_bringup.sim.skill import SkillError

__all__ = ['KEEP_FROM_PERSON_M', 'near_person', 'who_is']

KEEP_FROM_PERSON_M = 1.4
SELF_NAMES = ('', 'me', 'user', 'us')


def near_person(kitchen: Kitchen, person: str) -> Callable[[Senses], Pose]:
    """Return what finds a free pose at arm's length from a person; it raises SkillError."""

    def find(senses: Senses) -> Pose:
        name = who_is(person, senses)
        if senses.pose is None:
            raise SkillError('the robot does not know where it is')
        return _standing_near(kitchen, senses.pose, senses.people[name])

    return find


def _standing_near(kitchen: Kitchen, robot: Pose, person: tuple[float, float]) -> Pose:
    """Return the nearest free pose at arm's length from a person, facing them."""
    reach = HAND_OVER_REACH_M - 0.15
    distance = robot.distance_to(*person)
    if distance <= reach:
        return Pose(robot.x, robot.y, math.atan2(person[1] - robot.y, person[0] - robot.x))
    towards = math.atan2(robot.y - person[1], robot.x - person[0])
    for turn in sorted((math.radians(15 * k) for k in range(-12, 12)), key=abs):
        x = person[0] + KEEP_FROM_PERSON_M * math.cos(towards + turn)
        y = person[1] + KEEP_FROM_PERSON_M * math.sin(towards + turn)
        if kitchen.clearance(x, y) > kitchen.robot_radius + 0.15:
            return Pose(x, y, math.atan2(person[1] - y, person[0] - x))
    raise SkillError('there is no room to stand near the person')


def who_is(person: str, senses: Senses) -> str:
    """Return who is meant: a person by name, or for 'user' whoever is nearest."""
    if person in senses.people:
        return person
    if person.lower() in SELF_NAMES and senses.people and senses.pose is not None:
        pose = senses.pose
        return min(senses.people, key=lambda name: pose.distance_to(*senses.people[name]))
    seen = ', '.join(senses.people) or 'nobody'
    raise SkillError(f'{person} is not in the room; the robot sees {seen}')
