"""The stop inputs in a policy file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eip_safety_monitor.limited import limited

__all__ = ['Bias', 'GpioStop', 'JoystickStop', 'Level', 'SerialSignal', 'SerialStop']
__all__ += ['StopInputsPolicy', 'TopicStop']


class Level(StrEnum):
    """The level of a GPIO line."""

    LOW = 'low'
    HIGH = 'high'


class Bias(StrEnum):
    """Who pulls a GPIO line away from the released level when the wire breaks."""

    INTERNAL = 'internal'
    EXTERNAL = 'external'


class SerialSignal(StrEnum):
    """What of a serial line is read."""

    CTS = 'cts'
    DSR = 'dsr'
    BYTES = 'bytes'


def _timeout() -> float:
    value: float = limited(0.4, 'longest silence', 's', 0.02, 10.0)
    return value


def _grace() -> float:
    value: float = limited(30.0, 'longest wait for the first message', 's', 0.1, 600.0)
    return value


@dataclass(frozen=True)
class TopicStop:
    """A std_msgs/Bool on a topic of its own, true while pressed, published all the time."""

    name: str
    topic: str
    timeout_s: float = _timeout()
    grace_s: float = _grace()


@dataclass(frozen=True)
class GpioStop:
    """A normally closed contact on a GPIO line: pressed, or cut, it leaves the released level."""

    name: str
    line: int
    chip: str = '/dev/gpiochip0'
    released: Level = Level.LOW
    bias: Bias = Bias.INTERNAL

    def __post_init__(self) -> None:
        if not 0 <= self.line < 1024:
            raise ValueError(f'line is {self.line}, give the offset of a line from 0 to 1023')


@dataclass(frozen=True)
class SerialStop:
    """A serial line: a contact that loops RTS back to CTS or DSR, or bytes sent all the time."""

    name: str
    device: str
    signal: SerialSignal = SerialSignal.CTS
    baud: int = 9600
    released: str = '.'
    pressed: str = '!'
    timeout_s: float = _timeout()
    grace_s: float = _grace()

    def __post_init__(self) -> None:
        for field in ('released', 'pressed'):
            value = getattr(self, field)
            if len(value) != 1 or not value.isascii():
                raise ValueError(f'{field} is {value!r}, give one ASCII character')
        if self.released == self.pressed:
            raise ValueError(f'released and pressed are both {self.released!r}, give two')


@dataclass(frozen=True)
class JoystickStop:
    """A button of a sensor_msgs/Joy, published all the time (joy_node: autorepeat_rate)."""

    name: str
    button: int
    topic: str = 'joy'
    timeout_s: float = _timeout()
    grace_s: float = _grace()

    def __post_init__(self) -> None:
        if not 0 <= self.button < 256:
            raise ValueError(f'button is {self.button}, give its index from 0 to 255')


@dataclass(frozen=True)
class StopInputsPolicy:
    """Every stop input; pressed it stops the robot, lost or unreadable it stops an armed one.

    `default_topic`: whether safety/hardware_stop must be there, as `signals.hardware_stop` says.
    A true on it stops in any case.
    """

    default_topic: bool = True
    topics: tuple[TopicStop, ...] = ()
    gpio: tuple[GpioStop, ...] = ()
    serial: tuple[SerialStop, ...] = ()
    joysticks: tuple[JoystickStop, ...] = ()

    def __post_init__(self) -> None:
        names = [topic.name for topic in self.topics]
        names += [line.name for line in self.gpio]
        names += [port.name for port in self.serial]
        names += [joystick.name for joystick in self.joysticks]
        for name in names:
            if not name.isidentifier():
                raise ValueError(f'name {name!r} is no word, use letters, digits and _')
            if names.count(name) > 1:
                raise ValueError(f'name {name} is given twice, rename one')
        if not names and not self.default_topic:
            raise ValueError('default_topic is false and no input is given, a robot needs one')
