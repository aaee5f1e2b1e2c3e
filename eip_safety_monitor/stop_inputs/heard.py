"""Stop inputs that come as messages: a button's topic, and a joystick's."""

from __future__ import annotations

from collections.abc import Sequence

from eip_safety_monitor.clock import Clock
from eip_safety_monitor.stop_inputs.config import JoystickStop, TopicStop
from eip_safety_monitor.stop_inputs.protocol import StopReading, StopState, silence_of
from eip_safety_monitor.watch.watchdog import Watchdog, WatchdogConfig

__all__ = ['JoystickInput', 'TopicInput']


class TopicInput:
    """A button that says on a topic whether it is pressed."""

    def __init__(self, config: TopicStop, clock: Clock) -> None:
        self._config = config
        self._watchdog = Watchdog(WatchdogConfig(config.timeout_s, config.grace_s), clock)
        self._is_pressed = self._was_pressed = False

    @property
    def name(self) -> str:
        """Return the name given in the policy."""
        return self._config.name

    def hear(self, is_pressed: bool, received_ns: int | None = None) -> None:
        """Take one message."""
        self._watchdog.feed(received_ns)
        self._is_pressed = is_pressed
        self._was_pressed |= is_pressed

    def read(self) -> StopReading:
        """Return what it says; a press counts however short it was."""
        is_pressed = self._is_pressed or self._was_pressed
        self._was_pressed = False
        if is_pressed:
            return StopReading(StopState.PRESSED, f'the stop input {self.name} is pressed')
        return silence_of(self._watchdog, self.name) or StopReading(StopState.RELEASED)

    def close(self) -> None:
        """Do nothing: the subscription belongs to the node."""


class JoystickInput:
    """One button of a joystick; a message without that button is unreadable."""

    def __init__(self, config: JoystickStop, clock: Clock) -> None:
        self._config = config
        topic = TopicStop(config.name, config.topic, config.timeout_s, config.grace_s)
        self._button = TopicInput(topic, clock)
        self._count: int | None = None

    @property
    def name(self) -> str:
        """Return the name given in the policy."""
        return self._config.name

    def hear(self, buttons: Sequence[int], received_ns: int | None = None) -> None:
        """Take one message's buttons, 0 where released."""
        self._count = len(buttons)
        index = self._config.button
        self._button.hear(index < len(buttons) and buttons[index] != 0, received_ns)

    def read(self) -> StopReading:
        """Return what the button says."""
        reading = self._button.read()
        if reading.state is not StopState.RELEASED or self._count is None:
            return reading
        if self._count <= self._config.button:
            message = f'the joystick of {self.name} has {self._count} buttons and no '
            return StopReading(StopState.UNREADABLE, f'{message}{self._config.button}')
        return reading

    def close(self) -> None:
        """Do nothing: the subscription belongs to the node."""
