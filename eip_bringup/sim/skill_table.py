"""From a skill's name and parameters to the skill, ready to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from eip_bringup.sim.company import near_person
from eip_bringup.sim.go_to import GoTo
from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.senses import Senses
from eip_bringup.sim.skill import Robot, Skill, SkillError
from eip_bringup.sim.skills import Follow, Manipulate, Say, Stop, Wait

__all__ = ['make_skill']


def make_skill(robot: Robot, skill: str, parameters: Mapping[str, str]) -> Skill:
    """Return the step ready to run. Raises SkillError for what the robot does not know."""
    if skill not in MAKERS:
        raise SkillError(f'unknown skill {skill!r}, the robot has {", ".join(MAKERS)}')
    names, make = MAKERS[skill]
    missing = [name for name in names if not parameters.get(name, '').strip()]
    extra = sorted(set(parameters) - set(names))
    if missing or extra:
        wrong = f'lacks {", ".join(missing)}' if missing else f'does not know {", ".join(extra)}'
        raise SkillError(f'skill {skill} {wrong}; it takes {", ".join(names) or "nothing"}')
    return make(robot, skill, *(parameters[name].strip() for name in names))


def _go_to(robot: Robot, _: str, place: str) -> Skill:
    pose = _approach(robot, place)
    return GoTo(robot, place, lambda _: pose)


def _pick(robot: Robot, action: str, target: str) -> Skill:
    way = GoTo(robot, f'the {target}', _object_pose(robot, target))
    return Manipulate(robot, action, target, '', way)


def _place(robot: Robot, action: str, target: str, place: str) -> Skill:
    _object_pose(robot, target)
    return Manipulate(robot, action, target, place, _go_to(robot, action, place))


def _hand_over(robot: Robot, action: str, target: str, person: str) -> Skill:
    _object_pose(robot, target)
    way = GoTo(robot, person, near_person(robot.kitchen, person))
    return Manipulate(robot, action, target, person, way)


def _switch(robot: Robot, action: str, target: str) -> Skill:
    appliance = robot.kitchen.appliances.get(target)
    if appliance is None:
        known = ', '.join(robot.kitchen.appliances)
        raise SkillError(f'there is no appliance {target!r}, the robot knows {known}')
    way = GoTo(robot, f'the {target}', _appliance_pose(robot, target, appliance.place))
    return Manipulate(robot, action, target, '', way)


def _follow(robot: Robot, _: str, person: str) -> Skill:
    return Follow(robot, person)


def _say(robot: Robot, _: str, text: str) -> Skill:
    return Say(robot, text)


def _wait(robot: Robot, _: str, duration: str) -> Skill:
    try:
        seconds = float(duration)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:
        raise SkillError(f'duration_s is {duration!r}, must be 0 to 3600')
    return Wait(seconds)


def _stop(robot: Robot, _: str) -> Skill:
    return Stop()


def _approach(robot: Robot, place: str) -> Pose:
    known = robot.kitchen.places.get(place)
    if known is None:
        raise SkillError(
            f'there is no place {place!r}, the robot knows {", ".join(robot.kitchen.places)}'
        )
    return known.approach


def _object_pose(robot: Robot, target: str) -> Callable[[Senses], Pose]:
    if target not in robot.kitchen.things:
        raise SkillError(
            f'there is no object {target!r}, the robot knows {", ".join(robot.kitchen.things)}'
        )

    def find(senses: Senses) -> Pose:
        place = senses.object_places.get(target, '')
        if place in robot.kitchen.places:
            return robot.kitchen.places[place].approach
        if senses.held_object == target and senses.pose is not None:
            return senses.pose
        raise SkillError(f'nobody knows where the {target} is')

    return find


def _appliance_pose(robot: Robot, target: str, place: str) -> Callable[[Senses], Pose]:
    def find(senses: Senses) -> Pose:
        # A kettle may have been carried elsewhere.
        return _approach(robot, senses.object_places.get(target) or place)

    return find


MAKERS: Mapping[str, tuple[tuple[str, ...], Callable[..., Skill]]] = {
    'go_to': (('place',), _go_to),
    'pick': (('object',), _pick),
    'place': (('object', 'place'), _place),
    'hand_over': (('object', 'person'), _hand_over),
    'open': (('appliance',), _switch),
    'close': (('appliance',), _switch),
    'turn_on': (('appliance',), _switch),
    'turn_off': (('appliance',), _switch),
    'follow': (('person',), _follow),
    'say': (('text',), _say),
    'wait': (('duration_s',), _wait),
    'stop': ((), _stop),
}
