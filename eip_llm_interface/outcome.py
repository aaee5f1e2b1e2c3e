"""One request to the language model, and what became of it."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from eip_llm_interface.engine.wording import answer, fault
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.planner.plan import Plan

__all__ = ['NotServedError', 'Outcome', 'Request', 'refused', 'rejection']

MAX_KEPT = 4001
"""Characters kept of a command: one more than the guard takes, so that it sees "too long"."""


@dataclass(frozen=True)
class Request:
    """A person's sentence on its way through the node.

    `kind` is as in eip/msg/RequestRecord. `context` None means the node's newest scene. With
    `execute` an approved plan is published. `received_s` is monotonic. Whoever no longer waits for
    the answer sets `withdrawn`; nothing is carried out after that.
    """

    text: str
    kind: str = 'command'
    context: SceneFacts | None = None
    execute: bool = False
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    received_s: float = field(default_factory=time.monotonic)
    withdrawn: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'text', self.text[:MAX_KEPT])


@dataclass(frozen=True)
class Outcome:
    """The answer to one Request; the default is a failure that rejects.

    `approved` says that the plan may be carried out now, `waits` that a person must say yes first.
    Times in s, see eip/msg/RequestRecord.
    """

    request: Request
    verdict: Verdict = field(default_factory=Verdict)
    plan: Plan = field(default_factory=Plan)
    success: bool = False
    error: str = ''
    response: str = ''
    approved: bool = False
    waits: bool = False
    confirmed_by: str = ''
    prompt_tokens: int = 0
    generated_tokens: int = 0
    time_to_first_token_s: float = 0.0
    processing_time_s: float = 0.0
    queue_time_s: float = 0.0
    guard_time_s: float = 0.0
    batch_size: int = 1
    cached: bool = False

    @classmethod
    def of(cls, request: Request, response: Any) -> Outcome:
        """Return what the language model's SafeResponse is to `request`."""
        return cls(
            request=request,
            verdict=response.verdict,
            plan=response.plan,
            success=response.success,
            error=response.error,
            response=response.response,
            prompt_tokens=response.prompt_tokens,
            generated_tokens=response.generated_tokens,
            time_to_first_token_s=response.time_to_first_token_s,
            guard_time_s=response.guard_time_s,
            cached=response.cached,
            batch_size=response.batch_size,
        )

    def renewed(self, verdict: Verdict) -> Outcome:
        """Return a copy after a second look: plan, words and success go by the new `verdict`."""
        plan = replace(self.plan, verdict=verdict)
        why = fault(verdict)
        return replace(
            self,
            verdict=verdict,
            plan=plan,
            success=self.success and not why,
            error=self.error or why,
            response=answer(verdict, plan),
        )

    def timed(self, started_s: float) -> Outcome:
        """Return a copy whose queue time ended at `started_s` and whose processing ends now."""
        received_s = self.request.received_s
        return replace(
            self,
            queue_time_s=max(0.0, started_s - received_s),
            processing_time_s=max(0.0, time.monotonic() - received_s),
        )


class NotServedError(Exception):
    """A request is not served, by the house's own `rule`; the text says why."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


def rejection(rule: str, reason: str, evidence: str = '') -> Verdict:
    """Return a verdict that rejects because of the house's own `rule`, not of a hazard."""
    violation = Violation(
        rule=rule,
        category='fault',
        severity=1.0,
        score=1.0,
        evidence=evidence,
        explanation=reason,
        channel='policy',
    )
    return Verdict(Decision.REJECT, 0.0, (violation,), reason=reason)


def refused(request: Request, rule: str, reason: str) -> Outcome:
    """Return the Outcome of a request that could not be judged: success false, rejected."""
    outcome = Outcome(request, rejection(rule, reason), error=reason, response=reason)
    return outcome.timed(time.monotonic())
