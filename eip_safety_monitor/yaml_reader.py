"""Fills frozen dataclasses from YAML; every error names file, line, field, value and remedy."""

from __future__ import annotations

import dataclasses
import types
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

__all__ = ['LineError', 'PolicyError', 'line_field', 'read_yaml']

ResultT = TypeVar('ResultT')


class PolicyError(ValueError):
    """A file cannot be used; the text names file, line, field, value and remedy."""


class LineError(ValueError):
    """What is wrong stands in another line than the mapping that found it."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def line_field() -> Any:
    """Return a dataclass field that the reader fills with the line of the mapping."""
    return dataclasses.field(default=0, compare=False, repr=False, metadata={'is_line': True})


def read_yaml(path: Path, kind: type[ResultT]) -> ResultT:
    """Return the file at `path` as the dataclass `kind`; raises PolicyError."""
    try:
        root = yaml.compose(path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise PolicyError(f'{path}: no such file; set policy_file to an existing one') from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f'{path}: cannot be read: {error}') from None
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = f':{mark.line + 1}' if mark else ''
        problem = getattr(error, 'problem', None) or str(error).splitlines()[0]
        raise PolicyError(f'{path}{line}: not YAML: {problem}; mend the syntax') from None
    if root is None:
        raise PolicyError(f'{path}: is empty; start from config/safety_policy.yaml')
    made: ResultT = _Reader(path).read(root, kind, '')
    return made


MAPPING = 'tag:yaml.org,2002:map'


class _Reader:
    """Walks the YAML nodes beside the type hints."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, node: yaml.Node, kind: Any, field: str, start: Any = None) -> Any:
        """Return `node` as `kind`; what a mapping leaves out is as in the instance `start`."""
        if dataclasses.is_dataclass(kind):
            return self._dataclass(node, kind, field, start)
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return self._optional(node, kind, field)
        if origin is tuple:
            return self._tuple(node, kind, field, start)
        return self._scalar(node, kind, field)

    def _dataclass(self, node: yaml.Node, kind: Any, field: str, start: Any) -> Any:
        if not isinstance(node, yaml.MappingNode) or node.tag != MAPPING:
            raise self._error(node, field, f'is {_shown(node)}, give a mapping')
        hints = get_type_hints(kind)
        fields = [item for item in dataclasses.fields(kind) if item.init]
        known = {item.name: item for item in fields if not item.metadata.get('is_line')}
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name not in known:
                names = ', '.join(known)
                raise self._error(key_node, _join(field, name), f'is unknown, use one of: {names}')
            if name in values:
                raise self._error(key_node, _join(field, name), 'is given twice, remove one')
            default = _default_of(known[name], start)
            values[name] = self.read(value_node, hints[name], _join(field, name), default)
            self._check_range(value_node, known[name], values[name], _join(field, name))
        for name, item in known.items():
            if name not in values and start is None and _is_required(item):
                raise self._error(node, _join(field, name), 'is missing, add it')
        line = node.start_mark.line + 1
        lines = {item.name: line for item in fields if item.metadata.get('is_line')}
        try:
            if start is not None:
                return dataclasses.replace(start, **values, **lines)
            return kind(**values, **lines)
        except LineError as error:
            where = field or 'policy'
            raise PolicyError(f'{self._path}:{error.line}: {where} is wrong: {error}') from None
        except ValueError as error:
            raise self._error(node, field or 'policy', f'is wrong: {error}') from None

    def _check_range(
        self, node: yaml.Node, item: dataclasses.Field[Any], value: Any, field: str
    ) -> None:
        limits = item.metadata.get('range')
        if limits and not limits[0] <= value <= limits[1]:
            unit = item.metadata.get('unit', '')
            allowed = f'{limits[0]} to {limits[1]} {unit}'.strip()
            raise self._error(node, field, f'is {_shown(node)}, give a number from {allowed}')

    def _optional(self, node: yaml.Node, kind: Any, field: str) -> Any:
        if node.tag == 'tag:yaml.org,2002:null':
            return None
        (inner,) = [option for option in get_args(kind) if option is not type(None)]
        return self.read(node, inner, field)

    def _tuple(self, node: yaml.Node, kind: Any, field: str, start: Any) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, field, f'is {_shown(node)}, give a list')
        options = get_args(kind)
        if len(options) == 2 and options[1] is Ellipsis:
            options = (options[0],) * len(node.value)
        if len(options) != len(node.value):
            raise self._error(node, field, f'has {len(node.value)} items, give {len(options)}')
        return tuple(
            self.read(item, option, f'{field}[{index}]', _named(item, start))
            for index, (item, option) in enumerate(zip(node.value, options, strict=True))
        )

    def _scalar(self, node: yaml.Node, kind: Any, field: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, field, f'is {_shown(node)}, give {_wanted(kind)}')
        try:
            value = yaml.SafeLoader('').construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise self._error(node, field, f'is {_shown(node)}, give {_wanted(kind)}') from None
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self._enum(node, kind, value, field)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._error(node, field, f'is {_shown(node)}, give {_wanted(kind)}')
        if kind is float and not abs(value) < float('inf'):
            raise self._error(node, field, f'is {_shown(node)}, give a finite number')
        return value

    def _enum(self, node: yaml.Node, kind: type[Enum], value: Any, field: str) -> Enum:
        for member in kind:
            if value in (member.value, member.name):
                return member
        raise self._error(node, field, f'is {_shown(node)}, give {_wanted(kind)}')

    def _error(self, node: yaml.Node, field: str, problem: str) -> PolicyError:
        return PolicyError(f'{self._path}:{node.start_mark.line + 1}: {field} {problem}')


def _join(field: str, name: str) -> str:
    return f'{field}.{name}' if field else name


def _is_required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _default_of(item: dataclasses.Field[Any], start: Any) -> Any:
    """Return what a field is unless it is given, None when it must be."""
    if start is not None:
        return getattr(start, item.name)
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return None if item.default is dataclasses.MISSING else item.default


def _named(node: yaml.Node, defaults: Any) -> Any:
    """Return which of the `defaults` has the name that a mapping gives, None when none has."""
    if not isinstance(node, yaml.MappingNode):
        return None
    given = [value.value for key, value in node.value if key.value == 'name']
    return next((item for item in defaults or () if given == [getattr(item, 'name', None)]), None)


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value) if node.value != '' else 'empty'
    return 'a list' if isinstance(node, yaml.SequenceNode) else 'a mapping'


def _wanted(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return 'one of: ' + ', '.join(str(member.value) for member in kind)
    return {float: 'a number', int: 'a whole number', str: 'a text', bool: 'true or false'}.get(
        kind, str(kind)
    )
