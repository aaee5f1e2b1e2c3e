"""Every change goes to disk first and to the outside second."""

from __future__ import annotations

from typing import Any

from eip_safety_monitor.audit.audit_log import AuditError, AuditLog
from eip_safety_monitor.events import Event, Severity
from eip_safety_monitor.permits import Mode

__all__ = ['Journal']


class Journal:
    """Writes events to the audit log and hands them out; `problem` says why it cannot."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._pending: list[Event] = []
        self.problem = ''

    def open(self) -> None:
        """Open the log; a log that cannot be opened is a `problem`, not an exception."""
        try:
            self._log.open()
        except AuditError as error:
            self.problem = str(error)

    def record(
        self,
        severity: Severity,
        kind: str,
        cause: str,
        message: str,
        before: Mode,
        after: Mode,
        operator_name: str = '',
        reason: str = '',
        **more: Any,
    ) -> bool:
        """Log one change and queue it for the outside; return whether it is on disk."""
        number, digest = 0, ''
        try:
            entry = self._log.append(
                kind,
                severity=severity.name,
                cause=cause,
                message=message,
                operator_name=operator_name,
                reason=reason,
                mode_before=before.name,
                mode_after=after.name,
                **more,
            )
            self._log.save_head()
            number, digest, self.problem = entry.sequence, entry.hash, ''
        except AuditError as error:
            self.problem = str(error)
        event = Event(
            number, severity, kind, cause, message, before, after, operator_name, reason, digest
        )
        self._pending.append(event)
        return not self.problem

    def try_again(self, mode: Mode) -> None:
        """Try whether the log can be written again; says so in the log itself if it can."""
        message = f'the audit log can be written again; it failed with: {self.problem}'
        queued = len(self._pending)
        if not self.record(Severity.WARNING, 'warning', 'audit.restored', message, mode, mode):
            del self._pending[queued:]

    def take(self) -> list[Event]:
        """Return the events not yet handed out, oldest first."""
        events, self._pending = self._pending, []
        return events

    def close(self) -> None:
        """Close the log."""
        self._log.close()
