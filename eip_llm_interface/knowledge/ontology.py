"""What is known of objects, verbs, places and hazards: loaded from YAML and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ['Knowledge']


@dataclass(frozen=True)
class Knowledge:
    """All facts that the rules channel judges with."""

    @classmethod
    def load(cls, extra_paths: Sequence[str | Path] = ()) -> Knowledge:
        """Return the shipped knowledge with the user's files merged on top."""
        return cls()
