"""The simulated site as data: room, furniture, places, appliances, objects, people.

Lengths are metres, headings radians (degrees in the file), positions in the frame `odom`, whose
origin is the room's centre.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ['STATES', 'Appliance', 'Kitchen', 'Place', 'Pose', 'Resident', 'Thing']

Point = tuple[float, float]

STATES = {'switch': ('off', 'on'), 'door': ('closed', 'open')}


@dataclass(frozen=True)
class Pose:
    """Where something stands on the floor: m, m, rad."""

    x: float
    y: float
    yaw: float = 0.0

    def distance_to(self, x: float, y: float) -> float:
        """Return the distance to a point, m."""
        return math.hypot(self.x - x, self.y - y)


@dataclass(frozen=True)
class Place:
    """A named place; `size` is None where no furniture stands."""

    name: str
    approach: Pose
    centre: Point
    size: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Appliance:
    """Something to open or switch; `kind` is 'switch' or 'door', `first` its state at the start."""

    name: str
    place: str
    position: Point
    kind: str
    first: str


@dataclass(frozen=True)
class Thing:
    """An object that the gripper can carry; `inside` names the appliance that encloses it."""

    name: str
    kind: str
    place: str
    position: tuple[float, float, float]
    inside: str = ''


@dataclass(frozen=True)
class Resident:
    """A person who may be in the room; `at` is None for one who is not there at the start."""

    name: str
    kind: str = 'adult'
    at: Point | None = None


@dataclass(frozen=True)
class Kitchen:
    """The whole site, checked on construction."""

    size: Point
    wall_height: float
    wall_thickness: float
    robot_radius: float
    start: str
    places: Mapping[str, Place]
    appliances: Mapping[str, Appliance] = field(default_factory=dict)
    things: Mapping[str, Thing] = field(default_factory=dict)
    people: Mapping[str, Resident] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in self.places.values():
            self._standable(place)
        self._known('robot.start', self.start)
        for appliance in self.appliances.values():
            self._known(f'appliances.{appliance.name}.place', appliance.place)
        for thing in self.things.values():
            self._known(f'objects.{thing.name}.place', thing.place)
            if thing.inside and thing.inside not in self.appliances:
                raise ValueError(
                    f'objects.{thing.name}.inside is {thing.inside!r}, '
                    f'use one of the appliances {", ".join(self.appliances)}'
                )

    def clearance(self, x: float, y: float) -> float:
        """Return the distance from a point to the nearest wall or furniture, m; 0 inside one."""
        room = min(self.size[0] / 2 - abs(x), self.size[1] / 2 - abs(y))
        boxes = (
            math.hypot(
                max(abs(x - place.centre[0]) - place.size[0] / 2, 0.0),
                max(abs(y - place.centre[1]) - place.size[1] / 2, 0.0),
            )
            for place in self.places.values()
            if place.size is not None
        )
        return max(0.0, min((room, *boxes)))

    def place_at(self, x: float, y: float, within: float) -> str:
        """Return the place whose approach pose is nearest and within `within` m, or ''."""
        nearest = min(self.places.values(), key=lambda place: place.approach.distance_to(x, y))
        return nearest.name if nearest.approach.distance_to(x, y) <= within else ''

    def _known(self, name: str, place: str) -> None:
        if place not in self.places:
            raise ValueError(f'{name} is {place!r}, use one of the places {", ".join(self.places)}')

    def _standable(self, place: Place) -> None:
        room = self.clearance(place.approach.x, place.approach.y)
        if room < self.robot_radius:
            raise ValueError(
                f'places.{place.name}.approach leaves {room:.2f} m, '
                f'the robot needs at least {self.robot_radius:.2f} m; move it'
            )
