"""The skills manifest: what the robot can do and the names it knows, checked when loaded."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import yaml

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.rules import ROBOT_KINDS

__all__ = ['SKILLS_FILE', 'Named', 'Parameter', 'Skill', 'SkillsError', 'SkillsManifest', 'slug']


def _shipped() -> Path:
    """Return the manifest of the source tree, else of the ROS installation."""
    beside = Path(__file__).parents[2] / 'config' / 'skills.yaml'
    prefixes = (*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix)
    installed = (Path(p) / 'share' / 'eip' / 'config' / 'skills.yaml' for p in prefixes if p)
    return next((path for path in (beside, *installed) if path.is_file()), beside)


SKILLS_FILE = _shipped()
PARAMETER_TYPES = ('place', 'object', 'person', 'appliance', 'text', 'number')
NAME = re.compile(r'[a-z][a-z0-9_]{0,39}')
TOP_FIELDS = {'robot', 'skills', 'places', 'objects', 'appliances', 'people'}


class SkillsError(ValueError):
    """A manifest that cannot be used; the text names file, line, field, value and remedy."""


def slug(name: str) -> str:
    """Return a name as plans write it: lower case, digits and underscores, 40 characters."""
    return re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')[:40]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a skill; bounds apply to numbers, `maximum_characters` to text."""

    name: str
    type: str
    minimum: float = 0.0
    maximum: float = 0.0
    maximum_characters: int = 80


@dataclass(frozen=True)
class Skill:
    """One thing the robot can do."""

    name: str
    description: str = ''
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Named:
    """A place, object, appliance or person; `kind` names what the knowledge knows it as."""

    name: str
    kind: str = ''
    at: str = ''
    aliases: tuple[str, ...] = ()

    @property
    def wordings(self) -> tuple[str, ...]:
        """Return all ways to say it, the plain name first."""
        return (self.name.replace('_', ' '), *self.aliases)


@dataclass(frozen=True)
class SkillsManifest:
    """All skills and names of one robot; `load` it from YAML."""

    skills: Mapping[str, Skill]
    places: Mapping[str, Named] = field(default_factory=dict)
    objects: Mapping[str, Named] = field(default_factory=dict)
    appliances: Mapping[str, Named] = field(default_factory=dict)
    people: Mapping[str, Named] = field(default_factory=dict)
    robot: str = 'robot'
    robot_kind: str = 'household'

    @classmethod
    def load(cls, path: str | Path | None = None) -> SkillsManifest:
        """Return the manifest in a YAML file, config/skills.yaml by default.

        Raises SkillsError naming file, line where it can be known, field, value and remedy.
        """
        path = Path(path or SKILLS_FILE)
        try:
            text = path.read_text(encoding='utf-8')
            data = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError) as error:
            raise SkillsError(f'skills {path} cannot be read ({error}); give a file') from None
        except yaml.YAMLError as error:
            raise SkillsError(
                f'skills {path} is not YAML: {" ".join(str(error).split())}'
            ) from None
        try:
            return cls.of(data)
        except SkillsError as error:
            raise SkillsError(f'{path}{_line_of(text, str(error))}: {error}') from None

    @classmethod
    def of(cls, data: object) -> SkillsManifest:
        """Return the manifest described by a mapping; raises SkillsError."""
        top = _mapping(data, 'skills manifest')
        for key in top:
            if key not in TOP_FIELDS:
                raise SkillsError(f'field {key} is unknown, use one of {sorted(TOP_FIELDS)}')
        robot = _mapping(top.get('robot') or {}, 'robot')
        skills = {
            name: _skill(name, value)
            for name, value in _mapping(top.get('skills'), 'skills').items()
        }
        if not skills:
            raise SkillsError('field skills is empty, name at least one skill')
        kind = str(robot.get('kind', 'household'))
        if kind not in ROBOT_KINDS:
            raise SkillsError(f'field robot.kind is {kind!r}, use one of {list(ROBOT_KINDS)}')
        places = _named('places', top)
        groups = {key: _named(key, top) for key in ('objects', 'appliances', 'people')}
        for key, group in groups.items():
            for name, item in group.items():
                if item.at and item.at not in places:
                    raise SkillsError(
                        f'field {key}.{name}.at is {item.at!r}, use one of {sorted(places)}'
                    )
        return cls(
            skills=MappingProxyType(skills),
            places=places,
            **groups,
            robot=str(robot.get('name', 'robot')),
            robot_kind=kind,
        )

    def names(self, kind: str, scene: SceneFacts | None = None) -> dict[str, Named]:
        """Return the names a parameter of type `kind` may take, those of the scene included."""
        groups: dict[str, Mapping[str, Named]] = {
            'place': self.places,
            'object': self.objects,
            'appliance': self.appliances,
            'person': self.people,
        }
        names = dict(groups[kind])
        if scene is None:
            return names
        if kind == 'object':
            for thing in scene.objects:
                name = slug(thing.name)
                if name and name not in names:
                    names[name] = Named(name, thing.kind, slug(thing.place), (thing.name,))
        if kind == 'person':
            for person in scene.people:
                name = slug(person.name)
                if name and name not in names:
                    names[name] = Named(name, person.kind, '', (person.name,))
        return names


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise SkillsError(f'field {name} is {value!r}, give a mapping')
    for key in value:
        if not isinstance(key, str):
            raise SkillsError(f'field {name} has the key {key!r}, put it in quotes')
    return value


def _name(value: str, where: str) -> str:
    if not NAME.fullmatch(value):
        raise SkillsError(
            f'field {where} has the name {value!r}, use lower-case letters, digits, underscores'
        )
    return value


def _skill(name: str, value: object) -> Skill:
    where = f'skills.{_name(name, "skills")}'
    data = _mapping(value or {}, where)
    for key in data:
        if key not in ('description', 'parameters'):
            raise SkillsError(f'field {where}.{key} is unknown, use description or parameters')
    given = _mapping(data.get('parameters') or {}, f'{where}.parameters')
    parameters = tuple(_parameter(where, key, item) for key, item in given.items())
    return Skill(name, str(data.get('description', '')), parameters)


def _parameter(where: str, name: str, value: object) -> Parameter:
    where = f'{where}.parameters.{_name(name, where)}'
    data = _mapping(value, where)
    kind = data.get('type')
    if kind not in PARAMETER_TYPES:
        raise SkillsError(f'field {where}.type is {kind!r}, use one of {list(PARAMETER_TYPES)}')
    for key in data:
        if key not in ('type', 'minimum', 'maximum', 'maximum_characters'):
            raise SkillsError(
                f'field {where}.{key} is unknown, use type, minimum, maximum, maximum_characters'
            )
    low, high = (_number(data.get(key, 0), f'{where}.{key}') for key in ('minimum', 'maximum'))
    if kind == 'number' and not 0 <= low < high:
        raise SkillsError(
            f'field {where} has the range {low} to {high}, give 0 <= minimum < maximum'
        )
    length = int(_number(data.get('maximum_characters', 80), f'{where}.maximum_characters'))
    if not 1 <= length <= 400:
        raise SkillsError(f'field {where}.maximum_characters is {length}, must be 1 to 400')
    return Parameter(name, str(kind), low, high, length)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise SkillsError(f'field {where} is {value!r}, give a number')
    return float(value)


def _named(group: str, top: Mapping[str, object]) -> Mapping[str, Named]:
    items: dict[str, Named] = {}
    for name, value in _mapping(top.get(group) or {}, group).items():
        where = f'{group}.{_name(name, group)}'
        data = _mapping(value or {}, where)
        for key in data:
            if key not in ('kind', 'at', 'aliases'):
                raise SkillsError(f'field {where}.{key} is unknown, use kind, at or aliases')
        aliases = data.get('aliases') or []
        if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
            raise SkillsError(f'field {where}.aliases is {aliases!r}, give a list of texts')
        items[name] = Named(
            name, str(data.get('kind', name)), str(data.get('at', '')), tuple(aliases)
        )
    return MappingProxyType(items)


def _line_of(text: str, message: str) -> str:
    """Return ':LINE' of the deepest key that the message's field path names, or nothing."""
    found = re.match(r'field ([\w.]+)', message)
    if not found:
        return ''
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return ''
    line = None
    for part in found[1].split('.'):
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return f':{line}' if line else ''
