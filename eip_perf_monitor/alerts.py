"""Alerts: a metric beyond its limit for long enough; rules come from config/alerts.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from eip_perf_monitor.alert_rules import AlertRule
from eip_perf_monitor.metrics import METRICS, finite

__all__ = ['Alert', 'AlertEngine', 'Severity']


class Severity(IntEnum):
    """How bad it is; numbers as in eip/msg/Alert."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True)
class Alert:
    """A rule that began to fire, or ended; `value` is None when the metric is gone.

    `since_s` is the engine's clock at the change.
    """

    rule: AlertRule
    firing: bool
    value: float | None
    since_s: float

    @property
    def severity(self) -> Severity:
        """Return the rule's severity."""
        return Severity[self.rule.severity.upper()]

    @property
    def unit(self) -> str:
        """Return the unit of value and threshold."""
        return METRICS[self.rule.metric][0]


@dataclass
class _State:
    firing: bool = False
    changing_since: float | None = None
    fired_at: float = 0.0
    value: float | None = None


class AlertEngine:
    """Decides which rules fire.

    A rule fires once its metric was beyond the threshold for `for_s` without a break, and ends
    once the metric was back by `hysteresis` (or gone) for `for_s`. Not thread-safe.
    """

    def __init__(
        self, rules: Iterable[AlertRule], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._states = {rule: _State() for rule in rules}

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """Return every rule, firing or not."""
        return tuple(self._states)

    @property
    def active(self) -> tuple[Alert, ...]:
        """Return the alerts that fire now, worst first."""
        alerts = [
            Alert(rule, True, state.value, state.fired_at)
            for rule, state in self._states.items()
            if state.firing
        ]
        return tuple(sorted(alerts, key=lambda a: (-a.severity, a.rule.name)))

    def evaluate(self, values: Mapping[str, float | None]) -> tuple[Alert, ...]:
        """Return the alerts that change with these metrics; NaN counts as gone."""
        now = self._clock()
        changes = (self._step(r, s, finite(values.get(r.metric)), now) for r, s in self._pairs())
        return tuple(change for change in changes if change is not None)

    def _pairs(self) -> Iterable[tuple[AlertRule, _State]]:
        return self._states.items()

    @staticmethod
    def _step(rule: AlertRule, state: _State, value: float | None, now: float) -> Alert | None:
        state.value = value
        wants_change = rule.is_cleared(value) if state.firing else rule.is_beyond(value)
        if not wants_change:
            state.changing_since = None
            return None
        if state.changing_since is None:
            state.changing_since = now
        if now - state.changing_since < rule.for_s:
            return None
        state.firing = not state.firing
        state.changing_since = None
        state.fired_at = now
        return Alert(rule, state.firing, value, now)
