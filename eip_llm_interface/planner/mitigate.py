"""Make a rejected plan allowable by measures of the robot's own, judged again as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.scene_reading import world_of
from eip_llm_interface.guard.step import Mention
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.knowledge.measures import Measure
from eip_llm_interface.planner.amending import WAIT, Amender, Surroundings, Wanted
from eip_llm_interface.planner.answers import Answer, calmed, filled, is_meant, plain, reason
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.skills import SkillsManifest

__all__ = ['Mitigator']


class Mitigator:
    """Amends plans by the measures in the guard's knowledge; holds no state between calls.

    Only findings of the rules are answered, never those of what somebody means to do. What the
    model finds beside them still asks a person: it can only tighten.
    """

    def __init__(self, guard: Guard, manifest: SkillsManifest) -> None:
        self._guard = guard
        self._manifest = manifest
        self._measures = guard.knowledge.measures

    def may_help(self, verdict: Verdict) -> bool:
        """Return whether a rejected command is worth planning: some measure fits each finding."""
        rules = [v for v in verdict.violations if v.channel == 'rules']
        return (
            verdict.decision is Decision.REJECT
            and not is_meant(verdict.violations)
            and any(self._decide(v) is Decision.REJECT for v in rules)
            and all(self._fitting(v) or self._decide(v) > Decision.REJECT for v in rules)
        )

    def mitigated(self, command: str, plan: Plan, scene: SceneFacts | None = None) -> Plan:
        """Return a judged and rejected `plan` amended so that it is allowable, else as it came.

        The new plan's verdict is confirm or allow and says what the plan now does; its
        `mitigations` hold one sentence each.
        """
        scene = scene or SceneFacts()
        if plan.verdict.decision is not Decision.REJECT or not plan.steps:
            return plan
        if is_meant(plan.verdict.violations):
            return plan
        look = _Look(self, scene)
        wanted = look.wanted(plan)
        amended = look.amender.amended(plan, wanted) if wanted else None
        if amended is None:
            return plan
        told = _of_steps(plan)
        whole = [v for v in plan.verdict.violations if v not in told]
        judged = look.judged(command, amended, whole)
        return plan if judged.verdict.decision is Decision.REJECT else judged

    def judge_again(self, command: str, plan: Plan, scene: SceneFacts | None = None) -> Plan:
        """Return `plan` judged in a newer scene; the measures it holds count as they did."""
        scene = scene or SceneFacts()
        if not plan.mitigations:
            return self._guard.judge_plan(command, plan, scene)
        return _Look(self, scene).judged(command, plan, ())

    def _fitting(self, found: Violation) -> list[Measure]:
        return [m for m in self._measures if m.covers(found.rule, found.category)]

    def _decide(self, found: Violation) -> Decision:
        if found.category == 'fault':
            return Decision.REJECT
        return self._guard.policy.decide(found)


class _Look:
    """One look at plans in one scene."""

    def __init__(self, mitigator: Mitigator, scene: SceneFacts) -> None:
        self._guard = mitigator._guard
        self._manifest = mitigator._manifest
        self._decide = mitigator._decide
        self._fitting = mitigator._fitting
        self._scene = scene
        self._around = Surroundings.of(self._manifest, scene, self._properties())
        self.amender = Amender(self._around)

    def wanted(self, plan: Plan) -> list[Wanted]:
        """Return one measure for each finding that rejects; none when one has no measure."""
        chosen: list[Wanted] = []
        shown: set[str] = set()
        places: list[tuple[int | None, Verdict]] = [*enumerate(s.verdict for s in plan.steps)]
        for index, verdict in (*places, (None, plan.verdict)):
            for found in verdict.violations:
                if found.channel == 'model' or self._decide(found) > Decision.REJECT:
                    continue
                if index is None and found.rule in shown:
                    continue
                shown.add(found.rule)
                best = self._choice(found, plan, index)
                if best is None:
                    return []
                chosen.append(best)
        return chosen

    def judged(self, command: str, plan: Plan, whole: Iterable[Violation]) -> Plan:
        """Return `plan` judged with its measures; `whole` are findings on the command besides."""
        judged = self._guard.judge_plan(command, plan, self._scene)
        told = _of_steps(judged)
        above = dict.fromkeys(v for v in (*judged.verdict.violations, *whole) if v not in told)
        if is_meant((*told, *above)):
            return judged
        answers = [
            [self._answer(found, judged, index) for found in step.verdict.violations]
            for index, step in enumerate(judged.steps)
        ]
        above_answers = [self._answer_above(found, judged, answers) for found in above]
        every = [answer for group in (*answers, above_answers) for answer in group]
        calm_steps = [
            calmed(group, self._answered_at(index, group, above, judged))
            for index, group in enumerate(answers)
        ]
        steps = tuple(
            replace(step, verdict=self._verdict(step.verdict, group))
            for step, group in zip(judged.steps, calm_steps, strict=True)
        )
        answered = {answer.found.category for answer in every if answer.measure is not None}
        above_answers = calmed(above_answers, answered)
        every = [answer for group in (*calm_steps, above_answers) for answer in group]
        verdict = self._verdict(judged.verdict, every)
        sentences = dict.fromkeys(answer.said for answer in every if answer.said)
        asked = dict.fromkeys(f'A person checks {a.check}.' for a in every if a.check)
        return replace(judged, steps=steps, verdict=verdict, mitigations=(*sentences, *asked))

    def _choice(self, found: Violation, plan: Plan, index: int | None) -> Wanted | None:
        fitting = [
            Wanted(measure, index)
            for measure in self._fitting(found)
            if index is None or not measure.skills or plan.steps[index].skill in measure.skills
        ]
        possible = [item for item in fitting if self.amender.can(item, plan)]
        return min(possible, key=lambda item: not item.measure.allows, default=None)

    def _answer(self, found: Violation, plan: Plan, index: int) -> Answer:
        """Return what the measures that `plan` holds at a step do about a finding."""
        step = plan.steps[index]
        answers = []
        for measure in self._fitting(found):
            if measure.skills and step.skill not in measure.skills:
                continue
            names = self._around.concerned(measure, plan, index)
            blanks = {**step.parameters, 'appliance': ' and the '.join(names)}
            if self._holds(measure, names, plan, index):
                decision = Decision.ALLOW if measure.allows else Decision.CONFIRM
                check = '' if measure.allows else filled(measure.check, blanks)
                said = filled(measure.says, blanks) or plain(measure, names)
                answers.append(Answer(found, decision, measure, said, check))
            elif measure.when == 'confirm' or self._asks_instead(measure):
                check = filled(measure.check, blanks)
                answers.append(Answer(found, Decision.CONFIRM, measure, '', check))
        open_ = Answer(found, self._decide(found))
        return max(answers, key=lambda answer: answer.decision, default=open_)

    def _answer_above(
        self, found: Violation, plan: Plan, answers: Sequence[Sequence[Answer]]
    ) -> Answer:
        """Return what is done about a finding on the command: as much as at the steps it is of."""
        at_steps = [a for group in answers for a in group if a.found.rule == found.rule]
        if not at_steps:
            tried = (self._answer(found, plan, index) for index in range(len(plan.steps)))
            at_steps = [answer for answer in tried if answer.measure is not None]
        least = min(at_steps, key=lambda answer: answer.decision, default=None)
        if least is None or least.measure is None:
            return Answer(found, self._decide(found))
        return replace(least, found=found)

    def _answered_at(
        self, index: int, group: Sequence[Answer], above: Iterable[Violation], plan: Plan
    ) -> set[str]:
        """Return the categories of which a step shows, or shows no longer, an answered finding."""
        found = {answer.found.category for answer in group if answer.measure is not None}
        return found | {v.category for v in above if self._answer(v, plan, index).said}

    def _holds(self, measure: Measure, names: Sequence[str], plan: Plan, index: int) -> bool:
        if measure.action == WAIT:
            return index > 0 and plan.steps[index - 1].skill == WAIT
        if measure.when == 'before':
            return bool(names) and all(self._around.stays_off(n, plan, index) for n in names)
        if measure.when == 'after':
            return bool(names) and all(self._around.ends_off(n, plan, index) for n in names)
        return False

    def _asks_instead(self, measure: Measure) -> bool:
        return measure.action == WAIT and WAIT not in self._manifest.skills and measure.check != ''

    def _verdict(self, judged: Verdict, answers: Sequence[Answer]) -> Verdict:
        decision = min((answer.decision for answer in answers), default=Decision.ALLOW)
        kept = tuple(dict.fromkeys(a.found for a in answers if a.decision < Decision.ALLOW))
        if not answers or decision is Decision.REJECT:
            return judged
        unexplained = all(self._decide(answer.found) > Decision.REJECT for answer in answers)
        if judged.decision is Decision.REJECT and unexplained:
            return judged
        return replace(
            judged,
            decision=decision,
            safety_score=self._guard.policy.join(kept, model=judged.model).safety_score,
            violations=kept,
            reason=reason(decision, answers),
        )

    def _properties(self) -> dict[str, frozenset[str]]:
        """Return what each appliance is, by the knowledge and by the scene."""
        knowledge = self._guard.knowledge
        world = world_of(self._scene, self._guard.rules.parser, knowledge)
        found = {}
        for name, item in self._manifest.appliances.items():
            plain = name.replace('_', ' ')
            entity = knowledge.lexicon.noun(item.kind.replace('_', ' '))
            kind = Mention(entity.name, plain, entity.properties) if entity else Mention('', plain)
            found[name] = world.marks(kind) | world.marks(Mention(plain, plain))
        return found


def _of_steps(plan: Plan) -> set[Violation]:
    return {found for step in plan.steps for found in step.verdict.violations}
