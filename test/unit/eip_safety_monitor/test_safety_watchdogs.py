"""Silence, floods and impostors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.policy import Reaction, WatchedNode
from eip_safety_monitor.readings import Beat
from eip_safety_monitor.watch.heartbeats import HeartbeatWatch, process_state
from eip_safety_monitor.watch.watchdog import Condition, Watchdog, WatchdogConfig

BOOT = 'boot'


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_thing_that_never_came_is_a_fault_after_the_grace(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(timeout_s=0.3, grace_s=5.0), clock)
    clock.advance(4.9)
    assert watchdog.condition() is Condition.STARTING
    clock.advance(0.2)
    assert watchdog.condition() is Condition.NEVER_CAME
    watchdog.feed()
    assert watchdog.condition() is Condition.OK


def test_silence_beyond_the_timeout_is_a_loss(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(timeout_s=0.3), clock)
    watchdog.feed()
    clock.advance(0.29)
    assert watchdog.condition() is Condition.OK
    clock.advance(0.02)
    assert watchdog.condition() is Condition.LOST


def test_a_message_counts_from_when_it_may_have_arrived(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(timeout_s=0.3), clock)
    earlier = clock.now_ns()
    clock.advance(1.0)
    watchdog.feed(earlier)
    assert watchdog.condition() is Condition.LOST


def test_a_flood_is_told_and_ends_with_the_flood(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(max_rate_hz=100.0), clock)
    for _ in range(150):
        clock.advance(0.002)
        watchdog.feed()
    assert watchdog.condition() is Condition.FLOODING
    for _ in range(60):
        clock.advance(0.02)
        watchdog.feed()
    assert watchdog.condition() is Condition.OK


@pytest.mark.parametrize('name', ['timeout_s', 'grace_s', 'max_rate_hz'])
@pytest.mark.parametrize('value', [0.0, -1.0, float('nan'), float('inf')])
def test_an_impossible_limit_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        WatchdogConfig(**{name: value})


@pytest.fixture
def watch(clock: ManualClock) -> HeartbeatWatch:
    policy = WatchedNode('llm', timeout_s=0.5, grace_s=5.0, reaction=Reaction.STOP)
    return HeartbeatWatch(policy, clock, BOOT)


def beat(clock: ManualClock, sequence: int, instance: str = 'one', **changes: object) -> Beat:
    values = {'boot_id': BOOT, 'monotonic_ns': clock.now_ns(), **changes}
    return Beat('llm', instance, sequence, **values)  # type: ignore[arg-type]


def test_a_beating_node_has_no_cause(watch: HeartbeatWatch, clock: ManualClock) -> None:
    for sequence in range(1, 20):
        clock.advance(0.1)
        assert watch.hear(beat(clock, sequence))
        assert watch.cause() is None


def test_repeated_and_backward_beats_keep_nobody_alive(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    watch.hear(beat(clock, 10))
    for sequence in (10, 9, 1, 10, 8, 10):
        clock.advance(0.1)
        assert not watch.hear(beat(clock, sequence))
    cause = watch.cause()
    assert cause is not None
    assert cause.identifier == 'watchdog.llm'


def test_a_beat_that_waited_too_long_keeps_nobody_alive(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    watch.hear(beat(clock, 1))
    late = beat(clock, 2)
    clock.advance(0.6)
    assert not watch.hear(late)
    assert watch.cause() is not None


def test_a_second_process_of_the_name_is_told_while_the_first_lives(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    watch.hear(beat(clock, 1))
    clock.advance(0.1)
    watch.hear(beat(clock, 2))
    assert not watch.hear(beat(clock, 1, 'two'))
    cause = watch.cause()
    assert cause is not None
    assert cause.identifier == 'impostor.llm'
    for sequence in range(3, 20):
        clock.advance(0.1)
        watch.hear(beat(clock, sequence))
    assert watch.cause() is None


def test_a_restarted_node_is_believed_and_its_dead_process_no_more(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    watch.hear(beat(clock, 50))
    clock.advance(0.6)
    assert watch.cause() is not None
    assert watch.hear(beat(clock, 1, 'two'))
    assert (watch.cause() or pytest.fail('no cause')).identifier == 'restarted.llm'
    for sequence in range(2, 9):
        clock.advance(0.1)
        watch.hear(beat(clock, sequence, 'two'))
    assert watch.cause() is None
    assert not watch.hear(beat(clock, 51, 'one'))
    assert watch.cause() is not None


def test_an_unhealthy_node_says_why(watch: HeartbeatWatch, clock: ManualClock) -> None:
    watch.hear(beat(clock, 1, healthy=False, detail='model is missing'))
    cause = watch.cause()
    assert cause is not None
    assert cause.identifier == 'unhealthy.llm'
    assert 'model is missing' in cause.message


def test_a_node_that_never_started_is_a_cause_after_its_grace(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    assert watch.cause() is None
    clock.advance(5.1)
    cause = watch.cause()
    assert cause is not None
    assert 'never' in cause.message


def test_suspended_hung_and_ended_are_told_apart(clock: ManualClock) -> None:
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
    try:
        policy = WatchedNode('llm', timeout_s=0.5, reaction=Reaction.STOP)
        watch = HeartbeatWatch(policy, clock, BOOT)
        watch.hear(beat(clock, 1, pid=child.pid))
        clock.advance(1.0)
        assert 'hung' in (watch.cause() or pytest.fail('no cause')).message
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert 'suspended' in (watch.cause() or pytest.fail('no cause')).message
    finally:
        child.kill()
        child.wait()
    assert 'ended' in (watch.cause() or pytest.fail('no cause')).message


def test_a_process_id_of_zero_says_nothing() -> None:
    assert process_state(0) == 'unknown'
    assert process_state(os.getpid()) == 'running'


def test_a_slow_publisher_is_told_from_a_silent_one(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(timeout_s=0.4, least_rate_hz=5.0), clock)
    for _ in range(30):
        watchdog.feed()
        assert watchdog.condition() is Condition.OK
        clock.advance(0.05)
    conditions = []
    for _ in range(8):
        clock.advance(0.3)
        watchdog.feed()
        conditions.append(watchdog.condition())
    assert conditions[0] is Condition.OK
    assert conditions[-1] is Condition.SLOW
    assert Condition.LOST not in conditions
    clock.advance(0.41)
    assert watchdog.condition() is Condition.LOST


def test_a_start_and_a_return_are_not_slow_before_a_second_has_passed(clock: ManualClock) -> None:
    watchdog = Watchdog(WatchdogConfig(timeout_s=0.4, least_rate_hz=5.0), clock)
    for _ in range(2):
        clock.advance(3.0)
        for _ in range(25):
            watchdog.feed()
            assert watchdog.condition() is Condition.OK
            clock.advance(0.1)


@pytest.mark.parametrize('least_rate_hz', [-1.0, 500.0, float('nan')])
def test_an_impossible_least_rate_is_refused(least_rate_hz: float) -> None:
    with pytest.raises(ValueError, match='least_rate_hz'):
        WatchdogConfig(least_rate_hz=least_rate_hz)


def test_a_node_that_beats_slower_than_it_promised_is_worth_a_word(
    watch: HeartbeatWatch, clock: ManualClock
) -> None:
    for sequence in range(1, 30):
        clock.advance(0.1 if sequence < 20 else 0.4)
        watch.hear(beat(clock, sequence, period_s=0.1))
        if sequence < 20:
            assert watch.cause() is None
    cause = watch.cause()
    assert cause is not None
    assert (cause.identifier, cause.reaction) == ('slow.llm', Reaction.WARN)
    assert 'llm is slow: ' in cause.message
