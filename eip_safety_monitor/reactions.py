"""What a fault leads to."""

from __future__ import annotations

from enum import StrEnum

__all__ = ['Reaction']


class Reaction(StrEnum):
    """What a fault leads to, mildest first."""

    WARN = 'warn'
    PROTECTIVE = 'protective_stop'
    STOP = 'emergency_stop'
