"""Brings the signals of the rules from topics to the rules."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rclpy.node import Node

from eip_ros import qos
from eip_ros.inbox import Inbox
from eip_safety_monitor.policy import PolicyError
from eip_safety_monitor.rules.rules_policy import RuleSignal, RulesPolicy

__all__ = ['FieldReader', 'RuleInputs']

STEP = re.compile(r'(\w+)(?:\[(\d+)\])?')
ARRAY = re.compile(r'(?:sequence<(?P<of>[^,>]+)(?:,\s*\d+)?>|(?P<each>[^\[\]]+)\[(?P<size>\d+)\])')
NUMBER = re.compile(r'float|double|boolean|u?int\d+')


class FieldReader:
    """Reads one number out of messages; made once, from the message's own description."""

    def __init__(self, signal: RuleSignal) -> None:
        """Check the field; raises ValueError with the remedy."""
        self.message_type = _message_type(signal.type)
        self._steps: list[tuple[str, int | None]] = []
        kind, here = signal.type, self.message_type
        for part in signal.field.split('.'):
            name, index = STEP.fullmatch(part).groups()  # type: ignore[union-attr]
            fields = here.get_fields_and_field_types() if here else {}
            if name not in fields:
                known = ', '.join(fields) or 'none, it is a number'
                raise ValueError(f'field has {name}, which {kind} lacks; use one of: {known}')
            kind = _element(fields[name], name, index)
            here = None if NUMBER.fullmatch(kind) else _message_type(kind)
            self._steps.append((name, None if index is None else int(index)))
        if here is not None:
            raise ValueError(f'field ends at a {kind}, go on to a number in it')

    def read(self, message: Any) -> float | None:
        """Return the number, or None when the array is too short for it."""
        for name, index in self._steps:
            message = getattr(message, name)
            if index is not None:
                if index >= len(message):
                    return None
                message = message[index]
        return float(message)


class RuleInputs:
    """One inbox for each topic that a rule needs; asked by the node's own timer.

    Topics that the node hears anyway, `heard` with their types, are handed over by `pass_on`.
    """

    def __init__(
        self,
        node: Node,
        policy: RulesPolicy,
        path: Path,
        hear: Callable[[str, float, int], None],
        heard: Mapping[str, type],
    ) -> None:
        """Subscribe; raises PolicyError naming `path` and line for a field that is not there.

        `hear` is told name and value of a signal and since when it may have come, ns.
        """
        readers: dict[tuple[str, str], list[tuple[str, FieldReader]]] = {}
        for signal in policy.signals:
            try:
                reader = FieldReader(signal)
            except ValueError as error:
                where = f'{path}:{signal.line}: rules.signals.{signal.name}'
                raise PolicyError(f'{where}: {error}') from None
            readers.setdefault((signal.topic, signal.type), []).append((signal.name, reader))
        self._hear = hear
        self._passed_on: dict[str, list[tuple[str, FieldReader]]] = {}
        self._inboxes: list[tuple[Inbox[Any], list[tuple[str, FieldReader]]]] = []
        for (topic, _), found in readers.items():
            message_type = found[0][1].message_type
            if heard.get(topic) is message_type:
                self._passed_on[topic] = found
            else:
                self._inboxes.append((Inbox(node, message_type, topic, qos.SENSOR), found))

    def take(self, since_ns: int) -> None:
        """Read all that has come since then."""
        for inbox, readers in self._inboxes:
            for message in inbox.take():
                self._read(readers, message, since_ns)

    def pass_on(self, topic: str, message: Any, since_ns: int) -> None:
        """Read a message that the node itself has taken."""
        self._read(self._passed_on.get(topic, ()), message, since_ns)

    def close(self) -> None:
        """Unsubscribe."""
        for inbox, _ in self._inboxes:
            inbox.close()

    def _read(
        self, readers: Sequence[tuple[str, FieldReader]], message: Any, since_ns: int
    ) -> None:
        for name, reader in readers:
            value = reader.read(message)
            if value is not None:
                self._hear(name, value, since_ns)


def _message_type(name: str) -> Any:
    package, _, kind = name.replace('/msg/', '/').partition('/')
    try:
        found = getattr(importlib.import_module(f'{package}.msg'), kind)
    except (ImportError, AttributeError):
        raise ValueError(f'type {name} is not installed; source its workspace') from None
    return found


def _element(kind: str, name: str, index: str | None) -> str:
    array = ARRAY.fullmatch(kind)
    if array is None and index is not None:
        raise ValueError(f'field has {name}[{index}], which is no array; remove the brackets')
    if array is None:
        if kind.startswith(('string', 'wstring')):
            raise ValueError(f'field has {name}, a text; give a number')
        return kind
    if index is None:
        raise ValueError(f'field has {name}, an array; give an element such as {name}[0]')
    if array['size'] is not None and int(index) >= int(array['size']):
        raise ValueError(f'field has {name}[{index}], which has {array["size"]} elements')
    return array['of'] or array['each']
