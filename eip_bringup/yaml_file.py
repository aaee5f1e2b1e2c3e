"""A YAML file whose mistakes are named with file, line, field, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from eip_bringup.errors import ExitCode, UserError

__all__ = ['ConfigError', 'Document', 'read_yaml']

Place = tuple[str | int, ...]
WORDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


class ConfigError(UserError, ValueError):
    """A configuration file cannot be used; the text says where, why and what to do."""

    exit_code = ExitCode.USAGE


class Document:
    """A file's values beside the lines they stand on; a place is a path of keys and indices."""

    def __init__(self, path: Path, values: Any, root: yaml.Node | None) -> None:
        self.path = path
        self._values = values
        self._root = root

    def mapping(self, place: Place = ()) -> dict[str, Any]:
        """Return the mapping at `place`; nothing there counts as an empty one."""
        value = self._at(place)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.error(place, f'is {value!r}, give names with values')
        return value

    def sequence(self, place: Place) -> list[Any]:
        """Return the list at `place`; nothing there counts as an empty one."""
        value = self._at(place)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(place, f'is {value!r}, give a list')
        return value

    def expect(self, place: Place, value: object, kind: type) -> None:
        """Raise ConfigError unless `value` is of `kind`; a whole number is also a number."""
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(place, f'is {value!r}, give {WORDS.get(kind, kind.__name__)}')

    def refuse_unknown(self, fields: Mapping[str, Any], known: set[str], place: Place) -> None:
        """Raise ConfigError for the first field that is not `known`, with the nearest that is."""
        for name in fields:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = (
                    f'did you mean {near[0]}?' if near else f'known are {", ".join(sorted(known))}'
                )
                raise self.error((*place, name), f'is no known field, {hint}')

    def error(self, place: Place, text: str, named: bool = False) -> ConfigError:
        """Return the error `text` about `place`; `named` says that the text names the field."""
        field = '.'.join(map(str, place))
        about = text if named or not field else f'{field} {text}'
        return ConfigError(f'{self.path}, line {self._line(place)}: {about}')

    def _at(self, place: Place) -> Any:
        value = self._values
        for key in place:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _line(self, place: Place) -> int:
        node, line = self._root, 1
        for key in place:
            found = _child(node, key)
            if found is None:
                break
            line, node = found
        return line


def _child(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    return None


def read_yaml(path: Path) -> Document:
    """Return the document in the file `path`; raise ConfigError when it cannot be read."""
    try:
        text = path.read_text(encoding='utf-8')
        return Document(path, yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader))
    except FileNotFoundError:
        raise ConfigError(f'{path} does not exist: give the path of a YAML file') from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} cannot be read: {error}') from None
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, 'problem', None) or str(error).splitlines()[0]
        raise ConfigError(f'{path}, line {line}: {problem}: mend the YAML there') from None
