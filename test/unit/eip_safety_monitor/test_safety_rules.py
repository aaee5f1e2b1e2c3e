"""Rules as signal temporal logic: what is accepted, what follows, what is counted."""

from __future__ import annotations

import dataclasses
import math
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Policy, PolicyError, Reaction, load_policy
from eip_safety_monitor.rules.formula import Formula
from eip_safety_monitor.rules.rule_monitor import RuleMonitor
from eip_safety_monitor.rules.rules_policy import Rule, RuleReaction, RuleSignal, RulesPolicy
from eip_safety_monitor.trial.play import Play

SPEED = RuleSignal('speed', 'odom', 'nav_msgs/msg/Odometry', 'twist.twist.linear.x', 'm/s')
BRAKE = RuleSignal('brake', 'brake', 'std_msgs/msg/Float64', 'data', '1')


def rule(reaction: str = 'protective_stop', **more: Any) -> Rule:
    given = {'formula': 'speed <= 0.5', 'message': 'too fast', **more}
    return Rule('fast', reaction=RuleReaction(reaction), **given)


def policy(*rules: Rule) -> RulesPolicy:
    return RulesPolicy(0.1, (SPEED, BRAKE), rules)


class Bench:
    """A rule monitor whose signals come every 0.1 s."""

    def __init__(self, *rules: Rule) -> None:
        self.clock = ManualClock()
        self.rules = RuleMonitor(policy(*rules), self.clock)

    def run(self, duration_s: float, **values: float) -> None:
        for _ in range(round(duration_s / 0.1)):
            self.clock.advance(0.1)
            for name, value in values.items():
                self.rules.hear(name, value)
            self.view = self.rules.look()

    @property
    def causes(self) -> dict[str, Reaction]:
        return {cause.identifier: cause.reaction for cause in self.view.causes}


def robustness(text: str, values: list[float]) -> list[float]:
    formula = Formula(text, ['x'], 0.1)
    return [formula.step({'x': value}) for value in values]


def test_robustness_by_worked_numbers() -> None:
    assert robustness('x <= 3', [1.0, 4.0]) == [2.0, -1.0]
    assert robustness('historically[0:0.2](x <= 3)', [1, 4, 2, 2, 2]) == [2, -1, -1, -1, 1]
    assert robustness('once[0:0.1](x > 3)', [1, 4, 1, 1]) == [-2, 1, 1, -2]
    assert robustness('(x > 1) since[0:1] (x > 3)', [4, 2, 2, 0])[-1] < 0.0
    assert robustness('abs(x) <= 1 -> x >= 0', [-0.5])[0] < 0.0


@settings(max_examples=40)
@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=40), st.integers(0, 12))
def test_looking_back_is_the_least_or_greatest_of_the_window(
    values: list[float], samples: int
) -> None:
    always = robustness(f'historically[0:{samples / 10:g}](x <= 1)', values)
    once = robustness(f'once[0:{samples / 10:g}](x <= 1)', values)
    for index in range(len(values)):
        window = [1.0 - value for value in values[max(0, index - samples) : index + 1]]
        assert always[index] == min(window)
        assert once[index] == max(window)


@pytest.mark.parametrize(
    ('reaction', 'expected'),
    [
        ('log', Reaction.WARN),
        ('limit_speed', Reaction.WARN),
        ('protective_stop', Reaction.PROTECTIVE),
        ('emergency_stop', Reaction.STOP),
    ],
)
def test_a_violated_rule_leads_to_its_reaction_and_clears_by_itself(
    reaction: str, expected: Reaction
) -> None:
    limit = {'speed_limit_mps': 0.2} if reaction == 'limit_speed' else {}
    bench = Bench(rule(reaction, **limit))
    bench.run(0.5, speed=0.4)
    assert bench.causes == {}
    bench.run(0.5, speed=0.6)
    assert bench.causes == {'rule.fast': expected}
    assert bench.view.permitted_mps == (0.2 if limit else math.inf)
    bench.run(0.5, speed=0.4)
    assert bench.causes == {}
    assert bench.view.permitted_mps == math.inf


def test_a_latching_rule_holds_until_a_person_arms() -> None:
    bench = Bench(rule(latching=True))
    bench.run(0.5, speed=0.6)
    bench.run(0.5, speed=0.4)
    assert bench.causes == {'rule.fast': Reaction.PROTECTIVE}
    assert 'disarm, then arm' in bench.view.causes[0].message
    bench.rules.release()
    bench.run(0.1, speed=0.4)
    assert bench.causes == {}


def test_silence_does_not_free_what_a_latched_rule_holds() -> None:
    bench = Bench(rule('limit_speed', latching=True, on_stale='log', speed_limit_mps=0.2))
    bench.run(0.5, speed=0.6)
    bench.run(2.0)
    assert bench.causes == {'rule.fast': Reaction.WARN, 'rule.fast.unknown': Reaction.WARN}
    assert bench.view.permitted_mps == 0.2


@pytest.mark.parametrize('on_stale', list(RuleReaction))
def test_a_signal_that_ends_is_the_fault_that_was_configured(on_stale: RuleReaction) -> None:
    limit = {'speed_limit_mps': 0.1} if on_stale is RuleReaction.LIMIT_SPEED else {}
    bench = Bench(rule(on_stale=on_stale, **limit))
    bench.run(0.5, speed=0.4)
    bench.run(1.0)
    (found,) = bench.view.causes
    assert found.identifier == 'rule.fast.unknown'
    assert 'speed (odom twist.twist.linear.x) is 1.0 s old' in found.message
    words = {Reaction.WARN: ('log', 'limit_speed')}.get(found.reaction, (found.reaction.value,))
    assert on_stale.value in words
    assert bench.view.permitted_mps == (0.1 if limit else math.inf)
    bench.run(0.2, speed=0.4)
    assert bench.causes == {}


def test_a_signal_that_never_came_holds_first_and_is_the_fault_after_its_grace() -> None:
    bench = Bench(rule(on_stale=RuleReaction.STOP))
    bench.run(1.0)
    assert bench.causes == {'rule.fast.unknown': Reaction.PROTECTIVE}
    bench.run(30.0)
    assert bench.causes == {'rule.fast.unknown': Reaction.STOP}
    assert 'never came as nav_msgs/msg/Odometry' in bench.view.causes[0].message


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_known(value: float) -> None:
    bench = Bench(rule())
    bench.run(0.5, speed=value)
    assert bench.causes == {'rule.fast.unknown': Reaction.PROTECTIVE}


def test_what_cannot_be_computed_is_not_known() -> None:
    bench = Bench(rule(formula='sqrt(speed) <= 1'))
    bench.run(0.5, speed=-1.0)
    assert bench.causes == {'rule.fast.unknown': Reaction.PROTECTIVE}
    bench.run(0.5, speed=0.5)
    assert bench.causes == {}


def test_a_rule_that_trembles_is_one_violation_to_the_log() -> None:
    bench = Bench(rule())
    bench.run(0.1, speed=0.6)
    for speed in (0.4, 0.6, 0.4, 0.6, 0.4):
        bench.run(0.2, speed=speed)
        assert bench.causes == {'rule.fast': Reaction.PROTECTIVE}
    bench.run(0.3, speed=0.4)
    assert bench.causes == {}


def test_after_a_gap_the_formula_has_no_past() -> None:
    bench = Bench(rule(formula='historically[0:10](speed <= 0.5)'))
    bench.run(0.5, speed=0.9)
    assert 'rule.fast' in bench.causes
    bench.run(1.0)
    bench.run(0.2, speed=0.4)
    assert bench.causes == {}


def test_missed_turns_are_made_up_so_that_seconds_stay_seconds() -> None:
    bench = Bench(rule(formula='not historically[0:1](speed > 0.5)'))
    bench.run(1.0, speed=0.4)
    bench.run(0.3, speed=0.9)
    bench.clock.advance(0.4)
    bench.run(0.2, speed=0.9)
    assert bench.causes == {}
    bench.run(0.3, speed=0.9)
    assert 'rule.fast' in bench.causes


def test_violations_seconds_last_time_and_trend_are_counted() -> None:
    bench = Bench(rule('log'))
    bench.run(0.5, speed=0.4)
    for _ in range(2):
        bench.run(1.5, speed=0.6)
        bench.run(0.5, speed=0.4)
    (figures,) = bench.rules.figures()
    assert figures.violations == 2
    assert figures.violated_s == pytest.approx(3.0)
    assert figures.last_ns is not None
    assert (bench.clock.now_ns() - figures.last_ns) / 1e9 == pytest.approx(0.5, abs=0.02)
    assert figures.trend == 'rising'
    assert figures.state == 'holds'
    assert figures.robustness == pytest.approx(0.1)
    bench.run(400.0, speed=0.4)
    assert bench.rules.figures()[0].trend == 'falling'
    bench.run(400.0, speed=0.4)
    assert bench.rules.figures()[0].trend == 'steady'


def armed(*rules: Rule) -> Play:
    play = Play(dataclasses.replace(Policy(), rules=policy(*rules)))
    step(play, 0.5, 0.4)
    assert play.arm().success
    return play


def step(play: Play, duration_s: float, speed: float | None) -> None:
    for _ in range(round(duration_s / 0.04)):
        play.advance(0.04)
        play.sense()
        if speed is not None:
            play.supervisor.surroundings.rules.hear('speed', speed)
        play.tick()


def test_rules_hold_limit_and_stop_the_robot() -> None:
    play = armed(rule())
    step(play, 0.3, 0.6)
    assert play.supervisor.mode is Mode.PROTECTIVE
    step(play, 2.0, 0.4)
    assert play.supervisor.mode is Mode.ARMED
    play = armed(rule('limit_speed', speed_limit_mps=0.2))
    step(play, 0.3, 0.6)
    assert play.supervisor.state().limits.linear_mps == 0.2
    play = armed(rule('emergency_stop'))
    step(play, 0.3, 0.6)
    step(play, 0.8, 0.4)
    assert play.supervisor.mode is Mode.STOPPED
    assert play.reset().success


def test_a_latched_rule_goes_on_after_disarm_and_arm() -> None:
    play = armed(rule(latching=True))
    step(play, 0.3, 0.6)
    step(play, 3.0, 0.4)
    assert play.supervisor.mode is Mode.PROTECTIVE
    play.supervisor.disarm()
    assert play.arm().success
    assert play.supervisor.mode is Mode.ARMED


def test_a_rule_violated_while_disarmed_refuses_arming_and_latches_nothing() -> None:
    play = Play(dataclasses.replace(Policy(), rules=policy(rule('emergency_stop'))))
    step(play, 0.5, 0.6)
    assert play.supervisor.mode is Mode.DISARMED
    assert 'too fast' in play.arm().message
    step(play, 0.8, 0.4)
    assert play.arm().success


def test_whatever_comes_a_violated_stop_rule_stops() -> None:
    """An account of its own: random values, and the mode must follow the greatest of 0.5 s."""
    dice = random.Random(7)
    play = armed(rule('emergency_stop', formula='historically[0:0.5](speed <= 0.5)'))
    for _ in range(400):
        value = dice.uniform(-1.0, 0.6)
        step(play, 0.12, value)
        if value > 0.5:
            assert play.supervisor.mode is Mode.STOPPED
            break
        assert play.supervisor.mode is Mode.ARMED
    else:
        pytest.fail('never too fast')


SIGNAL = '{name: v, topic: odom, type: nav_msgs/msg/Odometry, field: pose.x, unit: m/s}'
FORMULA = 'name: r, reaction: log, message: m'


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ("{%s, formula: 'v <= '}", 'r: formula has its end where a signal or number'),
        ("{%s, formula: 'always[0:1](v < 1)'}", 'r: formula uses always, which looks ahead'),
        ("{%s, formula: 'w < 1'}", 'r: formula names w, which is no signal; signals are: v'),
        ("{%s, formula: 'v == 1'}", 'compares for equality'),
        ("{%s, formula: '1 < 2'}", 'names no signal'),
        ("{%s, formula: ''}", 'formula is empty'),
        ("{%s, formula: 'v < 1; import os'}", "has '; import o"),
        ("{%s, formula: 'once[0:0.25](v < 1)'}", 'give a multiple of period_s 0.1'),
        ("{%s, formula: 'once[2:1](v < 1)'}", 'turn them round'),
        ("{%s, formula: 'once[0:1000](v < 1)'}", 'give at most 60 s'),
        ("{%s, formula: 'once[0,1](v < 1)'}", 'bounds that are not'),
        ("{%s, formula: 'v < 1', speed_limit_mps: 1}", 'no meaning without limit_speed'),
        ("{%s, formula: 'v < 1', on_stale: limit_speed}", 'speed_limit_mps is missing, add it'),
        ("{%s, formula: 'v < 1', latching: true}", 'a log line holds nothing'),
        ('{%s}', 'formula is missing, add it'),
        ("{name: r, reaction: pray, message: m, formula: 'v < 1'}", 'give one of: log, limit'),
        ("{name: r, reaction: log, message: '', formula: 'v < 1'}", 'message is empty'),
        (
            "{name: r, reaction: emergency_stop, latching: false, message: m, formula: 'v<1'}",
            'always latches; remove it',
        ),
    ],
)
def test_a_rule_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / 'policy.yaml'
    text = text.replace('%s', FORMULA)
    path.write_text(f'rules:\n  signals:\n    - {SIGNAL}\n  formulas:\n    - {text}\n')
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f'{path}:5: rules')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (SIGNAL.replace('name: v', 'name: once'), 'use letters, digits and _, no operator'),
        (SIGNAL.replace('odom,', '/odom,'), 'without leading slash'),
        (SIGNAL.replace('nav_msgs/msg/Odometry', 'Odometry'), 'give one such as nav_msgs'),
        (SIGNAL.replace('pose.x', '__class__'), 'give one such as twist'),
        (SIGNAL.replace('unit: m/s', "unit: ' '"), 'unit is empty'),
        (SIGNAL.replace('unit', 'max_age_s: 0, unit'), 'give a number from 0.02'),
    ],
)
def test_a_signal_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / 'policy.yaml'
    path.write_text(f'rules:\n  signals:\n    - {text}\n')
    with pytest.raises(PolicyError, match=words) as caught:
        load_policy(path)
    assert f'{path}:3: rules.signals[0]' in str(caught.value)


def test_two_rules_of_one_name_are_told_with_the_line_of_the_second(tmp_path: Path) -> None:
    path = tmp_path / 'policy.yaml'
    line = f"    - {{{FORMULA}, formula: 'v < 1'}}\n"
    path.write_text(f'rules:\n  signals:\n    - {SIGNAL}\n  formulas:\n{line}{line}')
    with pytest.raises(PolicyError, match=':6: rules is wrong: r is named twice'):
        load_policy(path)


def test_without_rules_the_library_is_not_loaded() -> None:
    code = (
        'import sys; from eip_safety_monitor.policy import Policy; Policy(); '
        "print('rtamt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == 'False', done.stderr


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('x > 1 y', 'has y where an operator must stand'),
        ('(x > 1) x < 2', 'has x where an operator must stand'),
        ('not x > 1', 'not without brackets, write not'),
        ('once x > 1', 'once without brackets'),
        ('x > 1 and x < 2 or x > 3', 'mixes and and or, add brackets'),
        ('x > 1 -> x > 2 -> x > 3', 'mixes implies and implies'),
        ('1 < x < 2', 'compares twice'),
        ('(x > 1) > 2', 'needs a number left of >'),
        ('x and x > 1', 'needs a comparison left of and'),
        ('abs(x > 1) > 0', 'needs a number in abs'),
        ('not(x)', 'needs a comparison in not'),
        ('x', 'compares nothing'),
        ('x > 1)', 'has ) where an operator must stand'),
        ('(x > 1', 'has its end where ) must stand'),
        ('x > ', 'has its end where a signal or number must stand'),
        ('x > 1[0:1]', 'has [0:1] where an operator must stand'),
        ('-x > 1', 'write -1 * or 0 -'),
        ('2 * x + 1 > 1', 'mixes * and +, add brackets'),
        ('x - 1 - 1 > 1', 'mixes - and -, add brackets'),
        ('x > and', 'has and where a signal'),
        ('once(1 < 2) and x > 1', 'has once where no signal is named, leave it out'),
        ('(1 < 2 since 2 < 1) and x > 1', 'has since where no signal is named'),
        ('pow(x, 2) > 1', 'no name, number or operator'),
        ('(' * 40 + 'x > 1' + ')' * 40, 'deeper than 30 brackets'),
    ],
)
def test_what_the_library_would_misread_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Formula(text, ['x'], 0.1)


Values = list[float]


def numbers() -> st.SearchStrategy[str]:
    leaf = st.sampled_from(['x', 'y', '1', '2.5', '-3', 'abs(y)', '(2 * x)', '(x - y)'])
    pair = st.tuples(leaf, st.sampled_from('+-*'), leaf)
    return leaf | pair.map(lambda p: f'{p[0]} {p[1]} {p[2]}')


def truths() -> st.SearchStrategy[tuple[str, Any]]:
    """Pairs of a formula and what it must give: an evaluator of its own, sample by sample."""
    parts = st.tuples(numbers(), st.sampled_from(['<', '<=', '>', '>=']), numbers())
    compared = parts.map(compare).filter(lambda pair: re.search(r'\b[xy]\b', pair[0]))
    return st.recursive(compared, lambda inner: joined(inner) | looked_back(inner), max_leaves=5)


def compare(parts: tuple[str, str, str]) -> tuple[str, Any]:
    left, sign, right = parts

    def value(text: str, x: float, y: float) -> float:
        return float(eval(text, {'x': x, 'y': y, 'abs': abs}))

    def give(xs: Values, ys: Values) -> Values:
        ahead = -1.0 if sign in ('<', '<=') else 1.0
        pairs = zip(xs, ys, strict=True)
        return [ahead * (value(left, x, y) - value(right, x, y)) for x, y in pairs]

    return f'{left} {sign} {right}', give


def joined(inner: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    ways = {
        'and': min,
        'or': max,
        'implies': lambda a, b: max(-a, b),
        '->': lambda a, b: max(-a, b),
        'iff': lambda a, b: -abs(a - b),
        'xor': lambda a, b: abs(a - b),
    }

    def make(parts: tuple[tuple[str, Any], str, tuple[str, Any]]) -> tuple[str, Any]:
        (left, give_left), word, (right, give_right) = parts

        def give(xs: Values, ys: Values) -> Values:
            pairs = zip(give_left(xs, ys), give_right(xs, ys), strict=True)
            return [ways[word](a, b) for a, b in pairs]

        return f'({left}) {word} ({right})', give

    return st.tuples(inner, st.sampled_from(sorted(ways)), inner).map(make)


def looked_back(inner: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    def make(parts: tuple[str, tuple[str, Any], int]) -> tuple[str, Any]:
        word, (text, give_inner), samples = parts

        def give(xs: Values, ys: Values) -> Values:
            found = give_inner(xs, ys)
            if word == 'not':
                return [-value for value in found]
            most = max if word == 'once' else min
            return [most(found[max(0, i - samples) : i + 1]) for i in range(len(found))]

        bounds = '' if word == 'not' else f'[0:{samples / 10:g}]'
        return f'{word}{bounds}({text})', give

    words = st.sampled_from(['not', 'once', 'historically'])
    return st.tuples(words, inner, st.integers(0, 6)).map(make)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=12),
    st.integers(0, 6),
)
def test_since_is_the_best_moment_from_which_the_left_side_held(
    samples: list[tuple[float, float]], reach: int
) -> None:
    formula = Formula(f'x > 0 since[0:{reach / 10:g}] y > 0', ['x', 'y'], 0.1)
    for now, (x, y) in enumerate(samples):
        begins = range(max(0, now - reach), now + 1)
        held = [
            min([samples[begin][1], *(left for left, _ in samples[begin + 1 : now + 1])])
            for begin in begins
        ]
        assert formula.step({'x': x, 'y': y}) == pytest.approx(max(held))


@settings(max_examples=150)
@given(truths(), st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=12))
def test_every_formula_means_what_it_says(
    pair: tuple[str, Any], samples: list[tuple[float, float]]
) -> None:
    text, give = pair
    formula = Formula(text, ['x', 'y'], 0.1)
    found = [formula.step({'x': x, 'y': y}) for x, y in samples]
    expected = give([x for x, _ in samples], [y for _, y in samples])
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ('part', 'expected'),
    [
        ('once[0:0.2](x > 0)', [1.0, 1.0, 1.0, -1.0]),
        ('historically[0:0.1](x > 0)', [1.0, -1.0, -1.0, -1.0]),
        ('prev(x > 0)', [math.inf, 1.0, -1.0, -1.0]),
        ('(x < 0 since[0:0.2] x > 0)', [1.0, 1.0, 1.0, -1.0]),
    ],
)
def test_the_same_part_twice_looks_back_as_far_as_once(part: str, expected: list[float]) -> None:
    samples = [1.0, -1.0, -1.0, -1.0]
    assert robustness(part, samples) == expected
    assert robustness(f'{part} and {part}', samples) == expected
    assert robustness(f'not({part})', samples) == [-value for value in expected]
    again = robustness(f'{part} -> {part}', samples)
    assert again == [max(-value, value) for value in expected]


def test_without_the_library_a_rule_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'rtamt', None)
    with pytest.raises(ValueError, match=r'need rtamt, .*; pip install -r requirements.txt'):
        Formula('x > 1', ['x'], 0.1)
