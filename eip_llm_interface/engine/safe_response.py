"""What came of one command."""

from __future__ import annotations

from dataclasses import dataclass, field

from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.planner.plan import Plan

__all__ = ['SafeResponse']


@dataclass(frozen=True)
class SafeResponse:
    """Verdict, plan and words for one command, with what they cost; as eip/msg/GenerationResult.

    `verdict` is the strictest of command, steps and whole plan. The plan is empty unless the
    verdict allows it or asks for a confirmation. Times in seconds.
    """

    request_id: str
    command: str
    verdict: Verdict
    plan: Plan = field(default_factory=Plan)
    response: str = ''
    error: str = ''
    prompt_tokens: int = 0
    generated_tokens: int = 0
    time_to_first_token_s: float = 0.0
    processing_time_s: float = 0.0
    queue_time_s: float = 0.0
    guard_time_s: float = 0.0
    cached: bool = False
    batch_size: int = 1

    @property
    def decision(self) -> Decision:
        """Return allow, confirm or reject."""
        return self.verdict.decision

    @property
    def safety_score(self) -> float:
        """Return the probability that the command is harmless, 0 to 1."""
        return self.verdict.safety_score

    @property
    def success(self) -> bool:
        """Return whether a verdict and, if allowed, a plan were made."""
        return not self.error
