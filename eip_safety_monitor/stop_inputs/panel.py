"""All stop inputs of a robot together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock
from eip_safety_monitor.reactions import Reaction
from eip_safety_monitor.stop_inputs.config import StopInputsPolicy
from eip_safety_monitor.stop_inputs.gpio import GpiodLine, GpioInput, load_gpiod
from eip_safety_monitor.stop_inputs.protocol import StopInput, StopReading, StopState
from eip_safety_monitor.stop_inputs.serial_line import SerialInput
from eip_safety_monitor.stop_inputs.serial_port import SerialPort

__all__ = ['StopPanel', 'make_hardware']


class StopPanel:
    """Reads every input; any that is not released is a cause for a latched stop.

    A pressed input latches in every mode. One that is lost, unreadable or not there yet refuses
    arming while the robot is disarmed, and latches once it is armed; so does a topic on which more
    than one publisher speaks.
    """

    def __init__(self, inputs: Sequence[StopInput] = ()) -> None:
        self._inputs = tuple(inputs)
        self._speakers: Mapping[str, int] = {}

    def hear_speakers(self, counts: Mapping[str, int]) -> None:
        """Take how many publishers speak on each topic of a button.

        The last word counts, so that of two one hides the other's press or end.
        """
        self._speakers = counts

    def causes(self) -> list[Cause]:
        """Return a cause for every input that is not released and every topic that is shared."""
        readings = [(item.name, item.read()) for item in self._inputs]
        causes = [
            _cause(name, reading)
            for name, reading in readings
            if reading.state is not StopState.RELEASED
        ]
        shared = [_shared(topic, count) for topic, count in self._speakers.items() if count > 1]
        return causes + shared

    def close(self) -> None:
        """Let all hardware go."""
        for item in self._inputs:
            item.close()


def make_hardware(policy: StopInputsPolicy, clock: Clock) -> list[StopInput]:
    """Return the inputs that hang on devices; raises ValueError when a package is missing."""
    inputs: list[StopInput] = []
    gpiod = load_gpiod() if policy.gpio else None
    for gpio in policy.gpio:
        inputs.append(GpioInput(gpio, clock, partial(GpiodLine, gpiod, gpio)))
    for line in policy.serial:
        inputs.append(SerialInput(line, clock, partial(SerialPort, line.device, line.baud)))
    return inputs


def _cause(name: str, reading: StopReading) -> Cause:
    if reading.state is StopState.PRESSED:
        return Cause(f'stop_input.{name}', Reaction.STOP, reading.message)
    identifier = f'stop_input.{name}.{reading.state}'
    return Cause(identifier, Reaction.STOP, reading.message, latches_disarmed=False)


def _shared(topic: str, count: int) -> Cause:
    message = f'{count} publishers speak on {topic}; give each button its own topic in stop_inputs'
    return Cause(f'stop_topic.{topic}', Reaction.STOP, message, latches_disarmed=False)
