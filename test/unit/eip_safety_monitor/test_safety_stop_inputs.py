"""Hardware stop inputs, each against a simulated counterpart."""

from __future__ import annotations

import os
import pty
import re
import sys
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Policy, PolicyError, default_policy_file, load_policy
from eip_safety_monitor.stop_inputs.config import (
    Bias,
    GpioStop,
    JoystickStop,
    Level,
    SerialSignal,
    SerialStop,
    StopInputsPolicy,
    TopicStop,
)
from eip_safety_monitor.stop_inputs.gpio import GpiodLine, GpioInput, load_gpiod
from eip_safety_monitor.stop_inputs.heard import JoystickInput, TopicInput
from eip_safety_monitor.stop_inputs.panel import StopPanel, make_hardware
from eip_safety_monitor.stop_inputs.protocol import StopInput, StopReading, StopState
from eip_safety_monitor.stop_inputs.serial_line import SerialInput
from eip_safety_monitor.stop_inputs.serial_port import SerialPort
from eip_safety_monitor.trial.play import Play

RELEASED, PRESSED, LOST = StopState.RELEASED, StopState.PRESSED, StopState.LOST
WAITING, UNREADABLE = StopState.WAITING, StopState.UNREADABLE


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


# A button on a topic, and a joystick.


def test_a_topic_waits_then_is_released_then_lost_when_it_falls_silent(clock: ManualClock) -> None:
    button = TopicInput(TopicStop('button', 'b', timeout_s=0.4, grace_s=5.0), clock)
    assert button.read().state is WAITING
    button.hear(False)
    assert button.read().state is RELEASED
    clock.advance(0.5)
    assert button.read().state is LOST
    assert 'silent for 0.5 s' in button.read().message


def test_a_topic_that_never_comes_is_lost_after_its_grace(clock: ManualClock) -> None:
    button = TopicInput(TopicStop('button', 'b', grace_s=5.0), clock)
    clock.advance(5.1)
    assert button.read().state is LOST


def test_a_press_between_two_readings_is_not_missed(clock: ManualClock) -> None:
    button = TopicInput(TopicStop('button', 'b'), clock)
    button.hear(True)
    button.hear(False)
    assert button.read().state is PRESSED
    assert button.read().state is RELEASED


def test_a_topic_or_joystick_that_floods_a_bounded_inbox_is_unreadable(clock: ManualClock) -> None:
    button = TopicInput(TopicStop('button', 'b'), clock)
    joystick = JoystickInput(JoystickStop('pad', button=0), clock)
    for _ in range(100):
        clock.advance(0.01)
        for _ in range(5):
            button.hear(False)
            joystick.hear([0])
    for item in (button, joystick):
        reading = item.read()
        assert reading.state is UNREADABLE
        assert 'too often to be read' in reading.message


def test_a_joystick_button_stops_and_others_do_not(clock: ManualClock) -> None:
    joystick = JoystickInput(JoystickStop('pad', button=2), clock)
    joystick.hear([1, 1, 0])
    assert joystick.read().state is RELEASED
    joystick.hear([0, 0, 1])
    assert joystick.read().state is PRESSED
    joystick.hear([0, 0, 0])
    joystick.read()
    assert joystick.read().state is RELEASED
    clock.advance(1.0)
    assert joystick.read().state is LOST


def test_a_joystick_without_that_button_is_unreadable(clock: ManualClock) -> None:
    joystick = JoystickInput(JoystickStop('pad', button=9), clock)
    assert joystick.read().state is WAITING
    joystick.hear([0, 0])
    assert joystick.read().state is UNREADABLE
    assert 'has 2 buttons and no 9' in joystick.read().message


# A GPIO line: a chip that is no chip.


class FakeLine:
    """A line whose level a test sets; `problem` makes every reading fail."""

    def __init__(self) -> None:
        self.now = Level.LOW
        self.problem: OSError | None = None
        self.opened = 0
        self.closed = 0

    def open(self) -> FakeLine:
        if self.problem:
            raise self.problem
        self.opened += 1
        return self

    def level(self) -> Level:
        if self.problem:
            raise self.problem
        return self.now

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(('released', 'other'), [(Level.LOW, Level.HIGH), (Level.HIGH, Level.LOW)])
def test_a_gpio_line_off_its_released_level_is_pressed(
    clock: ManualClock, released: Level, other: Level
) -> None:
    line = FakeLine()
    button = GpioInput(GpioStop('red', 4, released=released), clock, line.open)
    line.now = released
    assert button.read().state is RELEASED
    line.now = other
    assert button.read().state is PRESSED


def test_a_gpio_line_that_fails_is_unreadable_and_opened_again_once_a_second(
    clock: ManualClock,
) -> None:
    line = FakeLine()
    button = GpioInput(GpioStop('red', 4), clock, line.open)
    assert button.read().state is RELEASED
    line.problem = OSError(19, 'No such device')
    reading = button.read()
    assert reading.state is UNREADABLE
    assert reading.message == 'the stop input red cannot be read: No such device; check its device'
    assert line.closed == 1
    line.problem = None
    assert button.read().state is UNREADABLE, 'opened again at once'
    clock.advance(1.0)
    assert button.read().state is RELEASED
    assert line.opened == 2
    button.close()
    assert line.closed == 2


class _Direction(Enum):
    INPUT = 1


class _Bias(Enum):
    PULL_UP = 1
    PULL_DOWN = 2
    DISABLED = 3


class _Value(Enum):
    INACTIVE = 0
    ACTIVE = 1


def fake_gpiod(asked: dict[str, Any]) -> Any:
    """Return what stands for the package gpiod 2, with one chip of four lines."""

    class RequestReleasedError(Exception):
        pass

    class Request:
        def get_value(self, line: int) -> _Value:
            if asked.get('released'):
                raise RequestReleasedError('released')
            return _Value(asked.get('value', 0))

        def release(self) -> None:
            asked['released'] = True

    def request_lines(path: str, consumer: str, config: dict[int, Any]) -> Request:
        if path != '/dev/gpiochip0':
            raise FileNotFoundError(2, 'No such file or directory')
        (line, settings), *_ = config.items()
        if line > 3:
            raise ValueError('line offset is out of range')
        asked.update(line=line, consumer=consumer, settings=settings)
        return Request()

    return types.SimpleNamespace(
        line=types.SimpleNamespace(Direction=_Direction, Bias=_Bias, Value=_Value),
        LineSettings=lambda **settings: settings,
        RequestReleasedError=RequestReleasedError,
        request_lines=request_lines,
    )


@pytest.mark.parametrize(
    ('released', 'bias', 'wanted'),
    [
        (Level.LOW, Bias.INTERNAL, _Bias.PULL_UP),
        (Level.HIGH, Bias.INTERNAL, _Bias.PULL_DOWN),
        (Level.LOW, Bias.EXTERNAL, _Bias.DISABLED),
    ],
)
def test_a_line_is_an_input_that_a_cut_wire_pulls_to_pressed(
    released: Level, bias: Bias, wanted: _Bias
) -> None:
    asked: dict[str, Any] = {}
    line = GpiodLine(fake_gpiod(asked), GpioStop('red', 3, released=released, bias=bias))
    assert asked['settings'] == {'direction': _Direction.INPUT, 'bias': wanted}
    assert line.level() is Level.LOW
    asked['value'] = 1
    assert line.level() is Level.HIGH
    line.close()
    with pytest.raises(OSError, match='released'):
        line.level()


@pytest.mark.parametrize(
    ('config', 'named'),
    [
        (GpioStop('red', 1, chip='/dev/gpiochip7'), 'No such file'),
        (GpioStop('red', 9), 'out of range'),
    ],
)
def test_a_chip_or_line_that_is_not_there_is_unreadable_not_an_exception(
    clock: ManualClock, config: GpioStop, named: str
) -> None:
    gpiod = fake_gpiod({})
    button = GpioInput(config, clock, lambda: GpiodLine(gpiod, config))
    assert button.read().state is UNREADABLE
    assert named in button.read().message


@pytest.mark.parametrize('module', [None, types.ModuleType('gpiod')])
def test_without_a_usable_gpiod_the_policy_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock, module: types.ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, 'gpiod', module)
    policy = StopInputsPolicy(gpio=(GpioStop('red', 1),))
    with pytest.raises(ValueError, match='pip install') as caught:
        make_hardware(policy, clock)
    assert '\n' not in str(caught.value)
    assert make_hardware(StopInputsPolicy(), clock) == []


def test_gpiod_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    gpiod = fake_gpiod({})
    monkeypatch.setitem(sys.modules, 'gpiod', gpiod)
    assert load_gpiod() is gpiod


# A serial line: the other end of a pseudo-terminal, and a port whose lines a test sets.


class Device:
    """A button that sends bytes over a pseudo-terminal."""

    def __init__(self) -> None:
        self._file, other = pty.openpty()
        self.path = os.ttyname(other)
        self._other: int | None = other

    def send(self, data: bytes) -> None:
        os.write(self._file, data)

    def unplug(self) -> None:
        if self._other is not None:
            os.close(self._other)
            os.close(self._file)
            self._other = None


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.unplug()


def serial(device: Device, clock: ManualClock) -> SerialInput:
    config = SerialStop('button', device.path, SerialSignal.BYTES, timeout_s=0.4, grace_s=5.0)
    return SerialInput(config, clock, lambda: SerialPort(config.device, config.baud))


def test_bytes_over_a_serial_line_say_released_pressed_and_lost(
    device: Device, clock: ManualClock
) -> None:
    button = serial(device, clock)
    assert button.read().state is WAITING
    device.send(b'....')
    assert button.read().state is RELEASED
    clock.advance(0.3)
    assert button.read().state is RELEASED
    device.send(b'!')
    assert button.read().state is PRESSED
    assert button.read().state is PRESSED, 'pressed until it says that it is released'
    device.send(b'.')
    assert button.read().state is RELEASED
    clock.advance(0.5)
    assert button.read().state is LOST
    button.close()


def test_a_press_among_released_bytes_is_not_missed(device: Device, clock: ManualClock) -> None:
    button = serial(device, clock)
    button.read()
    device.send(b'..!..')
    assert button.read().state is PRESSED
    assert button.read().state is RELEASED
    button.close()


def test_other_bytes_are_unreadable_and_feed_no_watchdog(
    device: Device, clock: ManualClock
) -> None:
    button = serial(device, clock)
    button.read()
    device.send(b'.')
    assert button.read().state is RELEASED
    for _ in range(5):
        clock.advance(0.1)
        device.send(b'\xff\r')
        assert button.read().state is UNREADABLE
    assert button.read().state is LOST
    button.close()


def test_bytes_from_before_it_was_opened_do_not_count(device: Device, clock: ManualClock) -> None:
    device.send(b'.....')
    button = serial(device, clock)
    assert button.read().state is WAITING
    button.close()


def test_an_unplugged_serial_line_is_unreadable(device: Device, clock: ManualClock) -> None:
    button = serial(device, clock)
    button.read()
    device.send(b'.')
    assert button.read().state is RELEASED
    device.unplug()
    assert button.read().state is UNREADABLE
    clock.advance(2.0)
    assert button.read().state is UNREADABLE
    button.close()


def test_what_is_no_serial_line_is_unreadable(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / 'file').write_text('.....')
    for path in (tmp_path / 'file', tmp_path / 'nothing'):
        config = SerialStop('button', str(path), SerialSignal.BYTES)
        port = make_hardware(StopInputsPolicy(serial=(config,)), clock)[0]
        reading = port.read()
        assert reading.state is UNREADABLE
        assert 'the stop input button cannot be read' in reading.message


def test_a_speed_that_does_not_exist_is_unreadable(device: Device, clock: ManualClock) -> None:
    config = SerialStop('button', device.path, SerialSignal.BYTES, baud=12345)
    button = SerialInput(config, clock, lambda: SerialPort(config.device, config.baud))
    assert 'no speed of a serial line' in button.read().message


class FakePort:
    """A serial port whose CTS and DSR a test sets."""

    def __init__(self) -> None:
        self.on: set[SerialSignal] = set()

    def read(self) -> bytes:
        return b''

    def is_on(self, signal: SerialSignal) -> bool:
        return signal in self.on

    def close(self) -> None:
        self.on.clear()


@pytest.mark.parametrize('signal', [SerialSignal.CTS, SerialSignal.DSR])
def test_a_looped_contact_is_pressed_when_open_or_cut(
    clock: ManualClock, signal: SerialSignal
) -> None:
    port = FakePort()
    button = SerialInput(SerialStop('loop', '/dev/none', signal), clock, lambda: port)
    assert button.read().state is PRESSED
    port.on = {signal}
    assert button.read().state is RELEASED
    port.on = {SerialSignal.CTS, SerialSignal.DSR} - {signal}
    assert button.read().state is PRESSED


def test_a_line_without_modem_signals_cannot_be_read_for_them(
    device: Device, clock: ManualClock
) -> None:
    config = SerialStop('loop', device.path, SerialSignal.CTS)
    button = SerialInput(config, clock, lambda: SerialPort(config.device, config.baud))
    assert button.read().state is UNREADABLE
    button.close()


# All of them together, and the monitor.


class Switch:
    """A stop input that says what a test tells it."""

    def __init__(self, name: str = 'red') -> None:
        self._name = name
        self.state = RELEASED
        self.is_closed = False

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> StopReading:
        return StopReading(self.state, f'{self._name} is {self.state}')

    def close(self) -> None:
        self.is_closed = True


def armed(switch: StopInput, policy: Policy | None = None) -> Play:
    play = Play(policy)
    play.supervisor._stop_panel = StopPanel([switch])
    run(play)
    assert play.arm().success
    return play


def run(play: Play) -> None:
    for _ in range(5):
        play.advance(0.04)
        play.sense()
        play.tick()


@pytest.mark.parametrize('state', [PRESSED, LOST, UNREADABLE, WAITING])
def test_an_input_that_is_not_released_latches_a_stop_of_an_armed_robot(state: StopState) -> None:
    switch = Switch()
    play = armed(switch)
    switch.state = state
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert any(name.startswith('stop_input.red') for name in play.supervisor.state().active_causes)
    assert not play.reset().success
    switch.state = RELEASED
    run(play)
    assert play.supervisor.mode is Mode.STOPPED
    assert play.reset().success
    assert play.arm().success


@pytest.mark.parametrize('state', [LOST, UNREADABLE, WAITING])
def test_a_disarmed_robot_is_not_armed_while_an_input_cannot_be_trusted(state: StopState) -> None:
    switch = Switch()
    play = Play()
    play.supervisor._stop_panel = StopPanel([switch])
    switch.state = state
    run(play)
    assert play.supervisor.mode.name == 'DISARMED'
    refused = play.arm()
    assert not refused.success
    assert f'red is {state}' in refused.message
    switch.state = PRESSED
    run(play)
    assert play.supervisor.mode is Mode.STOPPED


def test_one_of_several_is_enough_and_all_are_let_go() -> None:
    switches = [Switch('one'), Switch('two')]
    panel = StopPanel(switches)
    assert panel.causes() == []
    switches[1].state = PRESSED
    assert [cause.identifier for cause in panel.causes()] == ['stop_input.two']
    panel.close()
    assert all(switch.is_closed for switch in switches)


def test_two_publishers_on_the_topic_of_a_button_stop_an_armed_robot_and_refuse_arming() -> None:
    play = armed(Switch())
    panel = play.supervisor._stop_panel
    panel.hear_speakers({'lanyard': 1, 'joy': 0})
    play.tick()
    assert play.supervisor.mode is Mode.ARMED
    panel.hear_speakers({'lanyard': 2, 'joy': 0})
    play.tick()
    state = play.supervisor.state()
    assert state.mode is Mode.STOPPED
    assert 'stop_topic.lanyard' in state.active_causes
    assert '2 publishers speak on lanyard; give each button its own topic' in state.cause
    run(play)
    assert not play.reset().success
    panel.hear_speakers({'lanyard': 1, 'joy': 0})
    run(play)
    assert play.reset().success
    panel.hear_speakers({'lanyard': 2, 'joy': 0})
    run(play)
    assert play.supervisor.mode is Mode.DISARMED
    assert not play.arm().success


def test_without_the_default_topic_another_input_is_enough_and_a_press_on_it_still_stops() -> None:
    inputs = StopInputsPolicy(default_topic=False, topics=(TopicStop('red', 'red'),))
    play = armed(Switch(), Policy(stop_inputs=inputs))
    surroundings = play.supervisor.surroundings
    assert 'hardware_stop' not in surroundings.missing()
    surroundings.hear_hardware_stop(True)
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED


@pytest.mark.parametrize('default_topic', [True, False])
def test_a_press_of_the_default_topic_within_one_turn_stops(default_topic: bool) -> None:
    inputs = StopInputsPolicy(default_topic, topics=(TopicStop('red', 'red'),))
    play = armed(Switch(), Policy(stop_inputs=inputs))
    surroundings = play.supervisor.surroundings
    surroundings.hear_hardware_stop(True)
    surroundings.hear_hardware_stop(False)
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'hardware_stop' in play.supervisor.state().active_causes
    run(play)
    assert play.reset().success


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('gpio: [{name: red}]', 'line is missing'),
        ('gpio: [{name: red, line: -1}]', 'line is -1'),
        ('gpio: [{name: red, line: 1, released: up}]', "is 'up', give one of: low, high"),
        ('serial: [{name: red, device: /dev/ttyUSB0, signal: ring}]', 'one of: cts, dsr, bytes'),
        ("serial: [{name: r, device: d, pressed: '.'}]", "both '.'"),
        ("serial: [{name: r, device: d, pressed: 'é'}]", 'one ASCII character'),
        ('joysticks: [{name: pad, button: true}]', 'give a whole number'),
        ('topics: [{name: a, topic: x}, {name: a, topic: y}]', 'name a is given twice'),
        ('topics: [{name: a b, topic: x}]', 'no word'),
        ('default_topic: false', 'a robot needs one'),
        ('buttons: []', 'is unknown'),
    ],
)
def test_a_wrong_policy_names_line_field_and_remedy(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / 'policy.yaml'
    path.write_text(f'stop_inputs:\n  {text}\n')
    with pytest.raises(PolicyError, match='stop_inputs') as caught:
        load_policy(path)
    assert named in str(caught.value)
    assert f'{path}:2' in str(caught.value)


def test_the_examples_in_the_shipped_policy_work_once_uncommented(tmp_path: Path) -> None:
    lines = default_policy_file().read_text().splitlines()
    start = lines.index('stop_inputs:')
    section = lines[start : lines.index('', start)]
    path = tmp_path / 'policy.yaml'
    path.write_text('\n'.join(re.sub('^  # ', '  ', line) for line in section))
    inputs = load_policy(path).stop_inputs
    assert inputs.default_topic
    assert [len(kind) for kind in (inputs.topics, inputs.gpio, inputs.serial)] == [1, 1, 2]
    assert len(inputs.joysticks) == 1
