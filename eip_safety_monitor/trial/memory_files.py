"""Audit log and latch file in memory, which can be made to fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eip_safety_monitor.audit.audit_log import AuditError
from eip_safety_monitor.audit.audit_record import AuditRecord
from eip_safety_monitor.latch.state_store import Latched

__all__ = ['MemoryLog', 'MemoryStore']


class MemoryLog:
    """An audit log that keeps the last record in memory and can be made to fail."""

    def __init__(self) -> None:
        self.last: AuditRecord | None = None
        self.is_full = False
        self.is_unsaved = False
        self.count = 0

    def open(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def save_head(self) -> None:
        """Do nothing."""

    def append(self, kind: str, **fields: Any) -> AuditRecord:
        """Keep one record; raises AuditError when it is full."""
        self.is_unsaved = self.is_full
        if self.is_full:
            raise AuditError('the disk is full')
        self.count += 1
        self.last = AuditRecord(self.count, 'hash', 'previous', {'kind': kind, **fields})
        return self.last


class MemoryStore:
    """A latch file in memory that can be made to fail."""

    def __init__(self) -> None:
        self.saved: Latched | None = None
        self.is_full = False
        self.is_unsaved = False

    def save(self, latched: Latched) -> None:
        """Keep the latch; raises OSError when it is full."""
        self.is_unsaved = self.is_full
        if self.is_full:
            raise OSError(28, 'No space left on device')
        self.saved = replace(latched, causes=dict(latched.causes))

    def load(self) -> Latched | None:
        """Return what was kept."""
        return self.saved
