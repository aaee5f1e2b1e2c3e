"""The rules of config/alerts.yaml: read, checked, and compared with a value."""

from __future__ import annotations

import dataclasses
import math
import operator
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from eip_perf_monitor.metrics import METRICS

__all__ = ['AlertFileError', 'AlertRule', 'find_alerts_file', 'load_rules']

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}
SEVERITIES: Final = ('info', 'warning', 'critical')


class AlertFileError(ValueError):
    """The file of rules cannot be used; one line with file, field, value and remedy."""


@dataclass(frozen=True)
class AlertRule:
    """One rule: `metric` `comparison` `threshold` for `for_s` seconds, and what to say then.

    Threshold and hysteresis are in the metric's unit. Raises ValueError naming field and value.
    """

    name: str
    metric: str
    comparison: str
    threshold: float
    severity: str
    message: str
    remedy: str
    for_s: float = 0.0
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        for text in ('name', 'metric', 'comparison', 'severity', 'message', 'remedy'):
            value = getattr(self, text)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f'{text} is {value!r}, must be a text that is not empty')
        self._check_choice('metric', tuple(METRICS))
        self._check_choice('comparison', tuple(COMPARISONS))
        self._check_choice('severity', SEVERITIES)
        self._check_number('threshold', -math.inf)
        self._check_number('for_s', 0.0)
        self._check_number('hysteresis', 0.0)

    def is_beyond(self, value: float | None) -> bool:
        """Tell whether `value` crosses the threshold; a missing value does not."""
        return value is not None and COMPARISONS[self.comparison](value, self.threshold)

    def is_cleared(self, value: float | None) -> bool:
        """Tell whether `value` is back by the hysteresis; a missing value is."""
        if value is None:
            return True
        back = -self.hysteresis if self.comparison.startswith('>') else self.hysteresis
        return not COMPARISONS[self.comparison](value, self.threshold + back)

    def _check_choice(self, field: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, field)
        if value not in choices:
            raise ValueError(f'{field} is {value!r}, must be one of {", ".join(choices)}')

    def _check_number(self, field: str, least: float) -> None:
        value = getattr(self, field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < least:
            limit = f' of at least {least:g}' if math.isfinite(least) else ''
            raise ValueError(f'{field} is {value!r}, must be a finite number{limit}')


def find_alerts_file() -> Path:
    """Return the shipped config/alerts.yaml of a source tree or of an installed package.

    Raises AlertFileError when there is none.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    candidates = [
        Path(__file__).resolve().parent.parent / 'config' / 'alerts.yaml',
        *(Path(p) / 'share' / 'eip' / 'config' / 'alerts.yaml' for p in (*prefixes, sys.prefix)),
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise AlertFileError(
        'config/alerts.yaml was not found beside the package or below AMENT_PREFIX_PATH; '
        'set the parameter alerts_file'
    )


def load_rules(path: Path) -> tuple[AlertRule, ...]:
    """Read the rules from `path`; raises AlertFileError naming file, rule, field and value."""
    entries = _read(path).get('alerts')
    if not isinstance(entries, list):
        raise AlertFileError(f'{path}: alerts is {entries!r:.60}, must be a list of rules')
    rules = tuple(_rule(path, index, entry) for index, entry in enumerate(entries))
    names = [rule.name for rule in rules]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise AlertFileError(f'{path}: alerts[{index}].name is {name!r} again; rename it')
    return rules


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise AlertFileError(
            f'{path}: {error.strerror}; set alerts_file to a readable file'
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = ' '.join(str(error).split())
        raise AlertFileError(f'{path}: not valid YAML: {problem}') from None
    if not isinstance(data, dict):
        raise AlertFileError(f'{path}: holds {type(data).__name__}, must be a mapping with alerts')
    return data


def _rule(path: Path, index: int, entry: object) -> AlertRule:
    where = f'{path}: alerts[{index}]'
    if not isinstance(entry, dict):
        raise AlertFileError(f'{where} is {entry!r:.60}, must be a mapping')
    fields = {field.name: field for field in dataclasses.fields(AlertRule)}
    for name in entry:
        if name not in fields:
            raise AlertFileError(f'{where}.{name} is unknown; fields are {", ".join(fields)}')
    for name, field in fields.items():
        if name not in entry and field.default is dataclasses.MISSING:
            raise AlertFileError(f'{where}.{name} is missing; add it')
    try:
        return AlertRule(**entry)
    except ValueError as error:
        raise AlertFileError(f'{where}.{error}') from None
