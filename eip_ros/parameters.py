"""ROS parameters declared from a frozen dataclass, once.

A field's metadata may hold `description`, `unit`, `range` (least, greatest) and `read_only`; all go
into the parameter's descriptor. The dataclass checks itself in `__post_init__`. It is read once:
setting a parameter later is refused, unless the node says that it reads it again.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

__all__ = ['ParameterError', 'declare_parameters']

ConfigT = TypeVar('ConfigT')


class ParameterError(ValueError):
    """A parameter has a value that cannot be used; the text names it, the value and the remedy."""


def declare_parameters(
    node: Node, config_type: type[ConfigT], prefix: str = '', read_only: bool = True
) -> ConfigT:
    """Declare one parameter per field of `config_type` and return it filled from their values.

    `read_only` holds for every field whose metadata does not say otherwise.
    Raises ParameterError for a value of the wrong type, out of range, or refused by the dataclass.
    """
    values: dict[str, Any] = {}
    hints = get_type_hints(config_type)
    for field in dataclasses.fields(config_type):  # type: ignore[arg-type]
        name = f'{prefix}.{field.name}' if prefix else field.name
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            values[field.name] = declare_parameters(node, hint, name, read_only)  # type: ignore[arg-type]
            continue
        values[field.name] = _declare(node, name, field, hint, read_only)
    try:
        return config_type(**values)
    except ValueError as error:
        raise ParameterError(f'parameter of {node.get_name()}: {error}') from None


def _declare(
    node: Node, name: str, field: dataclasses.Field[Any], hint: Any, read_only: bool
) -> Any:
    default = _default(field)
    is_sequence = isinstance(default, tuple)
    try:
        value = node.declare_parameter(
            name, list(default) if is_sequence else default, _descriptor(field, read_only)
        ).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        limits = field.metadata.get('range')
        allowed = f' within {limits[0]} to {limits[1]}' if limits else ''
        raise ParameterError(
            f'parameter {name} of {node.get_name()}: {error}; set a {_type_name(hint)}{allowed}'
        ) from None
    return tuple(value) if is_sequence else value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f'field {field.name} needs a default to become a parameter')


def _type_name(hint: Any) -> str:
    return getattr(hint, '__name__', str(hint))


def _descriptor(field: dataclasses.Field[Any], read_only: bool) -> ParameterDescriptor:
    unit = field.metadata.get('unit', '')
    descriptor = ParameterDescriptor(
        description=field.metadata.get('description', ''),
        additional_constraints=f'unit: {unit}' if unit else '',
        read_only=bool(field.metadata.get('read_only', read_only)),
    )
    limits = field.metadata.get('range')
    if limits and isinstance(_default(field), int):
        descriptor.integer_range = [IntegerRange(from_value=limits[0], to_value=limits[1])]
    elif limits:
        low, high = map(float, limits)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return descriptor
