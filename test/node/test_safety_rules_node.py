"""Rules of a policy in a real monitor: signals from topics, reactions, and what is shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from eip.msg import SafetyState
from eip_ros import names
from eip_safety_monitor.policy import PolicyError, default_policy_file, load_policy
from eip_safety_monitor.rules.rule_inputs import FieldReader
from eip_safety_monitor.rules.rules_policy import RuleSignal
from eip_safety_monitor.trial.bench import Bench, open_bench

RULES = """
rules:
  period_s: 0.05
  signals:
    - {name: heat, topic: motor/heat, type: std_msgs/msg/Float64, field: data, unit: degC}
    - name: speed
      topic: odom
      type: nav_msgs/msg/Odometry
      field: twist.twist.linear.x
      unit: m/s
  formulas:
    - name: cool
      formula: 'heat <= 60'
      reaction: protective_stop
      message: the motor is too hot
    - name: warm
      formula: 'heat <= 50'
      reaction: limit_speed
      speed_limit_mps: 0.1
      on_stale: log
      message: the motor is warm
    - name: slow
      formula: 'speed <= 5'
      reaction: log
      message: the robot is fast
"""


@pytest.fixture(scope='module')
def opened(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        bench.monitor.stop()
        path = bench.folder / 'policy.yaml'
        path.write_text(path.read_text().split('\nzones:')[0] + RULES)
        bench.monitor.start()
        yield bench


class Motor:
    """Says how hot it is, 20 times a second, while it has a temperature."""

    def __init__(self, bench: Bench) -> None:
        self.heat: float | None = 40.0
        self._node = bench.robot
        self._publisher = self._node.create_publisher(Float64, 'motor/heat', 5)
        self._timer = self._node.create_timer(0.05, self._turn)
        self.seen: dict[str, str] = {}
        self._listener = self._node.create_subscription(
            DiagnosticArray, names.Topic.DIAGNOSTICS, self._on_diagnostics, 10
        )

    def _turn(self) -> None:
        if self.heat is not None:
            self._publisher.publish(Float64(data=self.heat))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in ('safety_monitor: rules', 'safety_monitor: causes'):
                self.seen |= {value.key: value.value for value in status.values}


@pytest.fixture(scope='module')
def motor(opened: Bench) -> Motor:
    return Motor(opened)


def test_a_rule_over_a_topic_slows_holds_and_lets_go(opened: Bench, motor: Motor) -> None:
    robot = opened.robot
    robot.make_move(30.0)
    motor.heat = 55.0
    assert robot.wait(lambda: 0.09 < robot.states[-1][1].max_linear_speed_mps < 0.11)
    assert 'rule.warm' in robot.states[-1][1].active_causes
    motor.heat = 70.0
    assert robot.wait(lambda: robot.mode() == SafetyState.PROTECTIVE)
    assert 'the motor is too hot' in robot.states[-1][1].cause
    motor.heat = 40.0
    assert robot.wait(robot.is_moving, 10.0)


def test_a_silent_signal_holds_the_robot(opened: Bench, motor: Motor) -> None:
    robot = opened.robot
    motor.heat = 40.0
    robot.make_move(30.0)
    motor.heat = None
    assert robot.wait(lambda: robot.mode() == SafetyState.PROTECTIVE)
    assert robot.wait(lambda: 'rule.cool.unknown' in robot.states[-1][1].active_causes)
    assert 'motor/heat' in robot.states[-1][1].cause
    motor.heat = 40.0
    assert robot.wait(robot.is_moving, 10.0)


def test_what_each_rule_saw_is_in_the_diagnostics(opened: Bench, motor: Motor) -> None:
    motor.heat = 70.0
    robot = opened.robot
    assert robot.wait(lambda: motor.seen.get('cool.state') == 'violated', 10.0), motor.seen
    assert float(motor.seen['cool.robustness']) == pytest.approx(-10.0)
    assert int(motor.seen['cool.violations']) >= 1
    assert motor.seen['cool.last_violation'].endswith('s ago')
    assert motor.seen['cool.trend'] in ('rising', 'steady', 'falling')
    assert robot.wait(lambda: int(motor.seen.get('rule.cool.times', 0)) >= 1, 10.0), motor.seen
    assert float(motor.seen['rule.cool.stood_s']) > 0.0
    assert motor.seen['rule.cool.last'].endswith('s ago')
    assert motor.seen['rule.cool.trend'] in ('rising', 'steady', 'falling')
    motor.heat = 40.0


def test_a_rule_reads_what_the_monitor_hears_itself_without_a_second_subscription(
    opened: Bench, motor: Motor
) -> None:
    robot = opened.robot
    robot.make_move(30.0)
    assert robot.wait(lambda: motor.seen.get('slow.state') == 'holds', 10.0), motor.seen
    assert robot.wait(lambda: 4.0 < float(motor.seen['slow.robustness']) < 4.99, 10.0), motor.seen
    readers = robot.get_subscriptions_info_by_topic(names.Topic.ODOM)
    assert [reader.node_name for reader in readers] == [names.Node.SAFETY_MONITOR]


@pytest.mark.parametrize(
    ('kind', 'field', 'words'),
    [
        ('nav_msgs/msg/Odometry', 'twist.twist.linear.x', ''),
        ('sensor_msgs/msg/JointState', 'velocity[2]', ''),
        ('sensor_msgs/msg/BatteryState', 'present', ''),
        ('nav_msgs/msg/Odometry', 'twist.covariance[35]', ''),
        ('nav_msgs/msg/Odometry', 'twist.covariance[36]', 'which has 36 elements'),
        ('nav_msgs/msg/Odometry', 'twist.linear.x', 'lacks; use one of: twist, covariance'),
        ('nav_msgs/msg/Odometry', 'twist.twist', 'go on to a number'),
        ('nav_msgs/msg/Odometry', 'twist[0]', 'is no array'),
        ('nav_msgs/msg/Odometry', 'child_frame_id', 'a text'),
        ('nav_msgs/msg/Odometry', 'twist.twist.linear.x.y', 'it is a number'),
        ('sensor_msgs/msg/JointState', 'velocity', 'give an element such as velocity[0]'),
        ('nowhere_msgs/msg/Odometry', 'twist', 'is not installed'),
        ('nav_msgs/msg/Nothing', 'twist', 'is not installed'),
    ],
)
def test_a_field_is_found_in_the_type_or_told(kind: str, field: str, words: str) -> None:
    signal = RuleSignal('v', 'odom', kind, field, 'm/s')
    if not words:
        assert FieldReader(signal)
        return
    with pytest.raises(ValueError) as caught:
        FieldReader(signal)
    assert words in str(caught.value)
    assert not isinstance(caught.value, PolicyError)


def test_an_array_that_is_too_short_gives_no_value() -> None:
    reader = FieldReader(RuleSignal('v', 'j', 'sensor_msgs/msg/JointState', 'velocity[1]', 'm/s'))
    assert reader.read(JointState(velocity=[0.1])) is None
    assert reader.read(JointState(velocity=[0.1, 0.2])) == 0.2


def test_a_field_that_is_not_there_ends_the_node_with_file_and_line(
    ros_domain: int, tmp_path: Path
) -> None:
    path = tmp_path / 'policy.yaml'
    path.write_text(RULES.replace('field: data', 'field: heat'))
    parameters = [f'state_dir:={tmp_path}', f'policy_file:={path}']
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'eip_safety_monitor.safety_monitor_node', '--ros-args'),
            *(part for text in parameters for part in ('-p', text)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert f'{path}:5: rules.signals.heat: field has heat' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    'path',
    [default_policy_file(), *default_policy_file().parent.glob('examples/safety_policy_*.yaml')],
    ids=lambda path: path.name,
)
def test_the_signals_of_every_shipped_policy_are_fields_of_their_types(path: Path) -> None:
    for signal in load_policy(path).rules.signals:
        assert FieldReader(signal), signal.name
