"""The node `motion_gate`, as a real process under a real monitor."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from geometry_msgs.msg import Twist

from eip.msg import SafetyState
from eip_ros import qos
from eip_ros.names import Topic
from eip_safety_monitor.trial.bench import Bench, open_bench


@pytest.fixture(scope='module')
def opened(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.make_ready()
    return opened


def test_it_gives_zeros_50_times_a_second_while_motion_is_not_permitted(bench: Bench) -> None:
    robot = bench.robot
    assert robot.wait(lambda: len(robot.given) > 100, 15.0)
    given = list(robot.given)[-100:]
    assert all(linear == angular == 0.0 for _, linear, angular in given)
    assert 99 / ((given[-1][0] - given[0][0]) / 1e9) >= 40.0


def test_the_wanted_velocity_passes_once_armed(bench: Bench) -> None:
    robot = bench.robot
    robot.wanted = (0.25, 0.5)
    robot.make_move(20.0)
    assert robot.wait(lambda: robot.given[-1][1:] == (0.25, 0.5))


def test_a_velocity_beyond_the_limits_is_scaled_down(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move(20.0)
    robot.wanted = (8.0, 1.0)
    assert robot.wait(lambda: robot.given[-1][1] == pytest.approx(0.8, abs=0.01))
    assert robot.given[-1][2] == pytest.approx(0.1, abs=0.01)


def test_not_a_number_is_zero_and_the_next_sound_velocity_passes(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move(20.0)
    robot.wanted = (0.3, math.nan)
    assert robot.wait(lambda: not robot.is_moving())
    assert all(map(math.isfinite, robot.given[-1][1:]))
    robot.wanted = (0.3, 0.0)
    assert robot.wait(robot.is_moving)
    assert 'not a number' in bench.gate.output()


def test_motion_ends_when_nobody_wants_it_any_more(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move(20.0)
    robot.silent.add('cmd_vel_in')
    began = time.monotonic()
    assert robot.wait(lambda: not robot.is_moving())
    assert time.monotonic() - began < 0.5


def test_a_parameter_out_of_range_is_one_line_and_exit_code_2(ros_domain: int) -> None:
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'eip_safety_monitor.motion_gate_node', '--ros-args'),
            *('-p', 'command_timeout_s:=-1.0'),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert 'command_timeout_s' in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_late_turn_is_logged_with_its_lateness(bench: Bench) -> None:
    bench.robot.make_move(20.0)
    bench.gate.send(signal.SIGSTOP)
    time.sleep(0.2)
    bench.gate.send(signal.SIGCONT)
    pattern = re.compile(r'this turn came (\d+) ms after the one before')
    assert bench.robot.wait(
        lambda: any(int(late) >= 150 for late in pattern.findall(bench.gate.output()))
    )


def test_another_publisher_of_velocities_is_a_stop_until_it_is_gone(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move(20.0)
    other = robot.create_publisher(Twist, Topic.CMD_VEL, qos.MOTION)
    assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED, 10.0)
    state = robot.states[-1][1]
    assert 'unhealthy.motion_gate' in state.active_causes
    assert 'cmd_vel has 2 publishers; remap the others to cmd_vel_in' in state.cause
    assert not robot.call('reset', operator_name='ada', reason='it is there yet')[0]
    robot.destroy_publisher(other)
    robot.make_move(20.0)
