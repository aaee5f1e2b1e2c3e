"""The one entry to judging: input, rules and model in, one verdict out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from eip_llm_interface.guard.findings import EXPLANATIONS
from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.language import plain_english
from eip_llm_interface.guard.model_judge import ModelJudge, ModelOpinion
from eip_llm_interface.guard.normalise import Normalised, normalise
from eip_llm_interface.guard.policy import Policy, check_categories
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.soothing import without_soothing
from eip_llm_interface.guard.verdict import (
    EVIDENCE_CHARACTERS,
    Decision,
    Verdict,
    Violation,
    input_violation,
    strictest,
)
from eip_llm_interface.guard.vocabulary import Vocabulary
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.knowledge.rules import check_robot_kind
from eip_llm_interface.planner.plan import Plan

__all__ = ['Guard']


class Guard:
    """Judges commands, batches and plans; whatever fails inside ends in a rejection.

    `model_judge` may be None: then the rules judge alone, which the verdict's empty `model` tells.
    With a `robot_kind`, hazards that bind only other kinds of robots are left out; an unknown kind
    raises KnowledgeError. A policy that names a category which the knowledge lacks raises
    PolicyError.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        policy: Policy,
        model_judge: ModelJudge | None = None,
        clock: Callable[[], float] = time.perf_counter,
        robot_kind: str = '',
    ) -> None:
        check_robot_kind(robot_kind, 'robot_kind')
        check_categories(policy, knowledge.categories)
        bound = tuple(hazard for hazard in knowledge.hazards if hazard.binds(robot_kind))
        self.knowledge = knowledge
        self.policy = policy
        self.model_judge = model_judge
        self.rules = RulesJudge(replace(knowledge, hazards=bound))
        self._clock = clock
        self._vocabulary = Vocabulary(knowledge)

    def judge(self, text: str, scene: SceneFacts | None = None, stage: str = 'command') -> Verdict:
        """Return the verdict on one text; never raises."""
        return self._judge_all([text], scene or SceneFacts(), stage)[0]

    def judge_batch(
        self, texts: Sequence[str], scenes: Sequence[SceneFacts | None] | None = None
    ) -> list[Verdict]:
        """Return one verdict per text, in order; texts of one scene share the model's batch.

        Raises ValueError when there are scenes and their number differs from that of the texts.
        """
        given = list(scenes) if scenes is not None else [None] * len(texts)
        if len(given) != len(texts):
            raise ValueError(f'{len(texts)} texts but {len(given)} scenes, give one scene per text')
        groups: list[tuple[SceneFacts, list[int]]] = []
        for index, item in enumerate(given):
            scene = item or SceneFacts()
            for known, indices in groups:
                if known == scene:
                    indices.append(index)
                    break
            else:
                groups.append((scene, [index]))
        verdicts = [Verdict()] * len(texts)
        for scene, indices in groups:
            judged = self._judge_all([texts[index] for index in indices], scene, 'command')
            for index, verdict in zip(indices, judged, strict=True):
                verdicts[index] = verdict
        return verdicts

    def judge_plan(self, command: str, plan: Plan, scene: SceneFacts | None = None) -> Plan:
        """Return `plan` with a verdict on each step and on the whole; state carries over steps.

        The whole is as strict as the command, its strictest step and the sequence together.
        """
        scene = scene or SceneFacts()
        if not plan.steps:
            empty = Verdict(reason='Rejected: the plan has no steps.', stage='plan')
            return replace(plan, verdict=empty)
        texts = [step.text or step.skill for step in plan.steps]
        opinions = self._opinions([command, *texts, ' '.join(texts)], scene)
        found = self._rules_on_sequence(texts, scene)
        steps = []
        for index, (step, violations) in enumerate(zip(plan.steps, found, strict=True)):
            verdict = self._joined(violations, opinions[index + 1], texts[index])
            steps.append(replace(step, verdict=replace(verdict, stage='step', step_index=index)))
        asked = self._rules(normalise(command, self._vocabulary), scene)
        on_command = self._joined(asked, opinions[0], command)
        on_whole = self._joined((), opinions[-1], command)
        total = strictest([on_command, on_whole, *(step.verdict for step in steps)])
        total = replace(total, stage='plan', step_index=-1)
        return replace(plan, steps=tuple(steps), verdict=total)

    def _judge_all(self, texts: Sequence[str], scene: SceneFacts, stage: str) -> list[Verdict]:
        start = self._clock()
        cleaned = [normalise(text, self._vocabulary) for text in texts]
        opinions = self._opinions([item.text for item in cleaned], scene)
        verdicts = [
            self._joined(self._rules(item, scene), opinion, item.text)
            for item, opinion in zip(cleaned, opinions, strict=True)
        ]
        latency_s = max(0.0, self._clock() - start) / max(1, len(texts))
        return [replace(verdict, stage=stage, latency_s=latency_s) for verdict in verdicts]

    def _joined(
        self, violations: Sequence[Violation], opinion: ModelOpinion | Violation | None, text: str
    ) -> Verdict:
        model = self.model_judge.name if self.model_judge is not None else ''
        evidence = text[:EVIDENCE_CHARACTERS]
        if not isinstance(opinion, Violation):
            return self.policy.join(violations, opinion, model=model, evidence=evidence)
        failed = Verdict(
            decision=Decision.REJECT,
            violations=(opinion,),
            reason=f'Rejected: {opinion.explanation}',
            model=model,
        )
        return failed.tightened(self.policy.join(violations, model=model, evidence=evidence))

    def _rules(self, cleaned: Normalised, scene: SceneFacts) -> tuple[Violation, ...]:
        odd = _oddities(cleaned)
        if any(self.policy.decide(violation) is Decision.REJECT for violation in odd):
            return odd
        try:
            found = self.rules.judge(cleaned.folded, scene)
        except Exception as error:
            return (*odd, _failure('rules', error))
        return (*odd, *self._understood(cleaned, found))

    def _rules_on_sequence(
        self, texts: Sequence[str], scene: SceneFacts
    ) -> list[tuple[Violation, ...]]:
        cleaned = [normalise(text, self._vocabulary) for text in texts]
        try:
            found = self.rules.judge_sequence([item.folded for item in cleaned], scene)
        except Exception as error:
            found = [(_failure('rules', error),)] * len(texts)
        return [
            (*_oddities(item), *self._understood(item, violations))
            for item, violations in zip(cleaned, found, strict=True)
        ]

    def _understood(
        self, cleaned: Normalised, found: tuple[Violation, ...]
    ) -> tuple[Violation, ...]:
        """Leave words that no rule knows to the model, if there is one and they are English."""
        known = tuple(item for item in found if item.rule != 'input.not_understood')
        if len(known) == len(found) or self.model_judge is None:
            return found
        return known if plain_english(cleaned.folded, self._vocabulary) else found

    def _opinions(
        self, texts: Sequence[str], scene: SceneFacts
    ) -> Sequence[ModelOpinion | Violation | None]:
        if self.model_judge is None:
            return [None] * len(texts)
        less = [without_soothing(text) for text in texts]
        bare = {i: less[i] for i, text in enumerate(texts) if less[i] != text}
        try:
            opinions = self._in_scene(self.model_judge, [*texts, *bare.values()], scene)
        except Exception as error:
            return [_failure('model', error)] * len(texts)
        for index, opinion in zip(bare, opinions[len(texts) :], strict=True):
            opinions[index] = max(opinions[index], opinion, key=lambda item: item.p_harm)
        return opinions[: len(texts)]

    def _in_scene(
        self, judge: ModelJudge, texts: Sequence[str], scene: SceneFacts
    ) -> list[ModelOpinion]:
        opinions = list(_asked(judge, texts, scene))
        if scene == SceneFacts():
            return opinions
        plain = _asked(judge, texts, SceneFacts())
        return [self.policy.in_scene(*both) for both in zip(opinions, plain, strict=True)]


def _asked(judge: ModelJudge, texts: Sequence[str], scene: SceneFacts) -> list[ModelOpinion]:
    opinions = judge.judge(texts, scene)
    if len(opinions) != len(texts):
        raise ValueError(f'{len(opinions)} opinions on {len(texts)} texts')
    for opinion in opinions:
        if not isinstance(opinion, ModelOpinion):
            raise TypeError(f'{opinion!r} is no ModelOpinion')
    return opinions


def _oddities(cleaned: Normalised) -> tuple[Violation, ...]:
    return tuple(
        input_violation(
            finding,
            cleaned.text,
            EXPLANATIONS.get(finding, f'The command is odd: {finding}.'),
        )
        for finding in cleaned.findings
    )


def _failure(channel: str, error: Exception) -> Violation:
    cause = f'{type(error).__name__}: {error}'.replace('\n', ' ')[:300]
    return Violation(
        rule=f'{channel}.failed',
        category='fault',
        severity=1.0,
        score=1.0,
        evidence=cause,
        explanation=f'The {channel} channel failed and so nothing is allowed ({cause}).',
        channel=channel,
    )
