"""Stop inputs of a real monitor: a joystick, a serial line (a pseudo-terminal) and a topic."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from eip.msg import SafetyState
from eip_ros import qos
from eip_safety_monitor.clock import MonotonicClock
from eip_safety_monitor.safety_monitor_node import TURN_PERIOD_S
from eip_safety_monitor.stop_inlets import StopInlets
from eip_safety_monitor.stop_inputs.config import StopInputsPolicy, TopicStop
from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.watch.watchdog import MOST_RATE_HZ

INPUTS = """
stop_inputs:
  topics: [{{name: lanyard, topic: lanyard, timeout_s: 2.0}}]
  serial: [{{name: box, device: {device}, signal: bytes, timeout_s: 2.0}}]
  joysticks: [{{name: pad, topic: joy, button: 1, timeout_s: 2.0}}]
"""


class Buttons:
    """The three buttons, each saying ten times a second how it is; `silent` names the others."""

    def __init__(self, bench: Bench, line: int) -> None:
        self._lanyard = bench.robot.create_publisher(Bool, 'lanyard', qos.SENSOR)
        self._joy = bench.robot.create_publisher(Joy, 'joy', qos.SENSOR)
        self._line = line
        self.pressed: set[str] = set()
        self.silent: set[str] = set()

    def say(self) -> None:
        if 'lanyard' not in self.silent:
            self._lanyard.publish(Bool(data='lanyard' in self.pressed))
        if 'pad' not in self.silent:
            self._joy.publish(Joy(buttons=[0, int('pad' in self.pressed)]))
        if 'box' not in self.silent:
            os.write(self._line, b'!' if 'box' in self.pressed else b'.')


@contextmanager
def repeating(buttons: Buttons) -> Iterator[None]:
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(0.1):
            buttons.say()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5.0)


def test_a_flood_of_a_topic_can_be_seen_with_turns_to_spare() -> None:
    most_taken_hz = qos.SENSOR.depth / TURN_PERIOD_S
    assert most_taken_hz >= 1.25 * MOST_RATE_HZ


def test_a_press_counts_however_many_releases_came_before_anybody_looked(
    ros_domain: int, wait_until: Callable[..., None]
) -> None:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = rclpy.create_node('buttons', context=context)
    topics = (TopicStop('lanyard', 'lanyard'), TopicStop('box', 'box'))
    inlets = StopInlets(node, StopInputsPolicy(topics=topics), MonotonicClock())
    try:
        lanyard, box = (node.create_publisher(Bool, t.topic, qos.STOP_INPUT) for t in topics)
        wait_until(lambda: lanyard.get_subscription_count() and box.get_subscription_count())
        for is_pressed in (True, *[False] * 40):
            lanyard.publish(Bool(data=is_pressed))
            box.publish(Bool(data=False))

        def pressed() -> list[str]:
            inlets.take(0)
            return [cause.identifier for cause in inlets.panel.causes()]

        wait_until(lambda: 'stop_input.lanyard' in pressed(), what='the press is heard')
        assert 'stop_input.box' not in pressed()
        node.create_publisher(Bool, 'box', qos.STOP_INPUT)
        wait_until(lambda: 'stop_topic.box' in pressed(), what='the second publisher is counted')
        assert 'stop_topic.lanyard' not in pressed()
    finally:
        inlets.close()
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_each_input_pressed_or_silent_stops_a_moving_robot(module_ros_domain: int) -> None:
    line, other = pty.openpty()
    with open_bench(module_ros_domain) as bench:
        robot = bench.robot
        policy = bench.folder / 'policy.yaml'
        inputs = INPUTS.format(device=os.ttyname(other))
        policy.write_text(policy.read_text().replace('\nstop_inputs:\n', inputs))
        bench.monitor.stop()
        bench.monitor.start()
        buttons = Buttons(bench, line)
        with repeating(buttons):
            for kind in ('pressed', 'silent'):
                for name in ('lanyard', 'pad', 'box'):
                    robot.make_move(30.0)
                    getattr(buttons, kind).add(name)
                    stopped = robot.wait(lambda: robot.mode() == SafetyState.STOPPED, 15.0)
                    assert stopped, f'{name} {kind} did not stop: {bench.monitor.output()}'
                    causes = robot.states[-1][1].active_causes
                    assert any(cause.startswith(f'stop_input.{name}') for cause in causes), causes
                    assert robot.wait(lambda: not robot.is_moving())
                    assert not robot.call('reset', operator_name='ada', reason='held')[0]
                    getattr(buttons, kind).clear()
    os.close(other)
    os.close(line)


@pytest.mark.skipif(
    subprocess.run([sys.executable, '-c', 'import gpiod'], capture_output=True).returncode == 0,
    reason='gpiod is installed',
)
def test_a_gpio_input_without_gpiod_is_one_line_and_exit_code_2(
    ros_domain: int, tmp_path: Path
) -> None:
    policy = tmp_path / 'policy.yaml'
    policy.write_text('stop_inputs:\n  gpio: [{name: red, line: 17}]\n')
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'eip_safety_monitor.safety_monitor_node', '--ros-args'),
            *('-p', f'state_dir:={tmp_path}', '-p', f'policy_file:={policy}'),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert 'pip install "gpiod>=2"' in done.stderr
    assert 'Traceback' not in done.stderr
