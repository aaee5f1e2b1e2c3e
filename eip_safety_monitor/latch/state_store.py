"""The latch on disk: what must still hold after the monitor's process has died."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eip_safety_monitor.audit.audit_check import LATCH
from eip_safety_monitor.audit.audit_record import AuditRecord
from eip_safety_monitor.files import overwrite, write_atomically
from eip_safety_monitor.permits import Mode

__all__ = ['Beginning', 'Latched', 'Moment', 'StateStore', 'beginning']

SIZE = 4096


@dataclass(frozen=True)
class Moment:
    """A time that another process can understand: CLOCK_MONOTONIC of one boot of the host."""

    boot_id: str
    monotonic_ns: int


@dataclass(frozen=True)
class Latched:
    """What is saved: mode, the message of every cause that latched, and when it was last reset."""

    mode: Mode
    causes: Mapping[str, str]
    last_reset: Moment | None = None


@dataclass(frozen=True)
class Beginning:
    """How the monitor comes up: mode, the causes that hold it, by identifier, and a sentence.

    `saved` is what the file said, None when it was not there or could not be read.
    """

    mode: Mode
    causes: Mapping[str, str]
    message: str
    saved: Latched | None = None


class StateStore:
    """Reads and writes the latch in a folder.

    `last_logged` returns the newest audit line; it is saved with the latch and bears witness that
    the log once reached so far.
    """

    def __init__(
        self, folder: Path, last_logged: Callable[[], AuditRecord | None] = lambda: None
    ) -> None:
        self._path = folder / LATCH
        self._last_logged = last_logged
        self._mark: Any = None

    def save(self, latched: Latched) -> None:
        """Put the latch on disk before returning; raises OSError.

        The file keeps its size, so that on a full disk it can still be overwritten in place.
        """
        record = self._last_logged()
        if record is not None:
            self._mark = {'sequence': record.sequence, 'hash': record.hash}
        causes, reset = latched.causes, latched.last_reset
        values = {
            'mode': latched.mode.name,
            'audit': self._mark,
            'last_reset': asdict(reset) if reset else None,
            'causes': dict(causes),
        }
        text = json.dumps(values, indent=1)
        if len(text) >= SIZE:
            names = dict.fromkeys([name[:80] for name in list(causes)[:20]], '')
            text = json.dumps({**values, 'causes': names}, indent=1)
        text = text[:SIZE].ljust(SIZE - 1) + '\n'
        try:
            write_atomically(self._path, text)
        except OSError:
            overwrite(self._path, text)

    def load(self) -> Latched | None:
        """Return what was saved, None when nothing was; raises ValueError when unreadable."""
        try:
            data = json.loads(self._path.read_text(encoding='utf-8'))
            causes = {str(key): str(value) for key, value in data['causes'].items()}
            self._mark = data.get('audit')
            return Latched(Mode[data['mode']], causes, _moment(data.get('last_reset')))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{self._path} cannot be read: {error}; check the folder that state_dir names'
            ) from None


def beginning(store: StateStore, last: AuditRecord | None, broken: str) -> Beginning:
    """Return how to come up after whatever the last process left behind; in doubt, stopped.

    The audit log is written ahead of the latch, so its last record counts beside the file.
    """
    try:
        saved = store.load()
    except ValueError as error:
        return _stopped('restart.corrupt', str(error))
    if broken:
        return _stopped('audit.broken', f'the audit log was not whole: {broken}', saved)
    logged = _logged_mode(last)
    if saved is None and last is None:
        return Beginning(Mode.DISARMED, {}, 'first start')
    if saved is None:
        return _stopped('restart.state_missing', f'{LATCH} is gone but the audit log is there')
    if saved.mode is Mode.STOPPED or logged is Mode.STOPPED:
        message = 'a stop was latched before the restart'
        held = saved.causes or {'restart.stopped': message}
        return Beginning(Mode.STOPPED, held, message, saved)
    if saved.mode is Mode.DISARMED and logged in (Mode.DISARMED, None):
        return Beginning(Mode.DISARMED, {}, 'start after an orderly end', saved)
    return _stopped('restart.unclean', 'the monitor ended while the robot was armed', saved)


def _moment(data: Any) -> Moment | None:
    if data is None:
        return None
    if type(data['monotonic_ns']) is not int:
        raise ValueError(f'last_reset is at {data["monotonic_ns"]!r} ns')
    return Moment(str(data['boot_id']), data['monotonic_ns'])


def _logged_mode(last: AuditRecord | None) -> Mode | None:
    if last is None:
        return None
    try:
        return Mode[str(last.body.get('mode_after', ''))]
    except KeyError:
        return Mode.STOPPED


def _stopped(identifier: str, message: str, saved: Latched | None = None) -> Beginning:
    return Beginning(Mode.STOPPED, {identifier: message}, message, saved)
