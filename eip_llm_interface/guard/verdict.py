"""What the guard decides: allow, confirm or reject, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum

__all__ = [
    'EVIDENCE_CHARACTERS',
    'Decision',
    'Verdict',
    'Violation',
    'input_violation',
    'strictest',
]

EVIDENCE_CHARACTERS = 120


class Decision(IntEnum):
    """The three verdicts, strictest first; numbers as in eip/msg/SafetyVerdict."""

    REJECT = 0
    CONFIRM = 1
    ALLOW = 2

    @property
    def word(self) -> str:
        """Return the verdict as the lower-case word used in files and on screens."""
        return self.name.lower()


@dataclass(frozen=True)
class Violation:
    """One reason why a text was not simply allowed; fields as in eip/msg/SafetyViolation."""

    rule: str
    category: str
    severity: float
    score: float
    evidence: str
    explanation: str
    standard: str = ''
    channel: str = 'rules'

    def __post_init__(self) -> None:
        for name in ('severity', 'score'):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f'{name} of violation {self.rule} is {value}, must be 0 to 1')


@dataclass(frozen=True)
class Verdict:
    """A decision with its reasons; the default rejects.

    `safety_score` is the probability that the text is harmless, 0 to 1.
    """

    decision: Decision = Decision.REJECT
    safety_score: float = 0.0
    violations: tuple[Violation, ...] = ()
    reason: str = ''
    model: str = ''
    latency_s: float = 0.0
    stage: str = 'command'
    step_index: int = -1
    categories: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.safety_score <= 1.0:
            raise ValueError(f'safety_score is {self.safety_score}, must be 0 to 1')
        names = dict.fromkeys(violation.category for violation in self.violations)
        object.__setattr__(self, 'categories', tuple(names))

    def tightened(self, other: Verdict) -> Verdict:
        """Return this verdict made at least as strict as `other`, with both's violations."""
        stricter = other if other.decision < self.decision else self
        return replace(
            stricter,
            safety_score=min(self.safety_score, other.safety_score),
            violations=tuple(
                dict.fromkeys((*stricter.violations, *self.violations, *other.violations))
            ),
        )


def input_violation(finding: str, evidence: str, explanation: str) -> Violation:
    """Return what is wrong with the text of a command or a scene itself."""
    return Violation(
        rule=f'input.{finding}',
        category='input',
        severity=0.6,
        score=0.9,
        evidence=evidence[:EVIDENCE_CHARACTERS],
        explanation=explanation,
        channel='input',
    )


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the strictest of `verdicts` with all violations; rejects when there are none."""
    total: Verdict | None = None
    for verdict in verdicts:
        total = verdict if total is None else total.tightened(verdict)
    return total or Verdict(reason='nothing was judged')
