"""The simulated site as data: room, furniture, places, appliances, objects, people.

Lengths are metres, headings radians (degrees in the file), positions in the frame `odom`, whose
origin is the room's centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

__all__ = ['Appliance', 'Kitchen', 'Place', 'Pose', 'Resident', 'Thing', 'load_kitchen']

T = TypeVar('T')
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
        for place in self.places.values():
            self._standable(place)

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
        return max(0.0, min(room, *boxes))

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


def load_kitchen(path: str | Path = '') -> Kitchen:
    """Read a site from a YAML file, the shipped kitchen when `path` is empty.

    Raises FileNotFoundError, or ValueError naming the file, the field and the value.
    """
    file = Path(path) if path else _shipped()
    if not file.is_file():
        raise FileNotFoundError(
            f'world_file {file} does not exist, give the path of a site in YAML'
        )
    try:
        content = yaml.safe_load(file.read_text(encoding='utf-8'))
        return _kitchen(content)
    except yaml.YAMLError as error:
        raise ValueError(f'{file}: not valid YAML: {" ".join(str(error).split())}') from None
    except KeyError as error:
        raise ValueError(f'{file}: {error.args[0]} is missing, add it') from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{file}: {error}') from None


def _shipped() -> Path:
    beside = Path(__file__).parents[2] / 'config' / 'kitchen.yaml'
    if beside.is_file():
        return beside
    from ament_index_python.packages import get_package_share_directory

    return Path(get_package_share_directory('eip')) / 'config' / 'kitchen.yaml'


def _kitchen(content: Any) -> Kitchen:
    if not isinstance(content, dict):
        raise ValueError(f'holds a {type(content).__name__}, needs a mapping with room and places')
    room, robot = _need(content, 'room'), _need(content, 'robot')
    return Kitchen(
        size=_numbers('room.size', _need(room, 'size'), 2),
        wall_height=_number('room.wall_height', room.get('wall_height', 1.2)),
        wall_thickness=_number('room.wall_thickness', room.get('wall_thickness', 0.1)),
        robot_radius=_number('robot.radius', robot.get('radius', 0.2)),
        start=str(_need(robot, 'start')),
        places=_each(content, 'places', _place),
        appliances=_each(content, 'appliances', _appliance),
        things=_each(content, 'objects', _thing),
        people=_each(content, 'people', _resident),
    )


def _each(content: Mapping[str, Any], key: str, make: Callable[[str, Any], T]) -> dict[str, T]:
    section = content.get(key) or {}
    if not isinstance(section, dict):
        raise ValueError(f'{key} is {section!r}, needs a mapping of names')
    return {str(name): make(str(name), entry or {}) for name, entry in section.items()}


def _place(name: str, entry: Mapping[str, Any]) -> Place:
    x, y, degrees = _numbers(f'places.{name}.approach', _need(entry, 'approach'), 3)
    approach = Pose(x, y, math.radians(degrees))
    if 'centre' not in entry:
        return Place(name, approach, (x, y))
    return Place(
        name,
        approach,
        _numbers(f'places.{name}.centre', entry['centre'], 2),
        _numbers(f'places.{name}.size', _need(entry, 'size'), 3),
    )


def _appliance(name: str, entry: Mapping[str, Any]) -> Appliance:
    kind = next((kind for kind in STATES if kind in entry), '')
    if not kind or entry[kind] not in STATES[kind]:
        raise ValueError(
            f'appliances.{name} is {entry!r}, give switch: off|on (quoted) or door: closed|open'
        )
    position = _numbers(f'appliances.{name}.position', _need(entry, 'position'), 2)
    return Appliance(name, str(_need(entry, 'place')), position, kind, entry[kind])


def _thing(name: str, entry: Mapping[str, Any]) -> Thing:
    position = _numbers(f'objects.{name}.position', _need(entry, 'position'), 3)
    place, inside = str(_need(entry, 'place')), str(entry.get('inside', ''))
    return Thing(name, str(entry.get('kind', name)), place, position, inside)


def _resident(name: str, entry: Mapping[str, Any]) -> Resident:
    at = _numbers(f'people.{name}.at', entry['at'], 2) if 'at' in entry else None
    return Resident(name, str(entry.get('kind', 'adult')), at)


def _need(entry: Mapping[str, Any], key: str) -> Any:
    return entry[key]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f'{name} is {value!r}, needs a number')
    return float(value)


def _numbers(name: str, value: Any, count: int) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f'{name} is {value!r}, needs {count} numbers')
    return tuple(_number(name, item) for item in value)
