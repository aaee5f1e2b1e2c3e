"""The rules of the policy, evaluated as their signals come.

Every `period_s` each formula takes the newest value of its signals. When one of them is missing,
too old or not a number nobody knows whether the rule holds: `on_stale` says what follows, and the
formula begins anew, without a past, when the signal is back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.reactions import Reaction
from eip_safety_monitor.rules.rule_figures import RuleFigures
from eip_safety_monitor.rules.rules_policy import Rule, RuleReaction, RuleSignal, RulesPolicy
from eip_safety_monitor.violation_statistics import ViolationStatistics

__all__ = ['RuleMonitor', 'RuleView']

MOST_STEPS = 50
"""After a longer gap the formulas begin anew."""
REACTIONS = {
    RuleReaction.LOG: Reaction.WARN,
    RuleReaction.LIMIT_SPEED: Reaction.WARN,
    RuleReaction.PROTECTIVE: Reaction.PROTECTIVE,
    RuleReaction.STOP: Reaction.STOP,
}


@dataclass(frozen=True)
class RuleView:
    """What the rules say now."""

    causes: tuple[Cause, ...] = ()
    permitted_mps: float = math.inf


class _Heard:
    """The newest value of one signal."""

    def __init__(self, signal: RuleSignal, clock: Clock) -> None:
        self._signal, self._clock = signal, clock
        self._name = f'{signal.name} ({signal.topic} {signal.field})'
        self._started_ns = clock.now_ns()
        self._received_ns: int | None = None
        self.value = math.nan

    def hear(self, value: float, received_ns: int | None) -> None:
        now_ns = self._clock.now_ns()
        self._received_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        self.value = value

    @property
    def is_starting(self) -> bool:
        waited_s = seconds(self._clock.now_ns() - self._started_ns)
        return self._received_ns is None and waited_s <= self._signal.grace_s

    def problem(self) -> str:
        if self._received_ns is None:
            awaited = 'has not come yet' if self.is_starting else 'never came'
            return f'{self._name} {awaited} as {self._signal.type}'
        age_s = seconds(self._clock.now_ns() - self._received_ns)
        if age_s > self._signal.max_age_s:
            return f'{self._name} is {age_s:.1f} s old'
        return '' if math.isfinite(self.value) else f'{self._name} is not a number'


class _Watched:
    """One rule with its formula and its past."""

    def __init__(self, rule: Rule, policy: RulesPolicy, now_ns: int) -> None:
        self.rule = rule
        self.formula = policy.make(rule)
        self.statistics = ViolationStatistics(now_ns)
        self.robustness: float | None = None
        self.problem = 'no sample yet'
        self.is_starting = False
        self.is_latched = False
        self._violated_ns: int | None = None

    @property
    def is_violated(self) -> bool:
        return self.robustness is not None and self.robustness < 0.0

    def is_held(self, now_ns: int) -> bool:
        """Tell whether its reaction lasts; a rule that trembles must not fill the audit log."""
        if self.is_violated:
            self._violated_ns = now_ns
        if self.is_violated or self.is_latched:
            return True
        if self._violated_ns is None:
            return False
        return seconds(now_ns - self._violated_ns) < self.rule.clear_after_s

    def step(self, values: dict[str, float]) -> None:
        try:
            self.robustness = self.formula.step(values)
        except ArithmeticError as error:
            self.formula.restart()
            self.forget(f'it cannot be computed: {error}')
        if self.is_violated and self.rule.latching and self.rule.reaction is not RuleReaction.STOP:
            self.is_latched = True

    def forget(self, problem: str) -> None:
        if self.robustness is not None:
            self.formula.restart()
        self.robustness, self.problem = None, problem


class RuleMonitor:
    """Evaluates every rule of the policy."""

    def __init__(self, policy: RulesPolicy, clock: Clock) -> None:
        self._policy, self._clock = policy, clock
        self._signals = {signal.name: _Heard(signal, clock) for signal in policy.signals}
        now_ns = clock.now_ns()
        self._rules = [_Watched(rule, policy, now_ns) for rule in policy.formulas]
        self._period_ns = round(policy.period_s * 1e9)
        self._sampled_ns = now_ns

    def hear(self, name: str, value: float, received_ns: int | None = None) -> None:
        """Take the newest value of a signal; it came now or at the earlier `received_ns`."""
        self._signals[name].hear(value, received_ns)

    def release(self) -> None:
        """Let go what latched: a person arms."""
        for watched in self._rules:
            watched.is_latched = False

    def look(self) -> RuleView:
        """Take the samples that are due and return what follows."""
        if not self._rules:
            return RuleView()
        problems = {name: heard.problem() for name, heard in self._signals.items()}
        steps = (self._clock.now_ns() - self._sampled_ns) // self._period_ns
        self._sampled_ns += steps * self._period_ns
        for watched in self._rules:
            self._sample(watched, problems, steps)
        now_ns = self._clock.now_ns()
        found = [item for watched in self._rules for item in _follow(watched, now_ns)]
        causes = tuple(cause for cause, _ in found)
        return RuleView(causes, min((limit for _, limit in found), default=math.inf))

    def figures(self) -> tuple[RuleFigures, ...]:
        """Return what every rule has seen so far."""
        now_ns = self._clock.now_ns()
        return tuple(
            RuleFigures(
                watched.rule.name,
                'violated' if watched.is_violated else watched.problem or 'holds',
                watched.robustness,
                watched.statistics.violations,
                watched.statistics.violated_s,
                watched.statistics.last_ns,
                watched.statistics.trend(now_ns),
            )
            for watched in self._rules
        )

    def _sample(self, watched: _Watched, problems: dict[str, str], steps: int) -> None:
        names = watched.formula.names
        problem = next((problems[name] for name in names if problems[name]), '')
        if problem or steps > MOST_STEPS:
            watched.is_starting = any(self._signals[name].is_starting for name in names)
            watched.forget(problem or 'the monitor did not run')
            watched.statistics.note(False, self._clock.now_ns(), 0.0)
            return
        if steps == 0:
            return
        values = {name: self._signals[name].value for name in names}
        for _ in range(steps):
            watched.problem = ''
            watched.step(values)
        watched.statistics.note(
            watched.is_violated, self._clock.now_ns(), steps * self._policy.period_s
        )


def _follow(watched: _Watched, now_ns: int) -> list[tuple[Cause, float]]:
    """Return the causes of one rule, each with its speed limit in m/s.

    That nobody knows any more whether it holds does not free what it holds already.
    """
    rule, found = watched.rule, []
    if watched.problem:
        reaction = rule.on_stale
        if watched.is_starting and reaction is RuleReaction.STOP:
            reaction = RuleReaction.PROTECTIVE
        if not watched.is_starting or reaction is not RuleReaction.LOG:
            message = f'rule {rule.name}: {watched.problem}'
            found.append(_cause(rule, f'rule.{rule.name}.unknown', reaction, message))
    if watched.is_held(now_ns):
        latched = ' (latched; disarm, then arm to go on)' if watched.is_latched else ''
        message = f'{rule.message}{latched}'
        found.append(_cause(rule, f'rule.{rule.name}', rule.reaction, message))
    return found


def _cause(
    rule: Rule, identifier: str, reaction: RuleReaction, message: str
) -> tuple[Cause, float]:
    # Moving a disarmed robot by hand is no fault: it refuses arming and latches nothing.
    cause = Cause(identifier, REACTIONS[reaction], message, latches_disarmed=False)
    limit = rule.speed_limit_mps if reaction is RuleReaction.LIMIT_SPEED else None
    return cause, math.inf if limit is None else limit
