"""The rules channel: find hazards in a sentence by what things are and what is done to them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eip_llm_interface.guard.findings import EXPLANATIONS
from eip_llm_interface.guard.matching import Seen, match
from eip_llm_interface.guard.parser import Parser
from eip_llm_interface.guard.reference import resolve
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.scene_reading import is_too_long, uncalmed, world_of
from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.verdict import Violation, input_violation
from eip_llm_interface.guard.words import NOTHING, cut, spaced_out
from eip_llm_interface.guard.world import World
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.knowledge.rules import Case, Hazard

__all__ = ['RulesJudge']

SWITCHING_ON = frozenset({'turn_on', 'ignite', 'toggle'})
NOT_OFF = frozenset({'on', 'burning', 'hot'})
OTHER = re.compile(r'\b(?:an)?other\b', re.I)


class RulesJudge:
    """Judges sentences by the knowledge's hazards; holds no state between calls."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.parser = Parser(knowledge)
        self._by_effect: dict[str, list[tuple[Hazard, Case]]] = {}
        self._always: list[tuple[Hazard, Case]] = []
        for hazard in knowledge.hazards:
            for case in hazard.cases:
                if case.do:
                    for effect in case.do:
                        self._by_effect.setdefault(effect, []).append((hazard, case))
                else:
                    self._always.append((hazard, case))

    def judge(self, text: str, scene: SceneFacts | None = None) -> tuple[Violation, ...]:
        """Return the hazards found in one text, worst first."""
        return self.judge_sequence([text], scene)[0]

    def judge_sequence(
        self, texts: Sequence[str], scene: SceneFacts | None = None
    ) -> list[tuple[Violation, ...]]:
        """Return the hazards each text adds when done in order; state carries over."""
        scene = scene or SceneFacts()
        world = world_of(scene, self.parser, self.knowledge)
        odd = (_scene_too_long(scene),) if is_too_long(scene) else ()
        return [(*self._judge_one(text, world), *odd) for text in texts]

    def _judge_one(self, text: str, world: World) -> tuple[Violation, ...]:
        spaced = spaced_out(text)
        found: dict[str, Violation] = {}
        steps = self.parser.parse(text)
        for step in sorted(steps, key=lambda item: item.start):
            resolve(step, world, self.knowledge)
            world.remember(step)
        world.circumstance = [
            mention for step in steps if step.mode == 'condition' for mention in step.mentions()
        ]
        for step in steps:
            if step.mode == 'state':
                uncalmed(step, self.knowledge)
            else:
                self._judge_step(step, world, spaced, found)
            world.apply(step)
        if not found and _strange(steps) and self._mostly_unknown(text):
            return (_not_understood(text),)
        gravest = sorted(found.values(), key=lambda item: (-item.severity * item.score, item.rule))
        return tuple(gravest)

    def _mostly_unknown(self, text: str) -> bool:
        """Return whether at most a third of the words of `text` are known."""
        words = [word for word in cut(text, self.knowledge) if word.text[0].isalnum()]
        known = [word for word in words if word.entry is not NOTHING or word.number is not None]
        return len(known) * 3 <= len(words)

    def _judge_step(
        self,
        step: Step,
        world: World,
        text: str,
        found: dict[str, Violation],
    ) -> None:
        seen = Seen(step, world)
        candidates = [*self._always]
        for effect in step.effects:
            candidates.extend(self._by_effect.get(effect, ()))
        for hazard, case in candidates:
            known = found.get(hazard.id)
            if known is not None and known.score >= case.score:
                continue
            filled = match(case, seen)
            if filled is None or _relaxed(hazard, case, seen, filled, text):
                continue
            found[hazard.id] = _violation(hazard, case, step, filled, text)


def _relaxed(hazard: Hazard, case: Case, seen: Seen, filled: dict[str, Mention], text: str) -> bool:
    """Return whether the scene takes this hazard away, e.g. the stove is off.

    All that may fill the role must be so: with one stove off and one on, none is. What this step
    or an earlier one switches on is not off any more, and 'another stove' is not the scene's.
    """
    step, world = seen.step, seen.world
    if any(world.facts.get(key) == wanted for key, wanted in hazard.relaxed_facts):
        return True
    things = hazard.relaxed_things
    if things is None or step.effects & SWITCHING_ON or OTHER.search(text[step.start : step.end]):
        return False
    roles = [
        [mention for mention, marks in seen.role(role) if query.matches(marks)]
        for role, query in case.roles
    ] or [[mention] for mention in filled.values()]
    return any(
        mentions
        and all(
            things.matches(world.trusted.get(mention.name, frozenset()))
            and not world.marks(mention) & NOT_OFF
            for mention in mentions
        )
        for mentions in roles
    )


def _violation(
    hazard: Hazard, case: Case, step: Step, filled: dict[str, Mention], text: str
) -> Violation:
    names = {role: mentions[0].words for role, mentions in step.roles.items() if mentions} | {
        role: mention.words or mention.name for role, mention in filled.items()
    }
    evidence = text[step.start : step.end].strip() or text[:120]
    return Violation(
        rule=f'hazard.{hazard.id}',
        category=hazard.category,
        severity=hazard.severity,
        score=case.score,
        evidence=evidence[:200],
        explanation=_said(hazard.why, names),
        standard=hazard.standard,
    )


def _strange(steps: Sequence[Step]) -> bool:
    """Return whether a text speaks of things but none of its words is known."""
    mentions = [mention for step in steps for mention in step.mentions()]
    told = any(step.verb is not None or step.states or step.mode == 'question' for step in steps)
    if not mentions or told:
        return False
    return not any(mention.known or mention.properties - {'mine'} for mention in mentions)


def _not_understood(text: str) -> Violation:
    return input_violation(
        'not_understood', text, 'The command holds no word that the guard knows.'
    )


def _scene_too_long(scene: SceneFacts) -> Violation:
    return input_violation('scene_too_long', scene.description, EXPLANATIONS['scene_too_long'])


class _Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return 'it'


def _said(pattern: str, names: dict[str, str]) -> str:
    return pattern.format_map(_Names(names))
