"""How much of the audit log is kept."""

from __future__ import annotations

from dataclasses import dataclass

from eip_safety_monitor.limited import limited

__all__ = ['AuditPolicy']

BYTES_PER_MB = 1_000_000


@dataclass(frozen=True)
class AuditPolicy:
    """When a file of the log is followed by the next, and how many are kept."""

    max_file_mb: float = limited(8.0, 'a larger file is followed by the next', 'MB', 0.1, 64.0)
    keep_files: int = limited(20, 'older files are deleted', '1', 2, 10000)

    @property
    def max_file_bytes(self) -> int:
        """Return the size beyond which a new file begins."""
        return round(self.max_file_mb * BYTES_PER_MB)
