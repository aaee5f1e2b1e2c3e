"""A stop button on a GPIO line, through libgpiod 2 and its Python package `gpiod`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

from eip_safety_monitor.clock import Clock
from eip_safety_monitor.stop_inputs.config import Bias, GpioStop, Level
from eip_safety_monitor.stop_inputs.opened import OpenedDevice
from eip_safety_monitor.stop_inputs.protocol import StopReading, StopState

__all__ = ['GpioInput', 'GpioLine', 'GpiodLine', 'load_gpiod']

CONSUMER = 'eip safety_monitor'


class GpioLine(Protocol):
    """One line of a GPIO chip, requested as an input."""

    def level(self) -> Level:
        """Return its level; raises OSError."""
        ...

    def close(self) -> None:
        """Let the line go."""
        ...


def load_gpiod() -> Any:
    """Return the module `gpiod`; raises ValueError with the remedy when it cannot be used."""
    remedy = 'run `pip install "gpiod>=2"`, or remove stop_inputs.gpio from the policy'
    try:
        gpiod = importlib.import_module('gpiod')
    except ImportError as error:
        raise ValueError(
            f'stop_inputs.gpio needs the Python package gpiod: {error}; {remedy}'
        ) from None
    if not hasattr(gpiod, 'request_lines'):
        raise ValueError(f'stop_inputs.gpio needs gpiod 2, an older one is installed; {remedy}')
    return gpiod


class GpiodLine:
    """A line of a real chip; raises OSError when it cannot be had."""

    def __init__(self, gpiod: Any, config: GpioStop) -> None:
        line = gpiod.line
        away = line.Bias.PULL_UP if config.released is Level.LOW else line.Bias.PULL_DOWN
        settings = gpiod.LineSettings(
            direction=line.Direction.INPUT,
            bias=away if config.bias is Bias.INTERNAL else line.Bias.DISABLED,
        )
        self._offset = config.line
        self._active = line.Value.ACTIVE
        self._errors = (OSError, ValueError, gpiod.RequestReleasedError)
        try:
            self._request = gpiod.request_lines(
                config.chip, consumer=CONSUMER, config={config.line: settings}
            )
        except ValueError as error:
            raise OSError(f'{config.chip} line {config.line}: {error}') from None

    def level(self) -> Level:
        """Return its level; raises OSError."""
        try:
            value = self._request.get_value(self._offset)
        except self._errors as error:
            raise OSError(str(error)) from None
        return Level.HIGH if value == self._active else Level.LOW

    def close(self) -> None:
        """Let the line go."""
        self._request.release()


class GpioInput:
    """Pressed whenever the line is not at its released level, so that a cut wire stops too."""

    def __init__(self, config: GpioStop, clock: Clock, open_line: Callable[[], GpioLine]) -> None:
        self._config = config
        self._line = OpenedDevice(config.name, clock, open_line)

    @property
    def name(self) -> str:
        """Return the name given in the policy."""
        return self._config.name

    def read(self) -> StopReading:
        """Return what the line says."""
        return self._line.read(self._judge)

    def close(self) -> None:
        """Let the line go."""
        self._line.close()

    def _judge(self, line: GpioLine) -> StopReading:
        if line.level() is self._config.released:
            return StopReading(StopState.RELEASED)
        return StopReading(StopState.PRESSED, f'the stop input {self.name} is pressed or cut')
