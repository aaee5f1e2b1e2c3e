"""What is known of the robot's surroundings, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ['PersonFacts', 'SceneFacts', 'SceneObjectFacts']

Made = TypeVar('Made')


@dataclass(frozen=True)
class PersonFacts:
    """One person or animal; `distance_m` is None when unknown."""

    name: str = ''
    kind: str = 'unknown'
    distance_m: float | None = None


@dataclass(frozen=True)
class SceneObjectFacts:
    """One object the robot can name."""

    name: str
    kind: str = ''
    place: str = ''


@dataclass(frozen=True)
class SceneFacts:
    """The scene as eip/msg/SceneContext describes it. Empty means that nothing is known."""

    people: tuple[PersonFacts, ...] = ()
    objects: tuple[SceneObjectFacts, ...] = ()
    held_object: str = ''
    zone: str = ''
    speed_mps: float = 0.0
    description: str = ''
    facts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, context: SceneFacts | Mapping[str, object] | str | None) -> SceneFacts:
        """Return `context` as SceneFacts; unknown keys become facts, a text the description.

        Raises ValueError, naming the field and the value, for a value of the wrong type.
        """
        if context is None:
            return cls()
        if isinstance(context, cls):
            return context
        if isinstance(context, str):
            return cls(description=context)
        if not isinstance(context, Mapping):
            raise ValueError(
                f'context is a {type(context).__name__}, give a mapping, a text or SceneFacts'
            )
        return _from_mapping(context)


def _from_mapping(context: Mapping[str, object]) -> SceneFacts:
    known = {'people', 'objects', 'held_object', 'zone', 'speed_mps', 'description', 'facts'}
    facts = {str(key): str(value) for key, value in context.items() if key not in known}
    given = context.get('facts') or {}
    if not isinstance(given, Mapping):
        raise ValueError(f'context field facts is {given!r}, give a mapping of key to value')
    facts.update({str(key): str(value) for key, value in given.items()})
    try:
        speed_mps = float(context.get('speed_mps') or 0.0)  # type: ignore[arg-type]
        people = tuple(_made(PersonFacts, item, 'people') for item in _items(context, 'people'))
        objects = tuple(
            _made(SceneObjectFacts, item, 'objects') for item in _items(context, 'objects')
        )
    except TypeError as error:
        raise ValueError(f'context: {error}') from None
    return SceneFacts(
        people=people,
        objects=objects,
        held_object=str(context.get('held_object') or ''),
        zone=str(context.get('zone') or ''),
        speed_mps=speed_mps,
        description=str(context.get('description') or ''),
        facts=facts,
    )


def _items(context: Mapping[str, object], name: str) -> list[object]:
    value = context.get(name) or []
    if not isinstance(value, list | tuple):
        raise ValueError(f'context field {name} is {value!r}, give a list')
    return list(value)


def _made(kind: type[Made], value: object, name: str) -> Made:
    make: Callable[..., Made] = kind
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        return make(name=value)
    if isinstance(value, Mapping):
        return make(**value)
    raise ValueError(f'context field {name} holds {value!r}, give a mapping or a name')
