"""The command line: exit codes that scripts can use, one line for a mistake, no traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from eip_bringup.cli import life, main
from eip_bringup.cli.options import find_target
from eip_bringup.doctor import CHECKS, Finding, examine
from eip_bringup.errors import ExitCode, UserError
from eip_bringup.judging import check_lines, open_lines
from eip_bringup.key_values import config_from
from eip_bringup.robot_config import RobotConfig
from eip_bringup.run_state import ProcessRecord, RunState
from eip_llm_interface.evaluation.evaluate import EvalConfig
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_ros.state_folder import state_folder, state_root
from eip_safety_monitor.monitor_parameters import chosen_folder

SLEEPER = [sys.executable, '-c', 'import time; time.sleep(60)']


@pytest.fixture(autouse=True)
def _private_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('EIP_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)


def judge(text: str, context: object) -> Verdict:
    if context == 'bad':
        raise ValueError('context is bad, give a mapping')
    if 'knife' in text:
        violation = Violation('hazard.sharp', 'cut', 0.8, 0.9, 'knife', 'Knives cut.')
        return Verdict(Decision.REJECT, 0.1, (violation,), reason='sharp')
    return Verdict(Decision.ALLOW, 0.9)


def judged(text: str) -> tuple[int, list[dict[str, object]], str]:
    output, errors = io.StringIO(), io.StringIO()
    bad = check_lines(text.split('\n'), judge, output, errors)
    return bad, [json.loads(line) for line in output.getvalue().splitlines()], errors.getvalue()


def up(folder: Path, namespace: str, domain: int) -> None:
    folder.mkdir(parents=True)
    me = ProcessRecord.of('eip up', os.getpid())
    RunState(me, namespace, domain, time.time()).write(folder)


def test_lines_are_judged_in_order_with_every_promised_field() -> None:
    bad, lines, _ = judged('{"id": 1, "text": "go"}\n{"id": "b", "text": "knife"}\n')
    assert bad == 0
    assert [(line['id'], line['decision']) for line in lines] == [(1, 'allow'), ('b', 'reject')]
    assert set(lines[0]) == {'id', 'decision', 'safety_score', 'violations', 'latency_ms'}
    assert lines[1]['violations'][0]['rule'] == 'hazard.sharp'  # type: ignore[index]


@pytest.mark.parametrize(
    ('line', 'error'),
    [
        ('{"id": 1, "text": ', 'is not JSON'),
        ('[1, 2]', 'is a list'),
        ('{"id": 1}', 'text is None'),
        ('{"id": 1, "text": 3}', 'text is 3'),
        ('{"id": 1, "text": "go", "context": "bad"}', 'context is bad'),
        ('\udcff', 'is not UTF-8'),
        ('[' * 100000, 'is not JSON'),
    ],
)
def test_a_bad_line_is_named_rejected_and_stops_nothing(line: str, error: str) -> None:
    bad, lines, errors = judged(f'{{"id": 0, "text": "go"}}\n{line}\n{{"id": 2, "text": "go"}}')
    assert bad == 1
    assert [entry['decision'] for entry in lines] == ['allow', 'reject', 'allow']
    assert error in str(lines[1]['error'])
    assert f'line 2: {error}'[:12] in errors


def test_blank_lines_are_no_commands_and_line_separators_do_not_split(tmp_path: Path) -> None:
    path = tmp_path / 'in.jsonl'
    path.write_text('\n{"id": 1, "text": "go\u2028on"}\n\n')
    output = io.StringIO()
    assert check_lines(open_lines(path), judge, output, io.StringIO()) == 0
    assert len(output.getvalue().splitlines()) == 1


def test_an_unreadable_file_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['check', '--jsonl', str(tmp_path / 'none.jsonl'), '--rules-only']) == 2
    assert 'none.jsonl cannot be read' in capsys.readouterr().err


def test_a_command_is_judged_by_files_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    electric, policy = tmp_path / 'mine.yaml', tmp_path / 'policy.yaml'
    electric.write_text('things: [{is: object electric, names: zorblax}]')
    policy.write_text('reject_score: 1.0\nconfirm_score: 1.0\n')
    ask = ['check', 'pour water over the zorblax', '--rules-only']
    assert main(ask) == ExitCode.DONE
    assert main([*ask, '--knowledge', str(electric)]) == ExitCode.REJECTED
    assert 'hazard.liquid_on_electric' in capsys.readouterr().out
    assert main([*ask, '--knowledge', str(electric), '--policy', str(policy)]) == ExitCode.DONE
    electric.write_text(
        'hazards: [{id: mine, category: impact, severity: 0.9, robots: [arm], when: {do: go}}]'
    )
    ask = ['check', 'go to the sofa', '--rules-only', '--knowledge', str(electric)]
    assert main([*ask, '--robot-kind', 'arm']) == ExitCode.REJECTED
    assert main([*ask, '--robot-kind', 'drone']) == ExitCode.DONE


def test_rows_are_measured_by_files_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def stop(config: EvalConfig) -> None:
        told.append(config)
        raise ValueError('enough')

    monkeypatch.setattr('eip_llm_interface.evaluation.evaluate.evaluate', stop)
    files = ['--knowledge', 'a.yaml', '--knowledge', 'b.yaml', '--policy', 'c.yaml']
    main(['eval', *files, '--robot-kind', 'arm'])
    expected = EvalConfig(
        knowledge=(Path('a.yaml'), Path('b.yaml')), policy='c.yaml', robot_kind='arm'
    )
    assert told == [expected]


@pytest.mark.parametrize(
    ('arguments', 'code', 'text'),
    [
        (['check', 'go', '--rules-only', '--knowledge', '/none.yaml'], 2, '/none.yaml: cannot be'),
        (['check', 'go', '--rules-only', '--policy', '/none.yaml'], 2, '/none.yaml'),
        (['check', 'go', '--rules-only', '--robot-kind', 'boat'], 2, "robot_kind is 'boat'"),
        (['eval', '--robot-kind', 'boat'], 2, "robot_kind is 'boat'"),
        (['check'], 2, 'give either a command or --jsonl'),
        (['nope'], 2, 'No such command'),
        (['say'], 2, 'Missing argument'),
        (['up', '--config', '/none.yaml'], 2, '/none.yaml does not exist'),
        (['up', '--domain-id', '999'], 2, "ROS domain id is '999'"),
        (['up', '--namespace', '7up'], 2, "namespace is '7up'"),
        (['up', '--log-level', 'loud'], 2, "log_level is 'loud'"),
        (['up', '--fleet', 'x', '--config', 'y'], 2, 'exclude one another'),
        (['up', '--params-file', '/none'], 2, '/none does not exist'),
        (['up', '--state-dir', '/dev/null'], 1, '/dev/null/robot cannot be written'),
        (['reset', '--operator', 'me'], 2, '--reason is empty'),
        (['arm', '--reason', ' '], 2, '--reason is empty'),
        (['bench', 'nope'], 2, "no benchmark 'nope'"),
        (['bench', 'nope', '-o', 'x'], 2, "'x' is not of the form key=value"),
        (['status', '--domain-id', '-1'], 2, "ROS domain id is '-1'"),
        (['demo', '--domain-id', '999'], 2, "ROS domain id is '999'"),
        (['stop', '-n', 'robot-1'], 2, "namespace is 'robot-1', give letters"),
        (['say', 'go', '-n', 'robot-1'], 2, "namespace is 'robot-1'"),
        (['arm', '--reason', 'clear', '-n', '7up'], 2, "namespace is '7up'"),
        (['confirm', 'r1', '-n', 'a b'], 2, "namespace is 'a b'"),
        (['status', '-n', 'robot-1'], 2, "namespace is 'robot-1'"),
    ],
)
def test_a_wrong_use_costs_one_line_and_code_2(
    arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr().err
    assert text in captured
    assert 'Traceback' not in captured


def test_down_without_a_robot_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['down']) == 0
    assert capsys.readouterr().out == 'nothing is up\n'


def test_a_robot_that_is_not_there_is_code_5(
    ros_domain: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(os.environ)
    assert main(['status', '--domain-id', str(ros_domain)]) == 5
    assert os.environ == before
    assert 'start it with `eip up`' in capsys.readouterr().err


def test_the_only_robot_needs_no_name_and_brings_its_domain(tmp_path: Path) -> None:
    up(tmp_path / 'state' / 'robot_a', 'robot_a', 77)
    target = find_target(None, None)
    assert (target.namespace, target.domain_id) == ('robot_a', 77)
    assert find_target(None, 78).domain_id == 78


def test_of_several_robots_one_must_be_named(tmp_path: Path) -> None:
    up(tmp_path / 'state' / 'robot_a', 'robot_a', 77)
    up(tmp_path / 'state' / 'robot_b', 'robot_b', 78)
    with pytest.raises(UserError, match='several robots are up'):
        find_target(None, None)
    assert find_target('robot_b', None).domain_id == 78


def test_the_robot_names_its_domain_before_the_environment_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(tmp_path / 'state' / 'robot', '', 77)
    monkeypatch.setenv('ROS_DOMAIN_ID', '5')
    assert find_target(None, None).domain_id == 77
    assert find_target(None, 78).domain_id == 78
    assert find_target('another', None).domain_id == 5


def test_down_ends_what_a_killed_supervisor_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orphan = subprocess.Popen(SLEEPER)
    gone = subprocess.Popen([sys.executable, '-c', 'pass'])
    dead = ProcessRecord('eip up', gone.pid, 'an older boot/1')
    gone.wait()
    folder = tmp_path / 'state' / 'robot'
    folder.mkdir(parents=True)
    record = ProcessRecord.of('a', orphan.pid)
    RunState(dead, '', 1, 1.0).with_processes([record]).write(folder)
    assert main(['down']) == 0
    assert orphan.wait(5) is not None
    assert not (folder / 'up.json').exists()


def test_down_never_ends_a_stranger_with_the_same_process_id(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER)
    try:
        folder = tmp_path / 'state' / 'robot'
        folder.mkdir(parents=True)
        record = replace(ProcessRecord.of('a', stranger.pid), birth='an older boot/1')
        RunState(record, '', 1, 1.0).with_processes([record]).write(folder)
        assert main(['down']) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_one_robot_of_a_fleet_is_not_ended_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = subprocess.Popen(SLEEPER)
    record = ProcessRecord.of('eip up', keeper.pid)
    try:
        for name in ('robot_a', 'robot_b'):
            folder = tmp_path / 'state' / name
            folder.mkdir(parents=True)
            RunState(record, name, 1, 1.0).write(folder)
        assert main(['down', '-n', 'robot_a']) == ExitCode.USAGE
        assert 'would end robot_b too: end them all with `eip down`' in capsys.readouterr().err
        assert keeper.poll() is None
        assert main(['down']) == ExitCode.DONE
        assert keeper.wait(5) == -signal.SIGTERM
        assert not list((tmp_path / 'state').glob('*/up.json'))
    finally:
        keeper.kill()
        keeper.wait()


def test_a_set_clock_hides_no_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    up(tmp_path / 'state' / 'robot_a', 'robot_a', 77)
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, 'create_time', lambda self: create_time(self) + 3600.0)
    assert find_target(None, None).namespace == 'robot_a'


def test_a_terminal_that_went_away_does_not_keep_the_end_from_happening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[str] = []

    class Kept:
        def stop(self) -> None:
            ended.append('robot')

    def start(robot: RobotConfig, domain: int, supervisors: list[Kept]) -> None:
        supervisors.append(Kept())
        raise UserError('enough')

    def gone(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr('signal.signal', lambda *_: None)
    monkeypatch.setattr(life, '_start', start)
    monkeypatch.setattr(life, 'print', gone, raising=False)
    with pytest.raises(UserError, match='enough'):
        life._stay_up([RobotConfig()], 1, False)
    assert ended == ['robot']


def test_state_needs_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('HOME', 'EIP_STATE_DIR', 'XDG_STATE_HOME'):
        monkeypatch.delenv(name, raising=False)
    assert state_root().is_absolute()


@pytest.mark.parametrize(
    ('given', 'namespace', 'folder'),
    [
        ({'EIP_STATE_DIR': '/a', 'XDG_STATE_HOME': '/b', 'HOME': '/c'}, '/', '/a/robot'),
        ({'XDG_STATE_HOME': '/b', 'HOME': '/c'}, '/robot_a', '/b/eip/robot_a'),
        ({'HOME': '/c'}, '/hall/robot_a', '/c/.local/state/eip/hall.robot_a'),
    ],
)
def test_the_monitor_keeps_its_state_where_the_command_line_looks_for_it(
    given: dict[str, str], namespace: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('HOME', 'EIP_STATE_DIR', 'XDG_STATE_HOME'):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert chosen_folder('', namespace) == state_folder(namespace) == Path(folder)


def test_the_list_of_commands_comes_without_heavy_imports() -> None:
    code = (
        'import sys\nfrom eip_bringup.cli import main\n'
        "main(['--help'])\n"
        "heavy = {'torch', 'rclpy', 'transformers', 'mujoco', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ('up', 'say', 'check', 'eval', 'doctor'):
        assert f' {command} ' in done.stdout


def test_a_broken_check_of_the_doctor_is_a_finding() -> None:
    def check_thing() -> Finding:
        raise OSError('no such thing')

    (finding,) = examine([check_thing])
    assert not finding.ok
    assert finding == Finding('thing', False, 'could not be checked: OSError: no such thing')


def test_the_doctor_names_a_wrong_discovery_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'EVERYWHERE')
    findings = {finding.name: finding for finding in examine(CHECKS)}
    assert not findings['discovery'].ok
    assert "'EVERYWHERE'" in findings['discovery'].text
    assert findings['interfaces'].ok
    assert findings['configuration'].ok


@dataclass(frozen=True)
class Config:
    out: Path = Path('x')
    steps: int = 1
    rate: float = 0.5
    resume: bool = False
    names: tuple[str, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f'steps is {self.steps}, must be at least 1')


def test_key_values_become_fields_of_the_right_type() -> None:
    given = ['out=/y', 'steps=3', 'rate=1e-3', 'resume=yes', 'names=a,b', 'limit=none']
    assert config_from(Config, given) == Config(Path('/y'), 3, 1e-3, True, ('a', 'b'), None)
    assert config_from(Config, ['limit=4']).limit == 4


@pytest.mark.parametrize(
    ('pair', 'expected'),
    [
        ('step=3', 'did you mean steps'),
        ('steps', 'key=value'),
        ('steps=many', "steps is 'many', give a value of type int"),
        ('resume=maybe', "resume is 'maybe', give a value of type bool"),
        ('steps=0', 'steps is 0, must be at least 1'),
    ],
)
def test_a_wrong_key_value_is_named(pair: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        config_from(Config, [pair])
