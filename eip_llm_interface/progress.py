"""How far an answer has come, for whoever hears it being made."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ['Progress']


class Progress:
    """Joins stage, text and a count of tokens: at least one for each piece of text."""

    def __init__(self, tell: Callable[[str, str, int], None]) -> None:
        self._tell = tell
        self._stage = 'judging'
        self._tokens = 0

    def enter(self, stage: str) -> None:
        """Tell that a stage began."""
        self._stage = stage
        self._tell(stage, '', self._tokens)

    def text(self, text: str) -> None:
        """Tell a piece of the plan's text."""
        self._tokens += 1
        # A remembered plan comes without stages; text is always part of a plan.
        self._stage = 'planning'
        self._tell(self._stage, text, self._tokens)
