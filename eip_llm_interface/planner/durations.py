"""The words for units of time that commands use."""

from __future__ import annotations

__all__ = ['SECONDS']

SECONDS = {
    's': 1.0, 'sec': 1.0, 'secs': 1.0, 'second': 1.0, 'seconds': 1.0, 'min': 60.0, 'mins': 60.0,
    'minute': 60.0, 'minutes': 60.0, 'h': 3600.0, 'hour': 3600.0, 'hours': 3600.0,
}  # fmt: skip
"""How many seconds each is."""
