"""What is known of the robot's surroundings, without ROS."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, TypeVar

__all__ = ['PersonFacts', 'SceneFacts', 'SceneObjectFacts']

Made = TypeVar('Made')


@dataclass(frozen=True)
class PersonFacts:
    """One person or animal; `distance_m` is None when unknown, as a NaN or infinite one is."""

    name: str = ''
    kind: str = 'unknown'
    distance_m: float | None = None

    def __post_init__(self) -> None:
        _check_texts(self, 'person')
        if self.distance_m is None:
            return
        distance_m = _number(self.distance_m, 'person field distance_m')
        object.__setattr__(self, 'distance_m', distance_m if math.isfinite(distance_m) else None)


@dataclass(frozen=True)
class SceneObjectFacts:
    """One object the robot can name."""

    name: str
    kind: str = ''
    place: str = ''

    def __post_init__(self) -> None:
        _check_texts(self, 'object')


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

        A speed that is NaN or infinite becomes the fact that the speed is unknown. Raises
        ValueError, naming the field and the value, for a value of the wrong type.
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
        raise ValueError(f'context field facts is {given!r:.80}, give a mapping of key to value')
    facts.update({str(key): str(value) for key, value in given.items()})
    speed_mps = _number(context.get('speed_mps') or 0.0, 'context field speed_mps')
    if not math.isfinite(speed_mps):
        facts.setdefault('speed', 'unknown')
        speed_mps = 0.0
    return SceneFacts(
        people=tuple(_made(PersonFacts, item, 'people') for item in _items(context, 'people')),
        objects=tuple(
            _made(SceneObjectFacts, item, 'objects') for item in _items(context, 'objects')
        ),
        held_object=_text(context, 'held_object'),
        zone=_text(context, 'zone'),
        speed_mps=speed_mps,
        description=_text(context, 'description'),
        facts=facts,
    )


def _text(context: Mapping[str, object], name: str) -> str:
    value = context.get(name) or ''
    if not isinstance(value, str):
        raise ValueError(f'context field {name} is {value!r:.80}, give a text')
    return value


def _number(value: Any, field_name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f'{field_name} is {value!r:.80}, give a number')
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check_texts(thing: Any, what: str) -> None:
    """Raise ValueError for a text field of `thing` that is no text."""
    for item in fields(thing):
        value = getattr(thing, item.name)
        if item.name != 'distance_m' and not isinstance(value, str):
            raise ValueError(f'{what} field {item.name} is {value!r:.80}, give a text')


def _items(context: Mapping[str, object], name: str) -> list[object]:
    value = context.get(name) or []
    if not isinstance(value, list | tuple):
        raise ValueError(f'context field {name} is {value!r:.80}, give a list')
    return list(value)


def _made(kind: type[Made], value: object, name: str) -> Made:
    make: Callable[..., Made] = kind
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        return make(name=value)
    if not isinstance(value, Mapping):
        raise ValueError(f'context field {name} holds {value!r:.80}, give a mapping or a name')
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for key in value:
        if key not in known:
            raise ValueError(f'context field {name} holds the key {key!r:.80}, use {known}')
    if 'name' not in value and kind is SceneObjectFacts:
        raise ValueError(f'context field {name} holds {dict(value)!r:.80}, give it a name')
    try:
        return make(**value)
    except ValueError as error:
        raise ValueError(f'context field {name}: {error}') from None
