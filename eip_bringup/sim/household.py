"""What the gripper can change: where objects are, what it holds, which appliance is on or open."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eip_bringup.sim.kitchen import STATES, Appliance, Kitchen, Place, Pose
from eip_bringup.sim.people import Walker

__all__ = ['ARM_REACH_M', 'HAND_OVER_REACH_M', 'Household', 'Item', 'Refusal']

ARM_REACH_M = 0.8
HAND_OVER_REACH_M = 1.6  # the robot's arm and the person's


class Refusal(ValueError):
    """The gripper cannot do it; the text says why and what would help."""


@dataclass
class Item:
    """One object: `place` is where it is, '' while held, `person:<name>` once handed over."""

    name: str
    kind: str
    place: str
    position: tuple[float, float, float]
    inside: str = ''


class Household:
    """Objects and appliances of a site, and the gripper.

    `find_person` returns a person in the room by name, or None.
    """

    def __init__(self, kitchen: Kitchen, find_person: Callable[[str], Walker | None]) -> None:
        self._kitchen = kitchen
        self._find_person = find_person
        self.reset()

    def reset(self) -> None:
        """Put everything back to where it was at the start; the gripper is empty."""
        self.items = {
            thing.name: Item(thing.name, thing.kind, thing.place, thing.position, thing.inside)
            for thing in self._kitchen.things.values()
        }
        self.appliances: dict[str, str] = {
            appliance.name: appliance.first for appliance in self._kitchen.appliances.values()
        }
        self.held = ''

    def facts(self) -> Mapping[str, str]:
        """Return the state of every appliance, e.g. {'stove': 'off'}."""
        return dict(self.appliances)

    def carry(self, robot: Pose, height_m: float = 0.5) -> None:
        """Let the held object go along with the robot."""
        if self.held:
            self.items[self.held].position = (robot.x, robot.y, height_m)

    def act(self, action: str, target: str, place: str, robot: Pose) -> str:
        """Do one action with the gripper at the robot's pose; return what happened.

        `action`, `target` and `place` as in eip/srv/SimManipulate. Raises Refusal.
        """
        if action == 'pick':
            return self._pick(target, robot)
        if action == 'place':
            return self._place(target, place, robot)
        if action == 'hand_over':
            return self._hand_over(target, place, robot)
        if action in ('open', 'close', 'turn_on', 'turn_off'):
            return self._switch(action, target, robot)
        raise Refusal(
            f'action is {action!r}, use pick, place, hand_over, open, close, turn_on or turn_off'
        )

    def _pick(self, target: str, robot: Pose) -> str:
        item = self._item(target)
        if self.held:
            raise Refusal(f'cannot pick the {target}: the gripper holds the {self.held}')
        self._within(item.name, item.position[:2], robot, ARM_REACH_M)
        # Taking something out of a closed fridge includes its door, as with a person.
        is_shut_in = bool(item.inside) and self.appliances[item.inside] == 'closed'
        how = ', whose door it opened and closed' if is_shut_in else ''
        where, item.place, item.inside = item.place, '', ''
        self.held = target
        return f'picked the {target} from {where}{how}'

    def _place(self, target: str, place: str, robot: Pose) -> str:
        self._must_hold(target)
        spot = self._spot(place)
        self._within(place, spot[:2], robot, ARM_REACH_M)
        item = self.items[target]
        item.place, item.position = place, spot
        self.held = ''
        return f'placed the {target} at {place}'

    def _hand_over(self, target: str, person: str, robot: Pose) -> str:
        self._must_hold(target)
        walker = self._find_person(person)
        if walker is None:
            raise Refusal(f'cannot hand over the {target}: {person or "nobody"} is not in the room')
        self._within(person, (walker.x, walker.y), robot, HAND_OVER_REACH_M)
        item = self.items[target]
        item.place, item.position = f'person:{person}', (walker.x, walker.y, 1.0)
        self.held = ''
        return f'handed the {target} to {person}'

    def _switch(self, action: str, target: str, robot: Pose) -> str:
        appliance = self._kitchen.appliances.get(target)
        if appliance is None:
            known = ', '.join(self._kitchen.appliances)
            raise Refusal(f'there is no appliance {target!r}, use one of {known}')
        kind = 'door' if action in ('open', 'close') else 'switch'
        if appliance.kind != kind:
            raise Refusal(f'cannot {action} the {target}: it has no {kind}')
        self._within(target, self._whereabouts(appliance), robot, ARM_REACH_M)
        state = STATES[kind][action in ('open', 'turn_on')]
        before, self.appliances[target] = self.appliances[target], state
        return (
            f'the {target} is {state}' if before != state else f'the {target} was {state} already'
        )

    def _whereabouts(self, appliance: Appliance) -> tuple[float, float]:
        # A kettle is both: switched, and carried to another place.
        item = self.items.get(appliance.name)
        return item.position[:2] if item else appliance.position

    def _spot(self, place: str) -> tuple[float, float, float]:
        known = self._kitchen.places.get(place)
        if known is None:
            raise Refusal(
                f'there is no place {place!r}, use one of {", ".join(self._kitchen.places)}'
            )
        return _surface(known)

    def _must_hold(self, target: str) -> None:
        self._item(target)
        if self.held != target:
            held = f'holds the {self.held}' if self.held else 'is empty'
            raise Refusal(f'cannot give away the {target}: the gripper {held}')

    def _item(self, target: str) -> Item:
        if target not in self.items:
            raise Refusal(f'there is no object {target!r}, use one of {", ".join(self.items)}')
        return self.items[target]

    @staticmethod
    def _within(name: str, position: tuple[float, ...], robot: Pose, reach_m: float) -> None:
        distance = math.hypot(position[0] - robot.x, position[1] - robot.y)
        if distance > reach_m:
            raise Refusal(
                f'{name} is {distance:.2f} m away, the reach is {reach_m:.2f} m; go there first'
            )


def _surface(place: Place) -> tuple[float, float, float]:
    """Return where on a place an object is put: on the edge nearest to the approach pose."""
    if place.size is None:
        return (
            place.approach.x + 0.4 * math.cos(place.approach.yaw),
            place.approach.y + 0.4 * math.sin(place.approach.yaw),
            0.05,
        )
    spot = []
    for at, centre, length in zip(
        (place.approach.x, place.approach.y), place.centre, place.size[:2], strict=True
    ):
        half = length / 2 - min(0.1, length / 2)
        spot.append(min(max(at, centre - half), centre + half))
    return spot[0], spot[1], place.size[2] + 0.05
