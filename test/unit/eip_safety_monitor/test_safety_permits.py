"""What makes a permit usable."""

from __future__ import annotations

import dataclasses
import math

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.permits import Mode, Permit, PermitJudge, SpeedLimits, StopCategory

BOOT = 'boot-a'


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def judge(clock: ManualClock) -> PermitJudge:
    return PermitJudge(clock, BOOT)


@pytest.fixture
def far_judge(clock: ManualClock) -> PermitJudge:
    return PermitJudge(clock, BOOT, remote_monitor=True)


def permit(clock: ManualClock, sequence: int = 1, **changes: object) -> Permit:
    made = Permit('m', sequence, BOOT, clock.now_ns(), Mode.ARMED, True, 0.1, SpeedLimits(0.8, 1.0))
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_the_default_permit_forbids_motion_and_is_not_believed(judge: PermitJudge) -> None:
    assert not Permit().motion_permitted
    assert not judge.hear(Permit())
    assert judge.problem()


def test_an_unknown_mode_or_category_is_the_hardest() -> None:
    assert Mode.of(200) is Mode.STOPPED
    assert StopCategory.of(77) is StopCategory.UNCONTROLLED
    assert Mode.of(3) is Mode.ARMED
    assert StopCategory.of(255) is StopCategory.NONE


def test_a_fresh_permit_is_usable_for_its_lifetime_and_no_longer(
    judge: PermitJudge, clock: ManualClock
) -> None:
    assert judge.hear(permit(clock))
    clock.advance(0.0999)
    assert judge.problem() == ''
    clock.advance(0.0002)
    assert 'old' in judge.problem()


def test_a_shorter_lifetime_counts(judge: PermitJudge, clock: ManualClock) -> None:
    judge.hear(permit(clock, lifetime_s=0.04))
    clock.advance(0.05)
    assert judge.problem()


@pytest.mark.parametrize('lifetime_s', [0.11, 10.0, -0.01, math.nan, math.inf])
def test_an_impossible_lifetime_ends_even_the_permit_that_stood(
    judge: PermitJudge, clock: ManualClock, lifetime_s: float
) -> None:
    judge.hear(permit(clock))
    assert not judge.hear(permit(clock, 2, lifetime_s=lifetime_s))
    assert judge.latest is None


def test_a_permit_that_waited_in_a_queue_is_old(judge: PermitJudge, clock: ManualClock) -> None:
    waited = permit(clock)
    clock.advance(0.2)
    judge.hear(waited)
    assert judge.problem()


@pytest.mark.parametrize('sequence', [5, 4, 1])
def test_a_repeated_or_backward_sequence_lengthens_nothing(
    judge: PermitJudge, clock: ManualClock, sequence: int
) -> None:
    judge.hear(permit(clock, 5))
    clock.advance(0.08)
    assert not judge.hear(permit(clock, sequence))
    clock.advance(0.03)
    assert judge.problem()


def test_a_stamp_from_the_future_is_refused(judge: PermitJudge, clock: ManualClock) -> None:
    ahead = permit(clock, stamp_ns=clock.now_ns() + 3_600_000_000_000)
    assert not judge.hear(ahead)
    assert judge.problem()


def test_two_monitors_at_once_stop_until_only_one_was_heard_for_half_a_second(
    judge: PermitJudge, clock: ManualClock
) -> None:
    judge.hear(permit(clock, 1))
    judge.hear(permit(clock, 9, monitor_id='other'))
    assert 'two safety monitors' in judge.problem()
    for sequence in range(2, 20):
        clock.advance(0.04)
        judge.hear(permit(clock, sequence))
    assert judge.problem() == ''


def test_a_recording_of_a_dead_monitor_is_still_backward(
    judge: PermitJudge, clock: ManualClock
) -> None:
    judge.hear(permit(clock, 7, monitor_id='dead'))
    clock.advance(2.0)
    judge.hear(permit(clock, 1))
    assert not judge.hear(permit(clock, 7, monitor_id='dead'))
    assert judge.problem() == ''


@pytest.mark.parametrize('boot_id', ['an earlier boot', ''])
def test_a_recording_of_another_boot_permits_nothing_and_says_why(
    judge: PermitJudge, clock: ManualClock, boot_id: str
) -> None:
    for sequence in range(1, 10):
        assert not judge.hear(permit(clock, sequence, boot_id=boot_id))
        assert 'remote_monitor' in judge.problem()
        clock.advance(0.04)
    assert judge.refused == 9


def test_a_recording_of_another_boot_beside_the_live_monitor_is_a_conflict(
    judge: PermitJudge, clock: ManualClock
) -> None:
    judge.hear(permit(clock, 1, monitor_id='recorded', boot_id='an earlier boot'))
    judge.hear(permit(clock, 1))
    assert 'two safety monitors' in judge.problem()


def test_without_a_boot_identifier_of_our_own_no_permit_is_known_to_be_of_this_boot(
    clock: ManualClock,
) -> None:
    judge = PermitJudge(clock, '')
    assert not judge.hear(permit(clock, 1, boot_id=''))
    assert 'this is boot unknown' in judge.problem()


def test_the_first_permit_from_another_host_only_makes_acquaintance(
    far_judge: PermitJudge, clock: ManualClock
) -> None:
    far_judge.hear(permit(clock, 1, boot_id='far', stamp_ns=5))
    assert far_judge.problem()
    clock.advance(0.04)
    far_judge.hear(permit(clock, 2, boot_id='far', stamp_ns=40_000_005))
    assert far_judge.problem() == ''
    clock.advance(0.101)
    assert far_judge.problem()


def test_a_permit_from_another_host_that_was_slower_than_the_fastest_is_that_much_older(
    far_judge: PermitJudge, clock: ManualClock
) -> None:
    far_judge.hear(permit(clock, 1, boot_id='far', stamp_ns=0))
    clock.advance(0.3)
    far_judge.hear(permit(clock, 2, boot_id='far', stamp_ns=40_000_000))
    assert far_judge.age_s() == pytest.approx(0.26, abs=1e-3)
    assert far_judge.problem()


@pytest.mark.parametrize(('drift', 'is_believed'), [(-100e-6, True), (100e-6, True), (1e-3, False)])
def test_a_clock_that_runs_a_little_slow_on_another_host_does_not_hold_the_robot(
    far_judge: PermitJudge, clock: ManualClock, drift: float, is_believed: bool
) -> None:
    began_ns = clock.now_ns()
    for sequence in range(1, 15_000):
        elapsed_ns = clock.now_ns() - began_ns
        stamp_ns = elapsed_ns - int(elapsed_ns * drift)
        far_judge.hear(permit(clock, sequence, boot_id='far', stamp_ns=stamp_ns))
        clock.advance(0.08)
    clock.advance(0.01)
    assert elapsed_ns > 1000e9
    assert (far_judge.age_s() < 0.1) is is_believed


def test_without_a_boot_identifier_of_our_own_the_stamp_is_not_compared(
    clock: ManualClock,
) -> None:
    judge = PermitJudge(clock, '', remote_monitor=True)
    judge.hear(permit(clock, 1, boot_id='', stamp_ns=1))
    judge.hear(permit(clock, 2, boot_id='', stamp_ns=1))
    assert judge.problem() == ''


def test_a_mode_that_contradicts_the_permission_is_malformed(
    judge: PermitJudge, clock: ManualClock
) -> None:
    assert not judge.hear(permit(clock, mode=Mode.STOPPED))
    assert not judge.hear(permit(clock, 2, motion_permitted=False))


def test_a_flood_of_invented_monitors_does_not_grow_without_bound(
    judge: PermitJudge, clock: ManualClock
) -> None:
    for number in range(1000):
        judge.hear(permit(clock, 1, monitor_id=f'm{number}'))
    assert judge.problem()
    assert len(judge._senders) <= 64
