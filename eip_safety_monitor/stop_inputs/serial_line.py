"""A stop button on a serial line: a looped contact, or a device that sends bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eip_safety_monitor.clock import Clock
from eip_safety_monitor.stop_inputs.config import SerialSignal, SerialStop
from eip_safety_monitor.stop_inputs.opened import OpenedDevice
from eip_safety_monitor.stop_inputs.protocol import StopReading, StopState, silence_of
from eip_safety_monitor.watch.watchdog import Watchdog, WatchdogConfig

__all__ = ['Port', 'SerialInput']


class Port(Protocol):
    """An open serial port; everything may raise OSError."""

    def read(self) -> bytes:
        """Return what has come, without waiting."""
        ...

    def is_on(self, signal: SerialSignal) -> bool:
        """Tell whether CTS or DSR is on."""
        ...

    def close(self) -> None:
        """Close the port."""
        ...


class SerialInput:
    """Reads a contact looped from RTS, off when pressed or cut, or bytes that say how it is.

    Of the bytes one means released and one pressed; they must keep coming, and any other byte is
    unreadable.
    """

    def __init__(self, config: SerialStop, clock: Clock, open_port: Callable[[], Port]) -> None:
        self._config = config
        self._port = OpenedDevice(config.name, clock, open_port)
        self._watchdog = Watchdog(WatchdogConfig(config.timeout_s, config.grace_s), clock)
        self._last = b''

    @property
    def name(self) -> str:
        """Return the name given in the policy."""
        return self._config.name

    def read(self) -> StopReading:
        """Return what the line says."""
        is_level = self._config.signal is not SerialSignal.BYTES
        return self._port.read(self._judge_level if is_level else self._judge_bytes)

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def _judge_level(self, port: Port) -> StopReading:
        if port.is_on(self._config.signal):
            return StopReading(StopState.RELEASED)
        return StopReading(StopState.PRESSED, f'the stop input {self.name} is pressed or cut')

    def _judge_bytes(self, port: Port) -> StopReading:
        released, pressed = self._config.released.encode(), self._config.pressed.encode()
        found = port.read()
        strange = bytes(set(found) - set(released + pressed))
        if strange:
            message = f'the stop input {self.name} sent {strange[:8]!r}; check baud and cable'
            return StopReading(StopState.UNREADABLE, message)
        if found:
            self._watchdog.feed()
            self._last = found[-1:]
        if pressed in found or self._last == pressed:
            return StopReading(StopState.PRESSED, f'the stop input {self.name} is pressed')
        return silence_of(self._watchdog, self.name) or StopReading(StopState.RELEASED)
