"""One row of the training text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Example']


@dataclass(frozen=True)
class Example:
    """What the model reads and what it should write.

    `prompt` ends with `<verdict>` or `<plan>`; `target` is a verdict token or a plan. `source`
    names the part of the corpus and `group` ties the members of a minimal pair together, so that
    both fall on the same side of the split.
    """

    prompt: str
    target: str
    source: str
    group: str = ''

    @property
    def is_plan(self) -> bool:
        """Return whether this is a plan, not a verdict."""
        return self.prompt.endswith('<plan>')

    @property
    def is_written(self) -> bool:
        """Return whether a person's sentence was written for this, not made from a pattern."""
        return self.source.startswith('freeform')
