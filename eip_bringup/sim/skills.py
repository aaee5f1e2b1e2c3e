"""The robot's skills: what each does at every tick until it is done or has failed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eip_bringup.sim.drive import DriveLimits, PathFollower
from eip_bringup.sim.household import HAND_OVER_REACH_M
from eip_bringup.sim.kitchen import Kitchen, Pose
from eip_bringup.sim.route import RouteError, RoutePlanner
from eip_bringup.sim.senses import STANDSTILL, Senses, Velocity

__all__ = ['Follow', 'GoTo', 'Hands', 'Manipulate', 'Robot', 'Say', 'Skill', 'SkillError']
__all__ += ['Stop', 'Wait', 'near_person']

REPLAN_AFTER_S = 2.0
SEEN_WITHIN_M = 2.5
KEEP_FROM_PERSON_M = 1.4
FOLLOW_SLACK_M = 0.3
FOLLOW_FOR_S = 20.0
SELF_NAMES = ('', 'me', 'user', 'us')


class SkillError(ValueError):
    """A step cannot be done; the text is one sentence that says why."""


class Hands(Protocol):
    """The gripper: one action at a time, answered later."""

    def begin(self, action: str, target: str, place: str) -> None:
        """Ask for an action as in eip/srv/SimManipulate."""

    def answer(self) -> tuple[bool, str] | None:
        """Return (success, message) of what was begun last, or None while it goes on."""


@dataclass(frozen=True)
class Robot:
    """What skills work with."""

    kitchen: Kitchen
    planner: RoutePlanner
    hands: Hands
    speak: Callable[[str], None]
    limits: DriveLimits


class Skill(ABC):
    """One step in execution. `tick` returns a velocity, or None when the step is done."""

    needs_motion = True
    timeout_s = 90.0

    def __init__(self) -> None:
        self.message = ''

    @abstractmethod
    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Go on for `duration_s`. Raises SkillError."""

    def pause(self) -> None:
        """Take note that the robot was made to stand."""
        return


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

    def _planned(self, senses: Senses, obstacles: list[tuple[float, float]]) -> PathFollower:
        assert senses.pose is not None
        goal = self._find(senses)
        try:
            way = self._robot.planner.plan(
                (senses.pose.x, senses.pose.y), (goal.x, goal.y), obstacles
            )
        except RouteError as error:
            raise SkillError(f'cannot go to {self._name}: {error}') from None
        return PathFollower(way, goal.yaw, self._robot.limits)

    def _find_way_round(self, senses: Senses) -> None:
        assert self._follower is not None
        try:
            self._follower = self._planned(senses, senses.points_seen(SEEN_WITHIN_M))
            self.message = f'goes to {self._name} another way'
        except SkillError:
            self._follower.pause()
            self.message = f'waits: something stands in the way to {self._name}'


class Manipulate(Skill):
    """Goes within reach, then lets the gripper act."""

    def __init__(self, robot: Robot, action: str, target: str, place: str, way: Skill) -> None:
        super().__init__()
        self._hands, self._way = robot.hands, way
        self._action, self._target, self._place = action, target, place
        self._is_there = self._has_begun = False
        self.message = way.message

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Drive, then act, then wait for the gripper's answer."""
        if not self._is_there:
            velocity = self._way.tick(senses, duration_s)
            self.message = self._way.message
            if velocity is not None:
                return velocity
            if self._has_gone_away(senses):
                self._way.pause()
                return STANDSTILL
            self._is_there = True
        if not self._has_begun:
            self._hands.begin(self._action, self._target, self._person(senses))
            self._has_begun = True
            self.message = f'{self._action} {self._target}'.replace('_', ' ')
        answer = self._hands.answer()
        if answer is None:
            return STANDSTILL
        success, self.message = answer
        if not success:
            raise SkillError(self.message)
        return None

    def pause(self) -> None:
        """Pass it on to the drive."""
        self._way.pause()

    def _has_gone_away(self, senses: Senses) -> bool:
        if self._action != 'hand_over' or senses.pose is None:
            return False
        person = senses.people[_resolved(self._place, senses)]
        return senses.pose.distance_to(*person) > HAND_OVER_REACH_M

    def _person(self, senses: Senses) -> str:
        return _resolved(self._place, senses) if self._action == 'hand_over' else self._place


class Follow(Skill):
    """Stays near a person for a while."""

    timeout_s = FOLLOW_FOR_S + 60.0

    def __init__(self, robot: Robot, person: str) -> None:
        super().__init__()
        self._robot, self._person = robot, person
        self._way: GoTo | None = None
        self._left_s = FOLLOW_FOR_S
        self.message = f'follows {person}'

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Drive towards the person whenever they have gone further away."""
        self._left_s -= duration_s
        if self._left_s <= 0:
            self.message = f'followed {self._person} for {FOLLOW_FOR_S:.0f} s'
            return None
        if senses.pose is None:
            return STANDSTILL
        name = _resolved(self._person, senses)
        distance = senses.pose.distance_to(*senses.people[name])
        if self._way is None and distance > KEEP_FROM_PERSON_M + FOLLOW_SLACK_M:
            self._way = GoTo(self._robot, name, near_person(self._robot.kitchen, name))
        if self._way is None or distance < KEEP_FROM_PERSON_M:
            self._way = None
            return STANDSTILL
        velocity = self._way.tick(senses, duration_s)
        self._way = None if velocity is None else self._way
        return velocity or STANDSTILL

    def pause(self) -> None:
        """Plan anew afterwards."""
        self._way = None


class Say(Skill):
    """Speaks one sentence."""

    needs_motion = False

    def __init__(self, robot: Robot, text: str) -> None:
        super().__init__()
        self._robot, self._text = robot, text

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Speak and be done."""
        self._robot.speak(self._text)
        self.message = f'says "{self._text}"'
        return None


class Wait(Skill):
    """Stands for a while."""

    def __init__(self, duration_s: float) -> None:
        super().__init__()
        self._left_s = duration_s
        self.timeout_s = duration_s + 10.0
        self.message = f'waits {duration_s:g} s'

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Let the time pass."""
        self._left_s -= duration_s
        return None if self._left_s <= 0 else STANDSTILL


class Stop(Skill):
    """Comes to a standstill, permitted or not."""

    needs_motion = False

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Be done: the executor publishes zero after it."""
        self.message = 'stands'
        return None


def near_person(kitchen: Kitchen, person: str) -> Callable[[Senses], Pose]:
    """Return what finds a free pose at arm's length from a person; it raises SkillError."""

    def find(senses: Senses) -> Pose:
        name = _resolved(person, senses)
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


def _resolved(person: str, senses: Senses) -> str:
    """Return who is meant: a person by name, or for 'user' whoever is nearest."""
    if person in senses.people:
        return person
    if person.lower() in SELF_NAMES and senses.people and senses.pose is not None:
        pose = senses.pose
        return min(senses.people, key=lambda name: pose.distance_to(*senses.people[name]))
    seen = ', '.join(senses.people) or 'nobody'
    raise SkillError(f'{person} is not in the room; the robot sees {seen}')
