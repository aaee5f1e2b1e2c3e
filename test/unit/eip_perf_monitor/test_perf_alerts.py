"""Alerts fire when they must, end when they must, and a bad file is named by field and value."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from eip_perf_monitor.alert_rules import AlertFileError, AlertRule, find_alerts_file, load_rules
from eip_perf_monitor.alerts import AlertEngine, Severity
from eip_perf_monitor.metrics import METRICS

GOOD = {
    'name': 'slow',
    'metric': 'latency_p99_s',
    'comparison': '>',
    'threshold': 2.0,
    'hysteresis': 0.5,
    'for_s': 3.0,
    'severity': 'warning',
    'message': 'It is slow.',
    'remedy': 'Make it quick.',
}


class Bench:
    """An engine with one rule and a clock to turn."""

    def __init__(self, **changes: object) -> None:
        self.now_s = 0.0
        self.engine = AlertEngine([AlertRule(**{**GOOD, **changes})], lambda: self.now_s)  # type: ignore[arg-type]

    def see(self, value: float | None, after_s: float = 0.0) -> list[bool]:
        self.now_s += after_s
        return [a.firing for a in self.engine.evaluate({'latency_p99_s': value})]


def test_a_rule_fires_only_after_its_time_without_a_break() -> None:
    bench = Bench()
    assert bench.see(5.0) == []
    assert bench.see(5.0, 2.9) == []
    assert bench.see(1.0, 0.05) == []
    assert bench.see(5.0, 0.05) == []
    assert bench.see(5.0, 2.9) == []
    assert bench.see(5.0, 0.2) == [True]
    assert bench.see(5.0, 10) == []
    assert [a.rule.name for a in bench.engine.active] == ['slow']


def test_a_rule_ends_only_beyond_its_hysteresis() -> None:
    bench = Bench(for_s=0.0)
    assert bench.see(2.1) == [True]
    assert bench.see(1.9, 1) == []
    assert bench.see(1.51, 1) == []
    assert bench.see(1.49, 1) == [False]
    assert bench.engine.active == ()


def test_a_value_that_swings_around_the_threshold_does_not_flap() -> None:
    bench = Bench(for_s=0.0)
    changes = [bench.see(2.0 + 0.4 * (-1) ** i, 0.1) for i in range(50)]
    assert sum(len(change) for change in changes) == 1


@pytest.mark.parametrize('gone', [None, math.nan, math.inf])
def test_a_missing_metric_never_fires_and_ends_what_fires(gone: float | None) -> None:
    bench = Bench(for_s=1.0)
    assert bench.see(gone) == []
    assert bench.see(gone, 5) == []
    bench.see(9.0)
    assert bench.see(9.0, 1) == [True]
    assert bench.see(gone, 1) == []
    assert bench.see(gone, 1) == [False]


@pytest.mark.parametrize(
    ('comparison', 'beyond', 'back'),
    [('>', 2.1, 2.0), ('>=', 2.0, 1.9), ('<', 1.9, 2.0), ('<=', 2.0, 2.1)],
)
def test_each_comparison_knows_its_edge(comparison: str, beyond: float, back: float) -> None:
    bench = Bench(comparison=comparison, for_s=0.0, hysteresis=0.0)
    assert bench.see(back) == []
    assert bench.see(beyond) == [True]
    assert bench.see(back) == [False]


def test_the_worst_alert_comes_first() -> None:
    rules = [
        AlertRule(**{**GOOD, 'name': word, 'severity': word, 'for_s': 0.0})  # type: ignore[arg-type]
        for word in ('info', 'critical', 'warning')
    ]
    engine = AlertEngine(rules)
    engine.evaluate({'latency_p99_s': 9.0})
    assert [a.severity for a in engine.active] == [
        Severity.CRITICAL,
        Severity.WARNING,
        Severity.INFO,
    ]


def test_the_shipped_file_is_valid_and_every_rule_can_fire() -> None:
    rules = load_rules(find_alerts_file())
    assert len(rules) >= 10
    for rule in rules:
        assert rule.metric in METRICS
        far = rule.threshold + (1e6 if rule.comparison.startswith('>') else -1e6)
        assert rule.is_beyond(far)
        assert rule.is_cleared(-far)


def write(folder: Path, content: object) -> Path:
    path = folder / 'alerts.yaml'
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ('field', 'value', 'expected'),
    [
        ('metric', 'latency', r"alerts\[0\]\.metric is 'latency', must be one of"),
        ('comparison', '=>', r"alerts\[0\]\.comparison is '=>', must be one of"),
        ('threshold', 'two', r"alerts\[0\]\.threshold is 'two', must be a finite number"),
        ('threshold', math.nan, r'alerts\[0\]\.threshold is nan'),
        ('threshold', True, r'alerts\[0\]\.threshold is True'),
        ('for_s', -1, r'alerts\[0\]\.for_s is -1, .* at least 0'),
        ('severity', 'fatal', r"alerts\[0\]\.severity is 'fatal'"),
        ('message', '', r"alerts\[0\]\.message is ''"),
        ('remedy', ['x'], r"alerts\[0\]\.remedy is \['x'\]"),
        ('colour', 'red', r'alerts\[0\]\.colour is unknown'),
        ('metric', {'a': 1}, r'alerts\[0\]\.metric is'),
    ],
)
def test_a_wrong_field_is_named_with_file_and_value(
    tmp_path: Path, field: str, value: object, expected: str
) -> None:
    path = write(tmp_path, {'alerts': [{**GOOD, field: value}]})
    with pytest.raises(AlertFileError, match=rf'alerts\.yaml: {expected}') as caught:
        load_rules(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ('alerts: [', 'not valid YAML'),
        ('\x00\x01', 'not valid YAML'),
        ('', 'must be a mapping'),
        ('- a\n- b\n', 'must be a mapping'),
        ('alerts: 3', 'must be a list'),
        ('rules: []', 'must be a list'),
        ('alerts: [3]', r'alerts\[0\] is 3, must be a mapping'),
        ('alerts: [{1: 2}]', 'is unknown'),
        ('!!python/object/apply:os.getcwd []', 'not valid YAML'),
        ({'alerts': [GOOD, GOOD]}, r"alerts\[1\]\.name is 'slow' again"),
        ({'alerts': [{k: v for k, v in GOOD.items() if k != 'remedy'}]}, 'remedy is missing'),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(
    tmp_path: Path, content: object, expected: str
) -> None:
    with pytest.raises(AlertFileError, match=expected) as caught:
        load_rules(write(tmp_path, content))
    assert '\n' not in str(caught.value)


def test_a_missing_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(AlertFileError, match=r'nowhere\.yaml: .*set alerts_file'):
        load_rules(tmp_path / 'nowhere.yaml')


def test_an_empty_list_of_rules_is_a_choice(tmp_path: Path) -> None:
    assert load_rules(write(tmp_path, {'alerts': []})) == ()
