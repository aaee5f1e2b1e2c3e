"""A device that is opened, lost and opened again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.stop_inputs.protocol import StopReading, StopState

__all__ = ['Closable', 'OpenedDevice']

REOPEN_S = 1.0


class Closable(Protocol):
    """Whatever has to be let go."""

    def close(self) -> None:
        """Let it go."""
        ...


DeviceT = TypeVar('DeviceT', bound=Closable)


class OpenedDevice(Generic[DeviceT]):
    """Opens a device at the first reading, and once a second while it cannot be read.

    `opener` and what is done with the device may raise OSError, which is a reading, not an error.
    """

    def __init__(self, name: str, clock: Clock, opener: Callable[[], DeviceT]) -> None:
        self._name = name
        self._clock = clock
        self._open = opener
        self._device: DeviceT | None = None
        self._tried_ns: int | None = None
        self._problem = ''

    def read(self, read: Callable[[DeviceT], StopReading]) -> StopReading:
        """Return what `read` makes of the device, or why it cannot be read."""
        now_ns = self._clock.now_ns()
        is_due = self._tried_ns is None or seconds(now_ns - self._tried_ns) >= REOPEN_S
        if self._device is None and not is_due:
            return self._unreadable()
        try:
            if self._device is None:
                self._tried_ns = now_ns
                self._device = self._open()
            return read(self._device)
        except OSError as error:
            self._problem = error.strerror or str(error) or type(error).__name__
            self.close()
            return self._unreadable()

    def close(self) -> None:
        """Let the device go."""
        device, self._device = self._device, None
        if device is not None:
            try:
                device.close()
            except OSError:
                return

    def _unreadable(self) -> StopReading:
        message = f'the stop input {self._name} cannot be read: {self._problem}; check its device'
        return StopReading(StopState.UNREADABLE, message)
