"""What is decided about each finding when a plan holds measures, and how people are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from eip_llm_interface.guard.verdict import Decision, Violation
from eip_llm_interface.knowledge.measures import NEVER_ANSWERED, Measure
from eip_llm_interface.planner.amending import WAIT

__all__ = ['Answer', 'calmed', 'filled', 'is_meant', 'plain', 'reason']

UNNAMED = 'model.harm'
"""The model's finding when it is sure of harm but not of its kind."""


@dataclass(frozen=True)
class Answer:
    """What is decided about one finding, by which measure and at what; None: by none."""

    found: Violation
    decision: Decision
    measure: Measure | None = None
    said: str = ''
    check: str = ''


def calmed(answers: Sequence[Answer], categories: set[str]) -> list[Answer]:
    """Let opinions of the model that name an answered category, or none, ask, not reject."""
    categories = categories | {UNNAMED.removeprefix('model.')} if categories else categories
    found = [answer.found for answer in answers if answer.found.channel == 'model']
    # One opinion names up to two categories; text and probability tell that they belong together.
    known = {(v.evidence, v.score) for v in found if v.category in categories}
    return [
        replace(answer, decision=max(answer.decision, Decision.CONFIRM))
        if answer.found in found and (answer.found.evidence, answer.found.score) in known
        else answer
        for answer in answers
    ]


def reason(decision: Decision, answers: Sequence[Answer]) -> str:
    """Return what was found, what the plan does about it, and what a person must look at."""
    said = dict.fromkeys(answer.said for answer in answers if answer.said)
    checks = dict.fromkeys(answer.check for answer in answers if answer.check)
    answered = [answer.found for answer in answers if answer.measure is not None]
    why = [max(answered, key=lambda v: v.severity * v.score).explanation] if answered else []
    still: dict[str, str] = {}
    for answer in sorted(answers, key=lambda answer: -answer.found.score):
        if answer.measure is None and answer.decision < Decision.ALLOW:
            still.setdefault(answer.found.rule, answer.found.explanation)
    if decision is Decision.ALLOW:
        return ' '.join(('Allowed with a measure:', *said, *why))
    asked = f'check {" and ".join(checks)}.' if checks else ''
    parts = ('Needs a person to confirm:', asked, *said, *why, *still.values())
    return ' '.join(part for part in parts if part)


def plain(measure: Measure, names: Sequence[str]) -> str:
    """Return the sentence for a measure whose data says none."""
    if measure.action == WAIT:
        return 'Waits until the way is clear.'
    when = 'first' if measure.when == 'before' else 'at the end'
    return f'Turns off the {" and the ".join(names).replace("_", " ")} {when}.'


def filled(pattern: str, blanks: Mapping[str, str]) -> str:
    """Return `pattern` with its blanks filled; one of which nothing is known becomes 'thing'."""
    return re.sub(
        r'\{(\w+)\}', lambda blank: blanks.get(blank[1], '').replace('_', ' ') or 'thing', pattern
    )


def is_meant(violations: Iterable[Violation]) -> bool:
    """Return whether a finding is of what somebody means to do, or of a fault.

    Harm of which the model cannot say the kind is left to a person.
    """
    return any(
        violation.category in NEVER_ANSWERED and violation.rule != UNNAMED
        for violation in violations
    )
