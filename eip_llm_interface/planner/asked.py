"""What a command asks for, what it forbids, and what it makes that depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.reference import resolve
from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.words import cut, spaced_out
from eip_llm_interface.guard.world import World

__all__ = ['NO_DEED', 'Asked', 'Condition', 'Deed']

TURNS = re.compile(
    r"\b(?:(?:don'?t|do not|never) (?:forget|hesitate|fail|be afraid|worry) to"
    r"|(?:why )?(?:don'?t|can'?t|won'?t|couldn'?t|wouldn'?t) you|why not"
    r'|(?:if|when|whenever|once|as soon as) (?:possible|convenient|necessary|needed'
    r'|you (?:please|like|want|are (?:free|ready|done|finished)'
    r"|(?:don'?t|do not|wouldn'?t|would not) mind"
    r'|(?:have|get|find) (?:a |the |some )?(?:free )?(?:time|minute|moment|second|chance))))\b'
)
"""Polite turns that look like a condition or a negation, yet are none."""

CONDITIONS = frozenset({'if', 'when', 'unless', 'until', 'before', 'after'})
COMMANDS_NOT = frozenset(
    {
        'not', "don't", 'dont', 'do not', 'never', 'must not', "mustn't", 'should not',
        "shouldn't", 'avoid', 'refrain from', 'be careful not to', 'take care not to',
        'make sure not to', 'without', 'instead of', 'rather than',
    }
)  # fmt: skip
NO_DEED = frozenset(
    {
        'act', 'alias', 'behave', 'bet', 'bypass', 'care', 'cause', 'check', 'deceive', 'disable',
        'discriminate', 'disturb', 'drug_use', 'evade', 'execute_code', 'help', 'judge_trait',
        'leak', 'let_go', 'refuse_help', 'spy',
    }
)  # fmt: skip
"""Effects that tell of intents and circumstances, not of what is done to a thing."""

SWITCHED = {'on': 'turn_on', 'off': 'turn_off'}
FILLERS = ('polite', 'adverb', 'modal')
SEARCHING = frozenset({'find', 'look for', 'locate', 'search for'})
STAYING = frozenset({'charge', 'recharge', 'dock', 'park', 'freeze', 'hold'})
ROLES = ('object', 'target', 'source', 'recipient')
STOPS = frozenset(',;.!?\n')


@dataclass(frozen=True)
class Deed:
    """One thing to do or not: its words, verb and effects, and what it is done to or at."""

    said: str
    verb: str
    effects: frozenset[str]
    things: tuple[Mention, ...]
    objects: tuple[Mention, ...]


@dataclass(frozen=True)
class Condition:
    """Words on which the rest depends, e.g. 'before you go'; `when` is 'before', `deeds` to go."""

    said: str
    when: str
    deeds: tuple[Deed, ...]


class Asked:
    """One command, read once.

    `wanted` deeds are commanded, `forbidden` ones plainly forbidden, of `unwanted` ones a negation
    further ahead is not sure. `excluded` are words after a 'not' or 'instead of' that is about no
    verb. `asks` is whether any deed is asked for, those included of which a plan need show nothing.
    """

    def __init__(self, command: str, rules: RulesJudge) -> None:
        plain = spaced_out(normalise(command).folded)
        self.text = TURNS.sub(lambda found: ' ' * len(found[0]), plain.lower())
        self.words = cut(self.text, rules.knowledge)
        self.wanted: list[Deed] = []
        self.forbidden: list[Deed] = []
        self.unwanted: list[Deed] = []
        self.asks = False
        self.people: list[Mention] = []
        world = World()
        inside: dict[int, list[Deed]] = {}
        for step in sorted(rules.parser.parse(self.text), key=lambda item: item.start):
            resolve(step, world, rules.knowledge)
            world.remember(step)
            self._read(step, inside)
        self.excluded = [
            self._until_stop(index + 1)
            for index, word in enumerate(self.words[:-1])
            if word.text in COMMANDS_NOT and self._is_of_no_verb(index)
        ]
        self.conditions = [
            self._condition(index, tuple(inside.get(index, ())))
            for index, word in enumerate(self.words)
            if word.entry.little == 'subordinate' and word.entry.value in CONDITIONS
        ]

    def _read(self, step: Step, inside: dict[int, list[Deed]]) -> None:
        self.people += (m for m in step.mentions() if 'person' in m.properties and m.name != 'user')
        index = self._verb_of(step)
        if index is None:
            return
        deed = Deed(
            self.text[step.start : step.end].strip(),
            self.words[index].text,
            step.effects | {SWITCHED[state] for state in SWITCHED.keys() & step.states},
            tuple(m for role in ROLES for m in step.roles.get(role, ())),
            tuple(step.roles.get('object', ())),
        )
        condition = self._condition_around(index)
        if condition is not None:
            inside.setdefault(condition, []).append(deed)
            return
        negation = self._negation_before(index) if step.negated else None
        if negation is not None:
            if self.words[negation].text in COMMANDS_NOT and not self._is_told(negation):
                self.forbidden.append(deed)
        elif step.negated and not self._parted(index):
            self.unwanted.append(deed)
        elif step.mode == 'do':
            self.asks = True
            if self._is_commanded(index, step):
                self.wanted.append(deed)

    def _verb_of(self, step: Step) -> int | None:
        if step.verb is None:
            return None
        inside = [
            index
            for index, word in enumerate(self.words)
            if step.start <= word.start and word.end <= step.end and word.entry.verb is not None
        ]
        exact = [index for index in inside if self.words[index].entry.verb is step.verb]
        return next(iter(exact or inside), None)

    def _before_fillers(self, index: int) -> int:
        index -= 1
        while index >= 0 and self.words[index].entry.little in FILLERS:
            index -= 1
        return index

    def _negation_before(self, index: int) -> int | None:
        """Return where the negation right before a verb stands."""
        place = self._before_fillers(index)
        return place if place >= 0 and self.words[place].entry.little == 'neg' else None

    def _is_told(self, negation: int) -> bool:
        """Return whether it is told of somebody else: 'we do not open it'."""
        place = self._before_fillers(negation)
        if place < 0 or self._to_robot(place + 1, negation):
            return False
        subject = self.words[place].entry
        return subject.little == 'subject' and subject.value != 'robot'

    def _to_robot(self, start: int, end: int) -> bool:
        """Return whether the words between tell the robot: 'I want you to'."""
        return any(word.text.endswith('you to') for word in self.words[start:end])

    def _parted(self, index: int) -> bool:
        """Return whether a comma parts a verb from the negation before it."""
        words = self.words[:index]
        while words and words[-1].entry.little != 'neg':
            if words.pop().text in STOPS:
                return True
        return False

    def _condition_around(self, index: int) -> int | None:
        """Return where the condition that holds a verb begins."""
        for place in range(index - 1, -1, -1):
            word = self.words[place]
            if word.text in STOPS or word.entry.little == 'then':
                return None
            if word.entry.little == 'subordinate':
                return place if word.entry.value in CONDITIONS else None
        return None

    def _is_commanded(self, index: int, step: Step) -> bool:
        """Return whether a verb tells the robot to do something that a plan must show."""
        before = self.words[index - 1].entry.little if index else ''
        if self.words[index].entry.form != 'base' or before == 'to':
            return False
        if self.words[index].text in SEARCHING or not step.effects - NO_DEED:
            return False
        objects = step.roles.get('object', [])
        if 'put' in step.effects and not objects:
            return False  # "hang about": nothing is put anywhere
        if self.words[index].text in STAYING and not any(m.known or m.pronoun for m in objects):
            return False  # "recharge", "freeze": a robot that went there, or stands, does it
        if 'wait' in step.effects and 'cease' not in step.effects and not step.numbers:
            return False  # a robot that has done its plan stands
        place = self._before_fillers(index)
        if place < 0 or self._to_robot(place + 1, index):
            return True
        subject = self.words[place].entry
        return subject.little != 'subject' or subject.value == 'robot'

    def _condition(self, index: int, deeds: tuple[Deed, ...]) -> Condition:
        return Condition(self._until_stop(index), self.words[index].entry.value, deeds)

    def _until_stop(self, index: int) -> str:
        rest = self.text[self.words[index].start :]
        return re.split(r'[,;.!?]|\b(?:then|but)\b', rest)[0].strip()

    def _is_of_no_verb(self, negation: int) -> bool:
        """Return whether a thing follows a negation: 'the cup, not the plate'."""
        for word in self.words[negation + 1 :]:
            if word.entry.little not in (*FILLERS, 'det', 'possessive', 'to', 'prep', 'from'):
                return word.entry.noun is not None
        return False
