"""The policy file: defaults, and errors a person can act on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eip_safety_monitor.permits import StopCategory
from eip_safety_monitor.policy import (
    Policy,
    PolicyError,
    WatchedNode,
    default_policy_file,
    load_policy,
)
from eip_safety_monitor.zones.zones_policy import ZoneKind


def load(folder: Path, text: str) -> Policy:
    path = folder / 'policy.yaml'
    path.write_text(text)
    return load_policy(path)


def test_the_shipped_file_says_what_the_defaults_say() -> None:
    shipped = load_policy(default_policy_file())
    sections = ('robot', 'separation', 'prediction', 'people', 'obstacles', 'stop', 'operator')
    for name in (*sections, 'signals', 'audit'):
        assert getattr(shipped, name) == getattr(Policy(), name)
    assert shipped.nodes == Policy().nodes


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    policy = load(tmp_path, 'robot: {radius_m: 0.3}\nstop: {emergency: 1}\n')
    assert policy.robot.radius_m == 0.3
    assert policy.robot.max_linear_speed_mps == Policy().robot.max_linear_speed_mps
    assert policy.stop.emergency is StopCategory.CONTROLLED


def test_what_a_signal_or_a_known_node_leaves_out_keeps_its_own_default(tmp_path: Path) -> None:
    signals = 'signals: {odom: {timeout_s: 0.6}, scene: {timeout_s: 0.7}}\n'
    nodes = 'nodes: [{name: motion_gate}, {name: safety_llm, timeout_s: 2.0}, {name: arm}]\n'
    policy = load(tmp_path, signals + nodes)
    usual = Policy()
    assert policy.signals.odom == replace(usual.signals.odom, timeout_s=0.6)
    assert policy.signals.scene == replace(usual.signals.scene, timeout_s=0.7)
    assert policy.signals.scan == usual.signals.scan
    gate, llm = usual.nodes[:2]
    assert policy.nodes == (gate, replace(llm, timeout_s=2.0), WatchedNode('arm'))


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('robot:\n  radius_m: fast\n', ':2: robot.radius_m is .fast., give a number'),
        ('robot:\n  radius_m: -1\n', ":2: robot.radius_m is '-1', give a number from 0.0 to 5.0 m"),
        ('robot:\n  radius_m: .nan\n', ':2: robot.radius_m'),
        ('robot:\n  radius_m: true\n', ':2: robot.radius_m'),
        ('robot:\n  wheels: 3\n', ':2: robot.wheels is unknown, use one of: radius_m'),
        ('robot: [1]\n', ':1: robot is a list, give a mapping'),
        ('robot: {radius_m: 0.1, radius_m: 0.2}\n', 'given twice'),
        ('stop:\n  emergency: 2\n', ':2: stop is wrong: emergency is category 2, set 0 or 1'),
        ('stop:\n  emergency: 7\n', ':2: stop.emergency is .7., give one of: 0, 1'),
        ('nodes:\n  - {timeout_s: 1}\n', r':2: nodes\[0\].name is missing, add it'),
        ('nodes:\n  - {name: a, reaction: pray}\n', r'reaction is .pray., give one of: warn'),
        ('nodes:\n  - {name: a}\n  - {name: a}\n', 'nodes names a twice'),
        ('people: {source: rumour}\n', 'give one of: scene, lidar'),
        (
            'signals:\n  odom: {max_rate_hz: 600}\n',
            ':2: signals.odom is wrong: max_rate_hz is 600, set at most 400: no more than 500 ',
        ),
        ('obstacles: {creep_distance_m: 3.0}\n', 'creep_distance_m is 3.0, set less than'),
        ('robot: {\n', 'not YAML'),
        ('robot: !!python/object:os.system {}\n', ':1: robot'),
        ('audit: {keep_files: 1}\n', 'keep_files is .1., give a number from 2 to 10000'),
        ('audit: {keep_files: 2.5}\n', 'keep_files is .2.5., give'),
        ('audit: {max_file_mb: 0}\n', 'max_file_mb is .0., give a number from 0.1 to 64.0 MB'),
        ('', 'is empty'),
        ('- 1\n', 'give a mapping'),
    ],
)
def test_a_wrong_value_is_told_with_file_line_field_and_remedy(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(PolicyError, match=words) as caught:
        load(tmp_path, text)
    assert str(tmp_path / 'policy.yaml') in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match='no such file'):
        load_policy(tmp_path / 'nowhere.yaml')


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / 'policy.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(PolicyError):
        load_policy(tmp_path / 'policy.yaml')


EXAMPLES = sorted((default_policy_file().parent / 'examples').glob('safety_policy_*.yaml'))


def test_there_are_examples_for_an_arm_and_a_drone() -> None:
    names = {path.name for path in EXAMPLES}
    assert {'safety_policy_arm.yaml', 'safety_policy_drone.yaml'} <= names


@pytest.mark.parametrize('path', [default_policy_file(), *EXAMPLES], ids=lambda path: path.name)
def test_every_shipped_policy_loads_with_zones_and_rules(path: Path) -> None:
    policy = load_policy(path)
    assert policy.zones
    assert policy.rules.formulas
    named = {name for rule in policy.rules.formulas for name in policy.rules.make(rule).names}
    assert named == {signal.name for signal in policy.rules.signals}


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.name)
def test_the_examples_differ_from_the_base_where_their_robots_do(path: Path) -> None:
    policy = load_policy(path)
    assert policy.robot != Policy().robot
    assert policy.stop.emergency is StopCategory.CONTROLLED
    assert {zone.frame for zone in policy.zones} == {'map'}
    assert {zone.kind for zone in policy.zones} >= {ZoneKind.KEEP_OUT, ZoneKind.SPEED_LIMIT}
