"""Stamps that do not go with time."""

from __future__ import annotations

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Policy, Reaction
from eip_safety_monitor.readings import Odometry, Scene
from eip_safety_monitor.surroundings import Surroundings
from eip_safety_monitor.trial.play import Play
from eip_safety_monitor.watch.stamp_check import StampCheck

SECOND = 1_000_000_000
WALL = 1_800_000_000 * SECOND


def feed(check: StampCheck, begin_s: float, duration_s: float, wall_ns: int) -> list[str]:
    """Feed 20 messages a second whose stamps are `wall_ns` ahead of the monotonic clock."""
    times = [int((begin_s + i * 0.05) * SECOND) for i in range(int(duration_s / 0.05))]
    return [check.check(now_ns + wall_ns, now_ns) for now_ns in times]


def test_stamps_that_go_with_time_are_sound_whatever_the_wall_clock_says() -> None:
    for wall_ns in (WALL, 5 * SECOND):
        assert not any(feed(StampCheck(), 100.0, 5.0, wall_ns))


@pytest.mark.parametrize(('jump_s', 'word'), [(-10, 'late'), (10, 'ahead'), (3600, 'ahead')])
def test_a_jump_is_told_until_it_has_settled(jump_s: int, word: str) -> None:
    check = StampCheck(settle_s=3.0)
    feed(check, 100.0, 1.0, WALL)
    after = feed(check, 101.0, 5.0, WALL + jump_s * SECOND)
    assert all(word in problem for problem in after[:55])
    assert after[-1] == ''


def test_a_stamp_that_stands_still_is_told_and_never_settles() -> None:
    check = StampCheck()
    feed(check, 100.0, 1.0, WALL)
    problems = [check.check(101 * SECOND + WALL, (101 + i) * SECOND) for i in range(2, 30)]
    assert all('late' in problem for problem in problems)


def test_a_slow_network_now_and_then_is_no_fault() -> None:
    check = StampCheck()
    for i in range(100):
        delay_ns = 300_000_000 if i % 10 == 0 else 1_000_000
        assert check.check(WALL + i * SECOND, i * SECOND + delay_ns) == ''


@pytest.mark.parametrize('stamp_ns', [0, -5])
def test_no_stamp_is_a_fault(stamp_ns: int) -> None:
    assert StampCheck().check(stamp_ns, 5 * SECOND) == 'carries no stamp'


@pytest.mark.parametrize(('upward_mps', 'is_standing'), [(0.0, True), (0.3, False)])
def test_a_robot_that_climbs_does_not_stand(upward_mps: float, is_standing: bool) -> None:
    clock = ManualClock()
    here = Surroundings(Policy(), clock)
    for _ in range(15):
        here.hear_odometry(
            Odometry(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, stamp_ns=clock.now_ns(), upward_mps=upward_mps)
        )
        clock.advance(0.05)
    assert here.is_standing is is_standing


@pytest.mark.parametrize(('is_stamped', 'causes'), [(True, ['stamp.scene']), (False, [])])
def test_a_perception_that_repeats_an_old_scene_holds_the_robot(
    is_stamped: bool, causes: list[str]
) -> None:
    clock = ManualClock()
    here = Surroundings(Policy(), clock)
    stamp_ns = clock.now_ns() + SECOND if is_stamped else 0
    for _ in range(15):
        here.hear_scene(Scene(stamp_ns=stamp_ns))
        clock.advance(0.1)
    found = [c for c in here.assess().causes if 'scene' in c.identifier]
    assert [c.identifier for c in found] == causes
    assert all(c.reaction is Reaction.PROTECTIVE and 'late' in c.message for c in found)


@pytest.mark.parametrize('jump_s', [-10, 10])
def test_odd_stamps_settle_only_where_that_is_allowed_and_then_at_once(jump_s: int) -> None:
    check = StampCheck(settle_s=3.0)
    feed(check, 100.0, 1.0, WALL)
    jumped_ns = WALL + jump_s * SECOND
    times = [101 * SECOND + i * SECOND // 20 for i in range(200)]
    assert all(check.check(now_ns + jumped_ns, now_ns, may_settle=False) for now_ns in times)
    assert check.check(112 * SECOND + jumped_ns, 112 * SECOND)
    assert check.check(113 * SECOND + jumped_ns, 113 * SECOND) == ''


@pytest.mark.parametrize(('drift', 'is_sound'), [(100e-6, True), (-100e-6, True), (1e-3, False)])
def test_a_clock_that_drifts_is_sound_and_a_lag_that_grows_is_not(
    drift: float, is_sound: bool
) -> None:
    check = StampCheck()
    problems = [
        check.check(WALL + now_ns - int(now_ns * drift), now_ns)
        for now_ns in range(SECOND, 3 * 3600 * SECOND, 10 * SECOND)
    ]
    assert any(problems) is not is_sound


def perceive(play: Play, duration_s: float, late_s: float) -> None:
    for _ in range(round(duration_s / 0.04)):
        play.advance(0.04)
        play.sense()
        stamp_ns = play.clock.now_ns() - int(late_s * SECOND)
        play.supervisor.surroundings.hear_scene(Scene(stamp_ns=stamp_ns))
        play.tick()


def test_a_scene_that_became_late_holds_the_robot_until_a_person_arms_anew() -> None:
    play = Play()
    perceive(play, 0.4, 0.0)
    assert play.arm().success
    perceive(play, 20.0, 2.0)
    assert play.supervisor.mode is Mode.PROTECTIVE
    assert 'stamp.scene' in play.supervisor.state().active_causes
    play.disarm()
    perceive(play, 0.2, 2.0)
    assert play.arm().success
    perceive(play, 2.0, 2.0)
    assert play.supervisor.mode is Mode.ARMED
