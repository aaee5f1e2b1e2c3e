"""`key=value` texts from a command line made into a configuration dataclass."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from eip_bringup.errors import ExitCode, UserError

__all__ = ['config_from']

ConfigT = TypeVar('ConfigT')
TRUTHS = {'true': True, 'yes': True, '1': True, 'false': False, 'no': False, '0': False}


def config_from(config_type: type[ConfigT], pairs: Sequence[str]) -> ConfigT:
    """Return `config_type` with the fields that `pairs` name set; others keep their defaults.

    Raises UserError naming the field, its value and what it takes.
    """
    hints = get_type_hints(config_type)
    known = [field.name for field in dataclasses.fields(config_type)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition('=')
        if not sign or name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f'did you mean {near[0]}?' if near else f'there are: {", ".join(known)}'
            raise _usage(f'option {pair!r} sets no known field (key=value); {hint}')
        try:
            values[name] = _converted(hints[name], text)
        except (ValueError, KeyError):
            raise _usage(
                f'{name} is {text!r}, give a value of type {_named(hints[name])}'
            ) from None
    try:
        return config_type(**values)
    except ValueError as error:
        raise _usage(str(error)) from None


def _converted(hint: Any, text: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if type(None) in get_args(hint) and text.lower() in ('', 'none'):
            return None
        return _converted(next(kind for kind in get_args(hint) if kind is not type(None)), text)
    if get_origin(hint) in (tuple, list):
        inner = get_args(hint)[0] if get_args(hint) else str
        items = [_converted(inner, item) for item in text.split(',') if item]
        return tuple(items) if get_origin(hint) is tuple else items
    simple: dict[Any, Callable[[str], Any]] = {
        bool: lambda value: TRUTHS[value.lower()],
        int: int,
        float: float,
        Path: lambda value: Path(value).expanduser(),
    }
    return simple.get(hint, str)(text)


def _named(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _usage(text: str) -> UserError:
    error = UserError(text)
    error.exit_code = ExitCode.USAGE
    return error
