"""Reading a site from its YAML file, with errors that name file, field and value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from eip_bringup.environment import config_file
from eip_bringup.sim.kitchen import STATES, Appliance, Kitchen, Place, Pose, Resident, Thing

__all__ = ['load_kitchen']

T = TypeVar('T')


def load_kitchen(path: str | Path = '') -> Kitchen:
    """Read a site from a YAML file, the shipped kitchen when `path` is empty.

    Raises FileNotFoundError, or ValueError naming the file, the field and the value.
    """
    file = Path(path) if path else config_file('kitchen.yaml')
    if not file.is_file():
        raise FileNotFoundError(
            f'world_file {file} does not exist, give the path of a site in YAML'
        )
    try:
        content = yaml.safe_load(file.read_text(encoding='utf-8'))
        return _kitchen(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{file}: not valid YAML: {" ".join(str(error).split())}') from None
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from None


def _kitchen(content: Any) -> Kitchen:
    room, robot = _need('site', content, 'room'), _need('site', content, 'robot')
    size, start = _need('room', room, 'size'), _need('robot', robot, 'start')
    return Kitchen(
        size=_lengths('room.size', size, 2),
        wall_height=_length('room.wall_height', room.get('wall_height', 1.2)),
        wall_thickness=_length('room.wall_thickness', room.get('wall_thickness', 0.1)),
        robot_radius=_length('robot.radius', robot.get('radius', 0.2)),
        start=str(start),
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
    approach = _need(f'places.{name}', entry, 'approach')
    x, y, degrees = _numbers(f'places.{name}.approach', approach, 3)
    approach = Pose(x, y, math.radians(degrees))
    if 'centre' not in entry:
        return Place(name, approach, (x, y))
    return Place(
        name,
        approach,
        _numbers(f'places.{name}.centre', entry['centre'], 2),
        _lengths(f'places.{name}.size', _need(f'places.{name}', entry, 'size'), 3),
    )


def _appliance(name: str, entry: Mapping[str, Any]) -> Appliance:
    place = str(_need(f'appliances.{name}', entry, 'place'))
    kind = next((kind for kind in STATES if kind in entry), '')
    if not kind or entry[kind] not in STATES[kind]:
        raise ValueError(
            f'appliances.{name} is {entry!r}, give switch: off|on (quoted) or door: closed|open'
        )
    position = _need(f'appliances.{name}', entry, 'position')
    position = _numbers(f'appliances.{name}.position', position, 2)
    return Appliance(name, place, position, kind, entry[kind])


def _thing(name: str, entry: Mapping[str, Any]) -> Thing:
    place = str(_need(f'objects.{name}', entry, 'place'))
    position = _need(f'objects.{name}', entry, 'position')
    position = _numbers(f'objects.{name}.position', position, 3)
    inside = str(entry.get('inside', ''))
    return Thing(name, str(entry.get('kind', name)), place, position, inside)


def _resident(name: str, entry: Mapping[str, Any]) -> Resident:
    if not isinstance(entry, dict):
        raise ValueError(f'people.{name} is {entry!r}, needs a mapping')
    at = _numbers(f'people.{name}.at', entry['at'], 2) if 'at' in entry else None
    return Resident(name, str(entry.get('kind', 'adult')), at)


def _need(where: str, entry: Any, key: str) -> Any:
    if not isinstance(entry, dict):
        raise ValueError(f'{where} is {entry!r}, needs a mapping with {key}')
    if key not in entry:
        raise ValueError(f'{where}.{key} is missing, add it')
    return entry[key]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f'{name} is {value!r}, needs a number')
    return float(value)


def _numbers(name: str, value: Any, count: int) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f'{name} is {value!r}, needs {count} numbers')
    return tuple(_number(name, item) for item in value)


def _length(name: str, value: Any) -> float:
    length = _number(name, value)
    if length <= 0:
        raise ValueError(f'{name} is {value!r}, must be greater than 0')
    return length


def _lengths(name: str, value: Any, count: int) -> tuple[Any, ...]:
    return tuple(_length(name, item) for item in _numbers(name, value, count))
