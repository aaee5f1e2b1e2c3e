"""One table makes the robot, and a mistake in a file is named where it stands."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from eip_bringup.composition import TABLE, Purpose, compose, compose_fleet, compose_monitoring
from eip_bringup.environment import config_file
from eip_bringup.robot_config import (
    ConfigError,
    FleetConfig,
    RobotConfig,
    check_params_file,
    read_fleet,
    read_robot,
)

ROOT = Path(__file__).parents[3]
ROBOT = ['motion_gate', 'safety_monitor', 'safety_llm', 'memory_manager']


def written(tmp_path: Path, text: str, name: str = 'robot.yaml') -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_real_robot_has_no_simulated_parts() -> None:
    assert [p.name for p in compose(RobotConfig(simulation=False, monitoring=False))] == ROBOT


def test_a_simulated_robot_has_all_and_monitoring_alone_has_one() -> None:
    assert {p.name for p in compose(RobotConfig())} == {
        *ROBOT,
        'performance_monitor',
        'sim_robot',
        'sim_skills',
    }
    assert [p.name for p in compose_monitoring(RobotConfig())] == ['performance_monitor']


def test_only_the_gate_ends_last() -> None:
    assert [p.name for p in TABLE if p.ends_last] == ['motion_gate']


def test_every_process_is_a_console_script_of_the_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    scripts = setup['options.entry_points']['console_scripts'].strip().splitlines()
    listed = dict(line.replace(' ', '').split('=') for line in scripts)
    assert {p.name: f'{p.module}:main' for p in TABLE} == {
        name: target for name, target in listed.items() if name != 'eip'
    }


def test_diagnostics_are_relative_in_every_process() -> None:
    for process in compose(RobotConfig(namespace='robot_a')):
        assert ('/diagnostics', 'diagnostics') in process.remappings
        arguments = process.ros_arguments()
        assert '__ns:=/robot_a' in arguments
        assert '/diagnostics:=diagnostics' in arguments


def test_options_become_parameters_where_they_belong() -> None:
    config = RobotConfig(model='some/model', autostart=False, use_sim_time=True, simulation=False)
    by_name = {p.name: p for p in compose(config)}
    assert by_name['safety_llm'].parameters['model'] == 'some/model'
    assert by_name['safety_llm'].parameters['autostart'] is False
    assert 'model' not in by_name['safety_monitor'].parameters
    assert 'autostart' not in by_name['motion_gate'].parameters
    assert all(p.parameters['use_sim_time'] is True for p in by_name.values())


def test_texts_stay_texts_on_the_command_line() -> None:
    config = RobotConfig(parameters={'motion_gate': {'a': '1', 'b': 1.5, 'c': ('x', 'y')}})
    arguments = compose(config)[0].ros_arguments()
    assert 'a:="1"' in arguments
    assert 'b:=1.5' in arguments
    assert 'c:=["x", "y"]' in arguments


def test_a_parameter_file_comes_last_so_that_it_wins(tmp_path: Path) -> None:
    config = RobotConfig(params_file='/x.yaml', parameters={'motion_gate': {'a': 1}})
    arguments = compose(config)[0].ros_arguments()
    assert arguments[-2:] == ['--params-file', '/x.yaml']


def test_launch_starts_what_eip_up_starts() -> None:
    config = RobotConfig(namespace='robot_a', parameters={'motion_gate': {'a': (1, 2)}})
    for process in compose(config):
        launched = process.launch_arguments()
        assert launched['package'] == 'eip'
        assert launched['executable'] == launched['name'] == process.name
        assert launched['namespace'] == 'robot_a'
        assert launched['remappings'] == list(process.remappings)
        assert launched['additional_env'] == process.environment
    gate = compose(config)[0].launch_arguments()
    assert gate['parameters'] == [{'a': [1, 2]}]


def test_shipped_files_are_valid_and_change_nothing() -> None:
    assert read_robot(config_file('robot.yaml')) == RobotConfig(
        parameters=read_robot(config_file('robot.yaml')).parameters
    )
    fleet = read_fleet(config_file('fleet.yaml'))
    assert [robot.namespace for robot in fleet.robots] == ['robot_a', 'robot_b']


def test_command_line_comes_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'namespace: from_file\nmodel: m\n')
    assert read_robot(path, namespace='given', model=None).namespace == 'given'
    assert read_robot(path, namespace=None).model == 'm'


def test_parameters_may_be_nested_and_keep_their_types(tmp_path: Path) -> None:
    path = written(tmp_path, 'parameters:\n  safety_llm: {a: {b: 1, c: [x]}, d: true}\n')
    assert read_robot(path).parameters == {'safety_llm': {'a.b': 1, 'a.c': ('x',), 'd': True}}


def test_fleet_robots_start_from_what_they_have_in_common(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'robot:\n  simulation: false\n  parameters: {motion_gate: {a: 1, b: 1}}\n'
        'robots:\n  - namespace: r1\n    parameters: {motion_gate: {b: 2}}\n  - namespace: r2\n',
    )
    fleet = compose_fleet(read_fleet(path))
    assert [p.purpose for p in fleet['r1']].count(Purpose.SIMULATION) == 0
    assert fleet['r1'][0].parameters == {'a': 1, 'b': 2}
    assert fleet['r2'][0].parameters == {'a': 1, 'b': 1}


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('namespace: [\n', r'robot.yaml, line 2: .*mend the YAML'),
        ('a: 1\n\tb: 2\n', r'robot.yaml, line 2: .*mend the YAML'),
        ('model: x\nsimulatoin: true\n', r'line 2: simulatoin .*did you mean simulation\?'),
        ('model: x\nsimulation: 1\n', r'line 2: simulation is 1, give true or false'),
        ('model:\n  - x\n', r"line 1: model is \['x'\], give a text"),
        ('\n\nlog_level: loud\n', r"line 3: log_level is 'loud', give one of debug"),
        ('\nuse_sim_time: true\n', r'line 2: use_sim_time is true, but .* no /clock'),
        ('namespace: 7up\n', r"line 1: namespace is '7up', give letters"),
        ('respawn:\n  delay_s: -1\n', r'line 2: respawn.delay_s is -1, give 0 to 3600'),
        ('respawn:\n  backof: 1\n', r'line 2: respawn.backof .*did you mean backoff'),
        ('respawn: 3\n', r'line 1: respawn is 3, give names with values'),
        (
            'parameters:\n  motion_gate:\n    a: 2020-01-01\n',
            r'line 3: parameters.motion_gate.a is datetime.*give true or false',
        ),
        ('parameters: {motion_gate: {a: .nan}}\n', r'motion_gate.a is nan'),
        ('- a\n- b\n', r'give names with values'),
        ('\x00', r'robot.yaml'),
    ],
)
def test_a_mistake_is_named_with_file_line_value_and_remedy(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        read_robot(written(tmp_path, text))
    assert '\n' not in str(caught.value)


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'none\.yaml does not exist'):
        read_robot(tmp_path / 'none.yaml')
    (tmp_path / 'b.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ConfigError, match=r'b\.yaml cannot be read'):
        read_robot(tmp_path / 'b.yaml')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('robots: []\n', 'robots is empty'),
        ('robots:\n  - simulation: true\n', 'every robot of a fleet needs one'),
        ('robots:\n  - namespace: a\n  - namespace: a\n', "'a' occurs twice"),
        ('robots: 3\n', 'line 1: robots is 3, give a list'),
        ('robots:\n  - a\n', "line 2: robots.0 is 'a'"),
    ],
)
def test_a_mistake_in_a_fleet_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        read_fleet(written(tmp_path, text))


def test_a_fleet_is_never_one_robot_without_namespace() -> None:
    with pytest.raises(ValueError, match='needs one'):
        FleetConfig((RobotConfig(),))


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', 'is empty'),
        ('safety_llm:\n  model: x\n', 'line 1: safety_llm has no ros__parameters'),
        ('a:\n  ros__parameters: 3\n', 'line 2: a.ros__parameters is 3'),
    ],
)
def test_a_parameter_file_that_ros_would_choke_on_is_named(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        check_params_file(str(written(tmp_path, text)))


def test_a_parameter_file_in_ros_form_is_taken(tmp_path: Path) -> None:
    path = written(
        tmp_path, '/**:\n  ros__parameters: {a: 1}\nrobot_a:\n  gate:\n    ros__parameters: {}\n'
    )
    assert check_params_file(str(path)) == str(path)
