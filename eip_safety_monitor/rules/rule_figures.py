"""What is shown of a rule."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['RuleFigures']


@dataclass(frozen=True)
class RuleFigures:
    """What is shown of one rule; times in s, `last_ns` monotonic, None when it never was."""

    name: str
    state: str
    robustness: float | None
    violations: int
    violated_s: float
    last_ns: int | None
    trend: str
