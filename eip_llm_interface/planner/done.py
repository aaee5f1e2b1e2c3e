"""What the steps of a plan do, in the knowledge's effects, and to which things."""

from __future__ import annotations

from dataclasses import dataclass

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.step import Mention
from eip_llm_interface.planner import render
from eip_llm_interface.planner.asked import NO_DEED, Deed
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import Named, SkillsManifest

__all__ = ['Done', 'done_by', 'words_of']

MEANS = {
    'heat': {'turn_on'},
    'ignite': {'turn_on'},
    'extinguish': {'turn_off'},
    'go': {'follow'},
}
"""Effects that a skill of another effect brings about: a kettle that is turned on heats."""

TOUCHING = frozenset({'touch', 'use', 'play_with'})


@dataclass(frozen=True)
class Done:
    """One step: its effects, the wordings of what it handles, and of all that it is about.

    It is about the place, too, where the steps before have led.
    """

    step: PlanStep
    effects: frozenset[str]
    handled: frozenset[str]
    named: frozenset[str]

    def does(self, deed: Deed) -> bool:
        """Return whether the step has an effect of `deed`."""
        wanted = deed.effects - NO_DEED
        return bool(wanted.union(*(MEANS.get(effect, ()) for effect in wanted)) & self.effects)

    def breaks(self, deed: Deed) -> bool:
        """Return whether the step does to the same things what `deed` forbids."""
        touches = bool(deed.effects & TOUCHING)
        if not touches and not self.does(deed):
            return False
        about = self.handled if touches else self.named
        known = [m for m in deed.things if m.known or m.pronoun or words_of(m) & about]
        if not known:
            return not touches and not deed.things
        objects = [m for m in known if m in deed.objects and m.name != 'user']
        beside = [m for m in known if m not in objects]
        meets = [not m.name or bool(words_of(m) & about) for m in objects]
        return (not objects or any(meets)) and all(words_of(m) & about for m in beside)


def done_by(plan: Plan, manifest: SkillsManifest, rules: RulesJudge) -> list[Done]:
    """Return what each step of `plan` does, as its sentence or its skill's description tells."""
    done = []
    place: frozenset[str] = frozenset()
    for step in plan.steps:
        skill = manifest.skills[step.skill]
        sentence = step.text or render.sentence(step.skill, step.parameters)
        effects = _effects(sentence, rules) or _effects(skill.description, rules)
        words: dict[str, frozenset[str]] = {}
        for parameter in skill.parameters:
            if parameter.type in ('place', 'object', 'appliance', 'person'):
                value = step.parameters.get(parameter.name, '')
                item = manifest.names(parameter.type).get(value, Named(value, value))
                words[parameter.type] = words.get(parameter.type, frozenset()) | _wordings(item)
        if 'go' in effects:
            place = words.get('place', place)
        handled = words.get('object', frozenset()) | words.get('appliance', frozenset())
        done.append(Done(step, effects, handled, place.union(*words.values())))
    return done


def words_of(mention: Mention) -> frozenset[str]:
    """Return the wordings under which a plan may know what a command speaks of."""
    return frozenset({mention.name, mention.words, mention.words.removesuffix('s')}) - {''}


def _effects(text: str, rules: RulesJudge) -> frozenset[str]:
    first = next((step for step in rules.parser.parse(text) if step.verb is not None), None)
    return first.effects - NO_DEED if first is not None else frozenset()


def _wordings(item: Named) -> frozenset[str]:
    return frozenset({item.kind.replace('_', ' '), *(words.lower() for words in item.wordings)})
