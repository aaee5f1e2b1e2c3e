"""A sensor that comes less often than declared holds the robot and does not latch."""

from __future__ import annotations

import dataclasses

import pytest

from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Policy, SignalPolicies, WatchedSignal
from eip_safety_monitor.trial.play import Play


@pytest.fixture
def play() -> Play:
    scan = WatchedSignal(least_rate_hz=5.0)
    return Play(dataclasses.replace(Policy(), signals=SignalPolicies(scan=scan)))


def run(play: Play, turns: int, period: int) -> None:
    for turn in range(turns):
        play.advance(0.05)
        here = play.supervisor.surroundings
        if turn % period == 0:
            play.sense()
        else:
            here.hear_odometry(play.odometry())
            here.hear_hardware_stop(False)
        play.tick()


def test_a_slow_scan_holds_and_clears_by_itself(play: Play) -> None:
    run(play, 40, 1)
    assert play.arm().success
    run(play, 30, 6)
    state = play.supervisor.state()
    assert state.mode is Mode.PROTECTIVE
    assert state.active_causes == ('slow.scan',)
    assert 'times a second, less than 5' in state.cause
    run(play, 60, 1)
    assert play.supervisor.mode is Mode.ARMED
