"""The robot's skills: what each does at every tick until it is done or has failed."""

from __future__ import annotations

from eip_bringup.sim.company import KEEP_FROM_PERSON_M, near_person, who_is
from eip_bringup.sim.go_to import GoTo
from eip_bringup.sim.household import HAND_OVER_REACH_M
from eip_bringup.sim.senses import STANDSTILL, Senses, Velocity
from eip_bringup.sim.skill import Robot, Skill, SkillError

__all__ = ['Follow', 'Manipulate', 'Say', 'Stop', 'Wait']

FOLLOW_SLACK_M = 0.3
FOLLOW_FOR_S = 20.0


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
        person = senses.people[who_is(self._place, senses)]
        return senses.pose.distance_to(*person) > HAND_OVER_REACH_M

    def _person(self, senses: Senses) -> str:
        return who_is(self._place, senses) if self._action == 'hand_over' else self._place


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
        name = who_is(self._person, senses)
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
    """Comes to a standstill."""

    def tick(self, senses: Senses, duration_s: float) -> Velocity | None:
        """Be done: the executor publishes zero after it."""
        self.message = 'stands'
        return None
