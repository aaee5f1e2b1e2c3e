"""Hold a model's plan against what the command plainly says; where they part, a person is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eip_llm_interface.guard.verdict import Violation
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import SkillsManifest

__all__ = ['doubts_about']

NUMBERS = {
    'a': 1, 'an': 1, 'one': 1, 'two': 2, 'three': 3, 'four': 4, 'five': 5, 'six': 6, 'seven': 7,
    'eight': 8, 'nine': 9, 'ten': 10, 'twelve': 12, 'fifteen': 15, 'twenty': 20, 'thirty': 30,
    'forty': 40, 'fifty': 50, 'sixty': 60, 'half': 0.5,
}  # fmt: skip
WORD = re.compile(r"\d+(?:\.\d+)?|[a-z']+")


def doubts_about(
    plan: Plan, plain: Plan | None, command: str, manifest: SkillsManifest
) -> tuple[Violation, ...]:
    """Return why `plan` is not plainly what was said; empty when it is.

    `plain` is what fixed patterns read, None when they do not fit; then it is checked that words
    to say and numbers come from the command. "Off" must never become "on", nor 2 minutes 10.
    """
    if plain is not None:
        calls, wanted = set(map(_call, plan.steps)), set(map(_call, plain.steps))
        if calls == wanted:
            return ()
        odd = [step.text for step in plan.steps if _call(step) not in wanted]
        return (_doubt(' '.join(odd)),)
    return tuple(map(_doubt, _unspoken(plan, command, manifest)))


def _unspoken(plan: Plan, command: str, manifest: SkillsManifest) -> Iterator[str]:
    words = WORD.findall(command.lower())
    numbers = {NUMBERS[word] for word in words if word in NUMBERS}
    numbers |= {float(word) for word in words if word[0].isdigit()}
    for step in plan.steps:
        for parameter in manifest.skills[step.skill].parameters:
            value = step.parameters[parameter.name]
            if parameter.type == 'text' and set(WORD.findall(value.lower())) - set(words):
                yield step.text
            if parameter.type == 'number' and not numbers & {float(value), float(value) / 60}:
                yield step.text


def _call(step: PlanStep) -> tuple[str, tuple[tuple[str, str], ...]]:
    return step.skill, tuple(sorted(step.parameters.items()))


def _doubt(evidence: str) -> Violation:
    return Violation(
        rule='plan.second_reading',
        category='uncertain_plan',
        severity=0.3,
        score=0.9,
        evidence=evidence[:120],
        explanation="The model's plan is not what the command plainly says.",
        channel='plan',
    )
