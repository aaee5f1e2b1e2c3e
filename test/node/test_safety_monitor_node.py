"""The node `safety_monitor`, as a real process beside a real gate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip.msg import SafetyEvent, SafetyState
from eip_safety_monitor.audit.audit_check import verify_audit
from eip_safety_monitor.audit.audit_record import read_audit
from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.fake_robot import FakeRobot
from eip_safety_monitor.trial.processes import NodeProcess

NODES = ('safety_monitor_node', 'motion_gate_node')


@pytest.fixture(scope='module')
def opened(module_ros_domain: int) -> Iterator[Bench]:
    with open_bench(module_ros_domain) as bench:
        yield bench


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.make_ready()
    return opened


def folder(bench: Bench) -> Path:
    return bench.folder / 'state' / 'safety_monitor'


def test_it_comes_up_disarmed_and_speaks_25_times_a_second(opened: Bench) -> None:
    robot = opened.robot
    assert robot.wait(lambda: robot.mode() is not None, 15.0), 'no state came'
    assert robot.mode() == SafetyState.DISARMED, robot.states[-1][1].active_causes
    assert robot.wait(lambda: len(robot.states) > 60)
    states = [state for _, state in robot.states][10:]
    span_s = (states[-1].monotonic_ns - states[0].monotonic_ns) / 1e9
    assert (len(states) - 1) / span_s >= 20.0
    assert not any(state.motion_permitted for state in states)
    sequences = [state.sequence for state in states]
    assert sequences == sorted(set(sequences))
    assert all(0.0 < state.permit_lifetime_s <= 0.1001 for state in states)


def test_the_way_from_stop_to_motion_needs_name_reason_reset_and_arm(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move()
    assert robot.call('emergency_stop')[0]
    assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED)
    assert not robot.call('arm', operator_name='ada', reason='go')[0]
    assert not robot.call('reset', operator_name='', reason='looked')[0]
    assert not robot.call('reset', operator_name='ada', reason='')[0]
    assert robot.wait(lambda: robot.states[-1][1].resettable), 'never became resettable'
    assert robot.call('reset', operator_name='ada', reason='looked')[0]
    assert robot.wait(lambda: robot.mode() == SafetyState.DISARMED)
    assert not robot.is_moving()
    assert robot.call('arm', operator_name='ada', reason='clear')[0]
    assert robot.wait(robot.is_moving)
    # Events and velocities come on topics of their own; only within one is the order sure.
    wanted = ['refused', 'refused', 'refused', 'reset', 'arm']
    assert robot.wait(lambda: [event.kind for event in _asked(robot)][-5:] == wanted)
    assert [event.operator_name for event in _asked(robot)[-2:]] == ['ada', 'ada']


def _asked(robot: FakeRobot) -> list[SafetyEvent]:
    return [event for event in list(robot.events) if event.kind in ('refused', 'reset', 'arm')]


def test_every_event_has_its_line_in_an_audit_log_that_verifies(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move()
    robot.allow_everything()
    robot.call('emergency_stop')
    assert robot.wait(lambda: any(event.kind == 'stop' for event in robot.events))
    assert robot.wait(lambda: any(event.kind == 'verdict' for event in robot.events))
    lines = {record.hash: record for record in read_audit(folder(bench))}
    assert robot.events
    for event in robot.events:
        assert lines[event.hash].sequence == event.sequence
        assert lines[event.hash].body['kind'] == event.kind
    assert verify_audit(folder(bench)).ok


def test_a_latched_stop_survives_kill_and_restart(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move()
    robot.call('emergency_stop')
    bench.monitor.kill()
    robot.states.clear()
    bench.monitor.start()
    assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED, 10.0)
    assert 'operator.emergency_stop' in robot.states[-1][1].active_causes


def test_an_orderly_end_while_armed_forbids_motion_at_once_and_comes_up_disarmed(
    bench: Bench,
) -> None:
    robot = bench.robot
    robot.make_move()
    assert bench.monitor.stop() == 0
    assert robot.wait(lambda: not robot.states[-1][1].motion_permitted)
    latch = json.loads((folder(bench) / 'latch.json').read_text())
    assert latch['mode'] == 'DISARMED'
    bench.monitor.start()
    assert robot.wait(lambda: robot.mode() == SafetyState.DISARMED, 10.0)


CRASHING = """
from eip_safety_monitor import safety_monitor_node

def hear(*_):
    raise ValueError('no verdict is heard here')

safety_monitor_node.VerdictQueue.hear = hear
raise SystemExit(safety_monitor_node.main())
"""


def test_a_crash_while_armed_comes_up_stopped_by_its_exception(
    bench: Bench, tmp_path: Path
) -> None:
    robot, script = bench.robot, tmp_path / 'crashing.py'
    script.write_text(CRASHING)
    crashing = NodeProcess(
        str(script), tmp_path / 'crash.log', bench.monitor.parameters, bench.environment
    )
    bench.monitor.stop()
    crashing.start()
    try:
        robot.make_move(30.0)
        with robot.repeating(robot.allow_everything, 0.05):
            crashing.wait(10.0)
    finally:
        crashing.stop()
    assert crashing.returncode == 1
    assert 'ValueError: no verdict is heard here' in crashing.output()
    *_, last = read_audit(folder(bench))
    assert (last.body['kind'], last.body['cause']) == ('stop', 'monitor.crashed')
    assert robot.wait(lambda: any(event.cause == 'monitor.crashed' for event in robot.events))
    robot.states.clear()
    bench.monitor.start()
    assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED, 10.0)
    assert 'monitor.crashed' in robot.states[-1][1].active_causes
    assert 'ValueError: no verdict is heard here' in robot.states[-1][1].cause


def test_a_person_slows_the_robot_then_holds_it_then_lets_it_go(bench: Bench) -> None:
    robot = bench.robot
    robot.make_move()
    robot.wanted = (0.8, 0.0)
    robot.show_person(1.3)

    def is_slow() -> bool:
        state = robot.states[-1][1]
        return bool(0.0 < state.max_linear_speed_mps < 0.8)

    assert robot.wait(is_slow)
    robot.show_person(0.4)
    assert robot.wait(lambda: robot.mode() == SafetyState.PROTECTIVE)
    state = robot.states[-1][1]
    assert state.active_causes == ['person.too_near']
    assert state.stop_category == 2
    robot.show_person(None)
    assert robot.wait(robot.is_moving, 5.0)


def test_a_second_monitor_on_the_same_folder_refuses_to_start(bench: Bench) -> None:
    copy = subprocess.run(
        bench.monitor.command,
        env={**os.environ, **bench.environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert copy.returncode == 2
    assert copy.stderr.count('\n') == 1
    assert f'in use by process {bench.monitor.pid}' in copy.stderr


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        (['policy_file:=/nowhere.yaml'], '/nowhere.yaml: no such file'),
        (['policy_file:=7'], 'policy_file'),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_and_exit_code_2(
    ros_domain: int, tmp_path: Path, parameters: list[str], words: str
) -> None:
    arguments = [part for text in parameters for part in ('-p', text)]
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'eip_safety_monitor.safety_monitor_node', '--ros-args'),
            *('-p', f'state_dir:={tmp_path}', *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_folder_that_cannot_be_written_is_a_stop_with_a_clear_cause(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('')
    robot, before = bench.robot, bench.monitor.parameters['state_dir']
    bench.monitor.stop()
    bench.monitor.parameters['state_dir'] = tmp_path / 'file' / 'below'
    robot.states.clear()
    bench.monitor.start()
    try:
        assert robot.wait(lambda: robot.mode() == SafetyState.STOPPED, 15.0)
        assert robot.wait(lambda: 'audit.failed' in robot.states[-1][1].active_causes)
        assert 'state_dir' in robot.states[-1][1].cause
    finally:
        bench.monitor.stop()
        bench.monitor.parameters['state_dir'] = before


@pytest.mark.parametrize('module', NODES)
def test_neither_node_loads_torch_or_the_language_model(module: str) -> None:
    code = (
        f'import sys, eip_safety_monitor.{module}; '
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('torch', 'transformers', 'eip_llm_interface')])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == '[]', done.stderr


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_both_nodes_end_in_good_order_on_a_signal(bench: Bench, number: signal.Signals) -> None:
    for process in (bench.monitor, bench.gate):
        process.send(number)
    for process in (bench.monitor, bench.gate):
        process.wait(10.0)
        assert process.returncode == 0, process.output()
        assert 'Traceback' not in process.output()
