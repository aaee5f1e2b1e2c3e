"""Hold a model's plan against what the command plainly says; where they part, a person is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.verdict import Violation
from eip_llm_interface.planner.amending import WAIT
from eip_llm_interface.planner.asked import Asked, Condition, Deed
from eip_llm_interface.planner.done import Done, done_by, words_of
from eip_llm_interface.planner.durations import SECONDS
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import SkillsManifest

__all__ = ['SecondReading', 'departures']

NUMBERS = {
    'a': 1, 'an': 1, 'one': 1, 'two': 2, 'three': 3, 'four': 4, 'five': 5, 'six': 6, 'seven': 7,
    'eight': 8, 'nine': 9, 'ten': 10, 'twelve': 12, 'fifteen': 15, 'twenty': 20, 'thirty': 30,
    'forty': 40, 'fifty': 50, 'sixty': 60, 'half': 0.5,
}  # fmt: skip
A = ('a', 'an')
WORD = re.compile(r"\d+(?:\.\d+)?|[a-z']+")
USER = re.compile(r'\b(?:me|us|i|we|myself|ourselves|mine|ours|here|user|operator)\b')
GET = re.compile(r'\b(?:get|grab)\b')
OUR = re.compile(r'\b(?:my|our)\b')


def departures(plan: Plan, plain: Plan) -> tuple[Violation, ...]:
    """Return where `plan` is not `plain`, which fixed patterns read; empty when both are one.

    "Off" must never become "on", nor 2 minutes 10, nor the last thing the first.
    """
    if _course(plan) == _course(plain):
        return ()
    wanted = set(map(_call, plain.steps))
    odd = [step.text for step in plan.steps if _call(step) not in wanted]
    told = ' '.join(odd or [step.text for step in plan.steps])
    return (_doubt(told, "The model's plan is not what the command plainly says."),)


def _course(plan: Plan) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return the calls in their order, without a call made twice running."""
    return [call for call, _ in groupby(map(_call, plan.steps))]


class SecondReading:
    """A plan beside its command, which no fixed pattern covers; both are read once."""

    def __init__(
        self, plan: Plan, command: str, manifest: SkillsManifest, rules: RulesJudge
    ) -> None:
        self._plan, self._command, self._manifest = plan, command, manifest
        self._asked, self._done = Asked(command, rules), done_by(plan, manifest, rules)

    def forbidden(self) -> tuple[Violation, ...]:
        """Return one violation for each step that the command itself forbids."""
        broken = {
            done.step.text: deed.said
            for done in self._done
            for deed in self._asked.forbidden
            if done.breaks(deed)
        }
        return tuple(
            Violation(
                rule='plan.forbidden',
                category='uncertain_plan',
                severity=0.6,
                score=0.9,
                evidence=step[:120],
                explanation=f'The command forbids "{said}", yet the plan does it: {step} '
                'Say what to do instead.',
                channel='plan',
            )
            for step, said in broken.items()
        )

    def doubts(self) -> tuple[Violation, ...]:
        """Return why the plan is not plainly what was said; empty when it is.

        Each commanded verb must have a step, nothing may hang on a condition, words to say and
        numbers must come from the command, and the user must be spoken of.
        """
        unspoken = _unspoken(self._plan, self._command, self._manifest)
        found = dict.fromkeys((*unspoken, *_apart(self._asked, self._done, self._manifest)))
        return tuple(_doubt(evidence, why) for evidence, why in found)


def _unspoken(plan: Plan, command: str, manifest: SkillsManifest) -> Iterator[tuple[str, str]]:
    words = WORD.findall(command.lower())
    for step in plan.steps:
        for parameter in manifest.skills[step.skill].parameters:
            value = step.parameters[parameter.name]
            if parameter.type == 'text' and set(WORD.findall(value.lower())) - set(words):
                yield step.text, f'The command does not say the words of the step "{step.text}"'
            is_time = parameter.name.endswith('_s')
            if parameter.type == 'number' and float(value) not in _amounts(words, is_time):
                yield step.text, f'The command does not say the number of the step "{step.text}"'


def _amounts(words: list[str], is_time: bool) -> set[float]:
    """Return the numbers that `words` say; of times the seconds, "2 minutes" being 120.

    Beside minutes or hours a bare number is none of seconds: "ten to fifteen minutes".
    """
    found, units = set(), set(words) & SECONDS.keys()
    in_seconds = all(SECONDS[unit] == 1.0 for unit in units)
    for index, word in enumerate(words):
        number = float(word) if word[0].isdigit() else NUMBERS.get(word)
        if number is None or (word in A and words[index - 1 : index] == ['half']):
            continue
        after = [following for following in words[index + 1 : index + 3] if following not in A]
        unit = SECONDS.get(after[0]) if after else None
        if is_time and unit is not None:
            found.add(number * unit)
        elif word not in A and (in_seconds or not is_time):
            found.add(float(number))
    return found


def _apart(asked: Asked, done: list[Done], manifest: SkillsManifest) -> Iterator[tuple[str, str]]:
    """Yield the words of the command that no step carries, with the reason."""
    told = ' '.join(' '.join(item.step.parameters.values()).lower() for item in done)
    for deed in _meant(asked, done):
        if deed.said in told:
            continue
        if not any(item.does(deed) for item in done):
            yield deed.said, f'No step of the plan does what "{deed.said}" asks for.'
        for words in _missing(deed, done, manifest):
            if not any(words in said for said in asked.excluded):
                yield words, f'No step of the plan is about the {words} of "{deed.said}".'
    for condition in asked.conditions:
        if condition.said not in told and not _carries(asked, done, condition):
            yield condition.said, f'A plan cannot hang on "{condition.said}".'
    for deed in asked.unwanted:
        if any(item.breaks(deed) for item in done):
            yield deed.said, f'The command may forbid "{deed.said}", yet the plan does it.'
    if asked.forbidden and not asked.asks:
        said = asked.forbidden[0].said
        yield said, f'The command forbids "{said}", and no deed is found that it asks for.'
    named = frozenset[str]().union(*(item.named for item in done))
    for said in asked.excluded:
        if any(re.search(rf'\b{re.escape(words)}\b', said) for words in named):
            yield said, f'The command asks for other things than "{said}".'
    yield from _to_whom(asked, done)


def _meant(asked: Asked, done: list[Done]) -> list[Deed]:
    """Return what is commanded, without "milk, please": a name in the plan, not a verb."""
    return [deed for deed in asked.wanted if not any(deed.verb in item.named for item in done)]


def _missing(deed: Deed, done: list[Done], manifest: SkillsManifest) -> Iterator[str]:
    """Yield the objects of a deed that the robot knows by name and the plan leaves out."""
    items = (*manifest.objects.values(), *manifest.appliances.values())
    known = {words.lower() for item in items for words in item.wordings}
    named = frozenset[str]().union(*(item.named for item in done))
    for mention in deed.objects:
        part = any(f'{words} {mention.words}' in deed.said for words in named)  # "fridge door"
        if mention.words in known and not part and not words_of(mention) & named:
            yield mention.words


def _carries(asked: Asked, done: list[Done], condition: Condition) -> bool:
    """Return whether a plan keeps a condition: an order of its deeds, or a free way."""
    if any(item.step.skill == WAIT for item in done) and 'clear' in condition.said:
        return True
    told = [_places(deed, done) for deed in condition.deeds]
    if condition.when not in ('before', 'after') or not told or not all(told):
        return False
    asked_for = [place for deed in asked.wanted for place in _places(deed, done)]
    if condition.when == 'before':
        return not asked_for or min(asked_for) < max(map(max, told))
    return not asked_for or max(asked_for) > min(map(min, told))


def _places(deed: Deed, done: list[Done]) -> list[int]:
    """Return which steps do a deed, to one of its things."""
    words = frozenset[str]().union(*map(words_of, deed.things))
    return [
        index
        for index, item in enumerate(done)
        if item.does(deed) and (not words or words & item.named)
    ]


def _to_whom(asked: Asked, done: list[Done]) -> Iterator[tuple[str, str]]:
    others = bool(asked.people)
    if USER.search(asked.text) or (OUR.search(asked.text) and not others):
        return
    for item in done:
        if 'user' not in item.step.parameters.values():
            continue
        follows = 'follow' in item.effects
        meant = _meant(asked, done)
        brought = not meant or GET.search(asked.text) is not None
        brought |= any({'carry', 'give'} & deed.effects for deed in meant)
        if (follows and not others) or (not follows and (others or not brought)):
            yield item.step.text, f'The command does not say the user of "{item.step.text}"'


def _call(step: PlanStep) -> tuple[str, tuple[tuple[str, str], ...]]:
    return step.skill, tuple(sorted(step.parameters.items()))


def _doubt(evidence: str, why: str) -> Violation:
    return Violation(
        rule='plan.second_reading',
        category='uncertain_plan',
        severity=0.3,
        score=0.9,
        evidence=evidence[:120],
        explanation=why,
        channel='plan',
    )
