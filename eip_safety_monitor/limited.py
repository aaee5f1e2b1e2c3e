"""A number in a frozen dataclass, with description, unit and range."""

from __future__ import annotations

from dataclasses import field
from typing import Any

__all__ = ['limited']


def limited(default: float, description: str, unit: str, low: float, high: float) -> Any:
    """Return a dataclass field whose metadata policy files and ROS parameters both read."""
    metadata = {'description': description, 'unit': unit, 'range': (low, high)}
    return field(default=default, metadata=metadata)
