"""The section `rules` of the policy: named signals, and formulas over them with reactions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eip_safety_monitor.limited import limited
from eip_safety_monitor.rules.formula import Formula
from eip_safety_monitor.rules.formula_check import RESERVED
from eip_safety_monitor.yaml_reader import LineError, line_field

__all__ = ['Rule', 'RuleReaction', 'RuleSignal', 'RulesPolicy']

NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]{0,63}')
TYPE = re.compile(r'[a-z]\w*/msg/[A-Z]\w*')
FIELD = re.compile(r'[a-z]\w*(\[\d+\])?(\.[a-z]\w*(\[\d+\])?)*')
TOPIC = re.compile(r'[A-Za-z~][A-Za-z0-9_/]*')


class RuleReaction(StrEnum):
    """What a violated or unknown rule leads to, mildest first."""

    LOG = 'log'
    LIMIT_SPEED = 'limit_speed'
    PROTECTIVE = 'protective_stop'
    STOP = 'emergency_stop'


@dataclass(frozen=True)
class RuleSignal:
    """One number in the messages of a topic, such as `twist.twist.linear.x` or `ranges[0]`."""

    name: str
    topic: str
    type: str
    field: str
    unit: str
    max_age_s: float = limited(0.5, 'older is not known', 's', 0.02, 60.0)
    grace_s: float = limited(30.0, 'longest wait for the first message', 's', 0.1, 600.0)
    line: int = line_field()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name in RESERVED:
            raise ValueError(f'name is {self.name!r}, use letters, digits and _, no operator')
        if not TOPIC.fullmatch(self.topic):
            raise ValueError(f'topic is {self.topic!r}, give a relative name without leading slash')
        if not TYPE.fullmatch(self.type):
            raise ValueError(f'type is {self.type!r}, give one such as nav_msgs/msg/Odometry')
        if not FIELD.fullmatch(self.field):
            raise ValueError(f'field is {self.field!r}, give one such as twist.twist.linear.x')
        if not self.unit.strip():
            raise ValueError("unit is empty, give one such as m/s, '1' for none")


@dataclass(frozen=True)
class Rule:
    """What must hold, and what follows when it does not, or when nobody knows (`on_stale`)."""

    name: str
    formula: str
    reaction: RuleReaction
    message: str
    on_stale: RuleReaction = RuleReaction.PROTECTIVE
    latching: bool | None = None
    speed_limit_mps: float | None = None
    clear_after_s: float = limited(0.5, 'holds for so long before it clears', 's', 0.0, 60.0)
    line: int = line_field()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f'name is {self.name!r}, use letters, digits and _')
        if not self.message.strip() or len(self.message) > 200:
            raise ValueError('message is empty or too long, say in a sentence what is wrong')
        self._check_latching()
        has_limit = RuleReaction.LIMIT_SPEED in (self.reaction, self.on_stale)
        if has_limit and self.speed_limit_mps is None:
            raise ValueError('speed_limit_mps is missing, add it')
        if not has_limit and self.speed_limit_mps is not None:
            raise ValueError('speed_limit_mps has no meaning without limit_speed, remove it')
        if self.speed_limit_mps is not None and not 0.0 <= self.speed_limit_mps <= 10.0:
            raise ValueError(f'speed_limit_mps is {self.speed_limit_mps}, give 0 to 10 m/s')

    def _check_latching(self) -> None:
        if self.reaction is RuleReaction.STOP and self.latching is False:
            raise ValueError('latching is false, yet an emergency stop always latches; remove it')
        if self.reaction is RuleReaction.LOG and self.latching:
            raise ValueError('latching is true, yet a log line holds nothing; remove it')


@dataclass(frozen=True)
class RulesPolicy:
    """Signals, formulas over them, and how often they are sampled."""

    period_s: float = limited(0.1, 'between two samples', 's', 0.02, 1.0)
    signals: tuple[RuleSignal, ...] = ()
    formulas: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if abs(self.period_s * 1000 - round(self.period_s * 1000)) > 1e-6:
            raise ValueError(f'period_s is {self.period_s}, give whole milliseconds')
        _check_names(self.signals)
        _check_names(self.formulas)
        for rule in self.formulas:
            try:
                self.make(rule)
            except ValueError as error:
                raise LineError(rule.line, f'{rule.name}: {error}') from None

    def make(self, rule: Rule) -> Formula:
        """Return the formula of a rule, ready for its first sample."""
        names = [signal.name for signal in self.signals]
        return Formula(rule.formula, names, self.period_s)


def _check_names(items: tuple[Any, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise LineError(item.line, f'{item.name} is named twice, rename one')
        seen.add(item.name)
