"""Between the language model's dataclasses and the messages of package `eip`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import KeyValue

from eip.msg import (
    ActionPlan,
    GenerationResult,
    Person,
    PlanStep,
    RequestRecord,
    SafetyVerdict,
    SafetyViolation,
    SceneContext,
    SceneObject,
)
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.outcome import Outcome
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.plan import PlanStep as CorePlanStep

__all__ = [
    'context_from_message',
    'plan_from_message',
    'plan_to_message',
    'record_to_message',
    'result_to_message',
    'safe_text',
    'scene_from_message',
    'scene_to_message',
    'verdict_from_message',
    'verdict_to_message',
]

MAX_TEXT = 1000
"""Most characters of a person's text that a message repeats."""

MAX_TOLD = 4 * MAX_TEXT
"""Most characters of what a scene tells: more than judges read, so that they see "too long"."""

_UNSENDABLE = {0: '\ufffd'} | dict.fromkeys(range(0xD800, 0xE000), '\ufffd')


def safe_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` as a message can carry it: no NUL, no lone surrogate, at most `limit` long.

    A NUL would cut the text on the wire and a lone surrogate has no UTF-8; both become U+FFFD.
    """
    return text[:limit].translate(_UNSENDABLE)


def scene_from_message(message: Any) -> SceneFacts:
    """Return an eip/SceneContext as SceneFacts; a distance that is no distance becomes None."""
    facts = {_told(pair.key): _told(pair.value) for pair in message.facts}
    speed_mps = float(message.speed_mps)
    if not math.isfinite(speed_mps):
        facts.setdefault('speed', 'unknown')
        speed_mps = 0.0
    return SceneFacts(
        people=tuple(
            PersonFacts(_told(person.name), person.kind or 'unknown', _distance(person.distance_m))
            for person in message.people
        ),
        objects=tuple(
            SceneObjectFacts(safe_text(thing.name), safe_text(thing.kind), safe_text(thing.place))
            for thing in message.objects
        ),
        held_object=_told(message.held_object),
        zone=safe_text(message.zone),
        speed_mps=speed_mps,
        description=_told(message.description),
        facts=facts,
    )


def context_from_message(message: Any) -> SceneFacts | None:
    """Return a request's eip/SceneContext as SceneFacts; None when it says nothing."""
    scene = scene_from_message(message)
    return None if scene == SceneFacts() else scene


def scene_to_message(scene: SceneFacts) -> Any:
    """Return SceneFacts as an eip/SceneContext; positions, which facts lack, stay zero."""
    message = SceneContext(
        held_object=scene.held_object,
        zone=scene.zone,
        speed_mps=scene.speed_mps,
        description=_told(scene.description),
        facts=_key_values(scene.facts, MAX_TOLD),
    )
    for person in scene.people:
        distance_m = math.nan if person.distance_m is None else person.distance_m
        message.people.append(
            Person(name=person.name, kind=person.kind, distance_m=float(distance_m))
        )
    for thing in scene.objects:
        message.objects.append(SceneObject(name=thing.name, kind=thing.kind, place=thing.place))
    return message


def verdict_to_message(
    verdict: Verdict, request_id: str = '', text: str = '', stamp: Any = None
) -> Any:
    """Return a Verdict as an eip/SafetyVerdict; `stamp` is the ROS time of the decision."""
    message = SafetyVerdict(
        request_id=request_id,
        text=safe_text(text),
        stage=verdict.stage,
        step_index=verdict.step_index,
        decision=int(verdict.decision),
        safety_score=float(verdict.safety_score),
        violations=[_violation_to_message(violation) for violation in verdict.violations],
        reason=safe_text(verdict.reason),
        model=safe_text(verdict.model),
        latency_s=float(verdict.latency_s),
    )
    if stamp is not None:
        message.header.stamp = stamp
    return message


def verdict_from_message(message: Any) -> Verdict:
    """Return an eip/SafetyVerdict as a Verdict; an unknown decision or score rejects."""
    known = message.decision in tuple(Decision)
    return Verdict(
        decision=Decision(message.decision) if known else Decision.REJECT,
        safety_score=_ratio(message.safety_score, if_bad=0.0),
        violations=tuple(_violation_from_message(violation) for violation in message.violations),
        reason=message.reason,
        model=message.model,
        latency_s=float(message.latency_s),
        stage=message.stage or 'command',
        step_index=int(message.step_index),
    )


def plan_to_message(
    plan: Plan,
    request_id: str = '',
    command: str = '',
    approved: bool = False,
    confirmed_by: str = '',
    stamp: Any = None,
) -> Any:
    """Return a Plan as an eip/ActionPlan under the request's identifier."""
    message = ActionPlan(
        plan_id=f'{request_id}.plan' if plan.steps else '',
        request_id=request_id,
        command=safe_text(command),
        steps=[
            PlanStep(
                index=index,
                skill=step.skill,
                parameters=_key_values(step.parameters),
                text=safe_text(step.text),
                verdict=verdict_to_message(step.verdict, request_id, step.text, stamp),
            )
            for index, step in enumerate(plan.steps)
        ],
        verdict=verdict_to_message(plan.verdict, request_id, command, stamp),
        approved=approved and bool(plan.steps),
        confirmed_by=safe_text(confirmed_by),
        mitigations=[safe_text(mitigation) for mitigation in plan.mitigations],
    )
    if stamp is not None:
        message.header.stamp = stamp
    return message


def plan_from_message(message: Any) -> Plan:
    """Return an eip/ActionPlan as a Plan."""
    return Plan(
        steps=tuple(
            CorePlanStep(
                skill=step.skill,
                parameters={pair.key: pair.value for pair in step.parameters},
                text=step.text,
                verdict=verdict_from_message(step.verdict),
            )
            for step in message.steps
        ),
        verdict=verdict_from_message(message.verdict),
        mitigations=tuple(message.mitigations),
    )


def result_to_message(outcome: Outcome, stamp: Any = None) -> Any:
    """Return an Outcome as the eip/GenerationResult that answers its request."""
    request = outcome.request
    return GenerationResult(
        request_id=request.request_id,
        success=outcome.success,
        error=safe_text(outcome.error),
        verdict=verdict_to_message(outcome.verdict, request.request_id, request.text, stamp),
        plan=plan_to_message(
            outcome.plan,
            request.request_id,
            request.text,
            approved=outcome.approved,
            confirmed_by=outcome.confirmed_by,
            stamp=stamp,
        ),
        response=safe_text(outcome.response),
        prompt_tokens=outcome.prompt_tokens,
        generated_tokens=outcome.generated_tokens,
        time_to_first_token_s=float(outcome.time_to_first_token_s),
        processing_time_s=float(outcome.processing_time_s),
        cached=outcome.cached,
    )


def record_to_message(outcome: Outcome, stamp: Any = None) -> Any:
    """Return an Outcome as the eip/RequestRecord that statistics are made from."""
    message = RequestRecord(
        request_id=outcome.request.request_id,
        kind=outcome.request.kind,
        success=outcome.success,
        error=safe_text(outcome.error),
        decision=int(outcome.verdict.decision),
        safety_score=float(outcome.verdict.safety_score),
        categories=[safe_text(category) for category in outcome.verdict.categories],
        processing_time_s=float(outcome.processing_time_s),
        queue_time_s=float(outcome.queue_time_s),
        guard_time_s=float(outcome.guard_time_s),
        time_to_first_token_s=float(outcome.time_to_first_token_s),
        prompt_tokens=outcome.prompt_tokens,
        generated_tokens=outcome.generated_tokens,
        batch_size=max(1, outcome.batch_size),
        cached=outcome.cached,
    )
    if stamp is not None:
        message.header.stamp = stamp
    return message


def _told(text: str) -> str:
    return safe_text(text, MAX_TOLD)


def _key_values(values: Mapping[str, str], limit: int = MAX_TEXT) -> list[Any]:
    return [
        KeyValue(key=safe_text(str(key), limit), value=safe_text(str(value), limit))
        for key, value in values.items()
    ]


def _violation_to_message(violation: Violation) -> Any:
    return SafetyViolation(
        rule=safe_text(violation.rule),
        category=safe_text(violation.category),
        severity=float(violation.severity),
        score=float(violation.score),
        evidence=safe_text(violation.evidence),
        explanation=safe_text(violation.explanation),
        standard=safe_text(violation.standard),
        channel=violation.channel,
    )


def _violation_from_message(message: Any) -> Violation:
    return Violation(
        rule=message.rule,
        category=message.category,
        severity=_ratio(message.severity, if_bad=1.0),
        score=_ratio(message.score, if_bad=1.0),
        evidence=message.evidence,
        explanation=message.explanation,
        standard=message.standard,
        channel=message.channel,
    )


def _ratio(value: float, if_bad: float) -> float:
    return float(value) if 0.0 <= value <= 1.0 else if_bad


def _distance(value: float) -> float | None:
    return float(value) if math.isfinite(value) and value >= 0.0 else None
