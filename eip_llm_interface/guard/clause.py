"""The clause being read."""

from __future__ import annotations

from eip_llm_interface.guard.step import Mention, Step

__all__ = ['Clause']


class Clause:
    """The clause being read: its step, the role that nouns go to now, pending marks."""

    def __init__(self, mode: str, start: int) -> None:
        self.step = Step(mode=mode, start=start, end=start)
        self.slot = 'object'
        self.relation = ''
        self.states: set[str] = set()
        self.copula = False
        self.of = False
        self.determined = False
        self.last: Mention | None = None
        self.passive = False
        self.progressive = False
        self.before_verb: list[Mention] = []
        self.fact_order: float | None = None

    @property
    def empty(self) -> bool:
        """Return whether nothing was read yet."""
        step = self.step
        return step.verb is None and not step.roles and not self.states and not step.manners
