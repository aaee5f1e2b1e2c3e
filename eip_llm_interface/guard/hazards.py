"""The rules channel: find hazards in a sentence by what things are and what is done to them."""

from __future__ import annotations

from collections.abc import Sequence

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Violation
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['RulesJudge']


class RulesJudge:
    """Judges sentences by the knowledge's hazards."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    def judge(self, text: str, scene: SceneFacts | None = None) -> tuple[Violation, ...]:
        """Return the hazards found in one text, worst first."""
        return ()

    def judge_sequence(
        self, texts: Sequence[str], scene: SceneFacts | None = None
    ) -> list[tuple[Violation, ...]]:
        """Return the hazards each text adds when done in order; state carries over."""
        return [() for _ in texts]
