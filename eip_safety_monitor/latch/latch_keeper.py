"""The latch with its audit log and its file: what changes a mode, always in the same order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.causes import Cause
from eip_safety_monitor.events import Event, Severity
from eip_safety_monitor.latch.state_store import Beginning, Latched, Moment, StateStore
from eip_safety_monitor.latch.stop_latch import Input, StopLatch
from eip_safety_monitor.permits import Mode

__all__ = ['LatchKeeper']


class LatchKeeper:
    """Moves the latch.

    Tightening acts once the audit line is written, and is saved by `settle` after the outside
    was told; whatever permits more must be logged and saved before it acts.
    """

    def __init__(
        self, journal: Journal, store: StateStore, begin: Beginning, now: Callable[[], Moment]
    ) -> None:
        self._journal = journal
        self._store = store
        self._latch = StopLatch(begin.mode)
        self._latched: dict[str, str] = dict(begin.causes)
        self._now = now
        self._last_reset = begin.saved.last_reset if begin.saved else None
        if begin.saved is None and begin.mode is Mode.STOPPED:
            # The file that would say when the last reset was is lost: as if it was just now.
            self._last_reset = now()
        self._is_saved = False
        severity = Severity.STOP if begin.mode is Mode.STOPPED else Severity.INFO
        self.record(severity, 'start', next(iter(begin.causes), 'start'), begin.message)

    @property
    def mode(self) -> Mode:
        """Return the mode now."""
        return self._latch.mode

    @property
    def is_armed(self) -> bool:
        """Tell whether motion is permitted, or would be but for a self-clearing cause."""
        return self._latch.is_armed

    @property
    def latched(self) -> Mapping[str, str]:
        """Return the message of every cause that latched the stop, by identifier."""
        return self._latched

    @property
    def last_reset(self) -> Moment | None:
        """Return when the latch was last reset, also by an earlier process; None if never."""
        return self._last_reset

    @property
    def problem(self) -> str:
        """Return why changes cannot be logged or saved, empty when they can."""
        return self._journal.problem

    def record(
        self,
        severity: Severity,
        kind: str,
        cause: str,
        message: str,
        after: Mode | None = None,
        operator_name: str = '',
        reason: str = '',
        **more: Any,
    ) -> bool:
        """Log one line, by default without a change of mode; return whether it is on disk."""
        after = self.mode if after is None else after
        return self._journal.record(
            severity, kind, cause, message, self.mode, after, operator_name, reason, **more
        )

    def stop(self, cause: Cause) -> None:
        """Latch a stop; a cause that is latched already is not logged again."""
        change = self._latch.peek(Input.STOP)
        assert change is not None, 'a stop is possible from every mode'
        is_new = cause.identifier not in self._latched or self.mode is not Mode.STOPPED
        # The audit line comes first; should writing hang, the permit expires and the gate stops.
        if is_new:
            self.record(Severity.STOP, 'stop', cause.identifier, cause.message, change.after)
        self._latch.apply(Input.STOP)
        self._latched[cause.identifier] = cause.message
        self._is_saved = self._is_saved and not is_new

    def protect(self, cause: Cause) -> None:
        """Hold an armed robot until the cause is gone."""
        change = self._latch.peek(Input.PROTECT)
        if change is not None:
            self.record(
                Severity.STOP, 'protective_stop', cause.identifier, cause.message, change.after
            )
            self._latch.apply(Input.PROTECT)

    def disarm(self) -> bool:
        """Withdraw the permission to move; return whether there was one, or could have been."""
        change = self._latch.peek(Input.DISARM)
        if change is None or change.before is change.after:
            return False
        message = 'an operator withdrew the permission to move'
        self.record(Severity.INFO, 'disarm', 'operator.disarm', message, change.after)
        self._latch.apply(Input.DISARM)
        self._is_saved = False
        return True

    def relax(
        self, what: Input, kind: str, message: str, operator_name: str = '', reason: str = ''
    ) -> bool:
        """Permit more; return False, with nothing changed, unless log and file both took it."""
        change = self._latch.peek(what)
        if change is None:
            return False
        if not self.record(Severity.INFO, kind, kind, message, change.after, operator_name, reason):
            return False
        saved = Latched(change.after, self._latched, self._last_reset)
        if what is Input.RESET:
            saved = Latched(change.after, {}, self._now())
        if not self._save(saved):
            return False
        self._latch.apply(what)
        self._latched, self._last_reset = dict(saved.causes), saved.last_reset
        return True

    def settle(self) -> None:
        """Save the latch if it changed; call after the state was published."""
        saved = Latched(self.mode, self._latched, self._last_reset)
        self._is_saved = self._is_saved or self._save(saved)

    def try_again(self) -> None:
        """Try whether the log can be written again."""
        self._journal.try_again(self.mode)

    def take_events(self) -> list[Event]:
        """Return the changes since the last call."""
        return self._journal.take()

    def close(self) -> None:
        """End in good order: an armed robot comes up disarmed."""
        after = Mode.STOPPED if self.mode is Mode.STOPPED else Mode.DISARMED
        self.record(Severity.INFO, 'shutdown', 'shutdown', 'the monitor ends', after)
        if self.mode is not Mode.STOPPED:
            self._latch.apply(Input.DISARM)
        self._is_saved = False
        self.settle()
        self._journal.close()

    def crash(self, cause: Cause) -> None:
        """End by `cause`, which holds the robot when the monitor comes up again."""
        # What crashes a second time before anybody has reset the first is told as well.
        self._latched.pop(cause.identifier, None)
        self.stop(cause)
        self.settle()
        self._journal.close()

    def _save(self, latched: Latched) -> bool:
        try:
            self._store.save(latched)
        except OSError as error:
            self._journal.problem = (
                f'the latch cannot be saved: {error}; free or remount the disk, or set another '
                'state_dir'
            )
            return False
        return True
