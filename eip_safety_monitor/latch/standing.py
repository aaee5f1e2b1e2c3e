"""The causes that stand now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.policy import Reaction

__all__ = ['StandingCauses']


class StandingCauses:
    """Remembers what stood at the last look, so that a change is told once."""

    def __init__(self) -> None:
        self._causes: dict[str, Cause] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the identifier of every cause that stands."""
        return iter(self._causes)

    def replace(self, causes: Iterable[Cause]) -> tuple[list[Cause], list[Cause]]:
        """Take what stands now; return (what is new or reacts otherwise now, what is gone)."""
        now = {cause.identifier: cause for cause in causes}
        before = {name: cause.reaction for name, cause in self._causes.items()}
        new = [cause for name, cause in now.items() if before.get(name) is not cause.reaction]
        gone = [cause for name, cause in self._causes.items() if name not in now]
        self._causes = now
        return new, gone

    def first(self, reaction: Reaction) -> Cause | None:
        """Return the first cause with this reaction, or None."""
        return next((item for item in self._causes.values() if item.reaction is reaction), None)

    def told(self, reaction: Reaction) -> str:
        """Return the messages of the causes with this reaction, empty when there is none."""
        return '; '.join(c.message for c in self._causes.values() if c.reaction is reaction)
