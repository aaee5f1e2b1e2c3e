"""What leaves the gate."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.gate import Gate, GateConfig, Reason
from eip_safety_monitor.permits import Mode, Permit, SpeedLimits, StopCategory
from eip_safety_monitor.ramp import Ramp, RampConfig, speed_after
from eip_safety_monitor.velocity import ZERO, Velocity

FORWARD = Velocity((0.5, 0.0, 0.0), (0.0, 0.0, 0.2))


class Rig:
    """A gate with a monitor that can be told what to say."""

    def __init__(self, config: GateConfig | None = None) -> None:
        self.clock = ManualClock()
        self.gate = Gate(config or GateConfig(), self.clock, 'boot')
        self.numbers = itertools.count(1)
        self.stop()
        self.gate.output()

    def permit(self, **changes: object) -> None:
        armed = Permit(
            'm',
            next(self.numbers),
            'boot',
            self.clock.now_ns(),
            Mode.ARMED,
            True,
            0.1,
            SpeedLimits(0.8, 1.9),
            StopCategory.NONE,
        )
        self.gate.hear_permit(dataclasses.replace(armed, **changes))  # type: ignore[arg-type]

    def stop(self, category: StopCategory = StopCategory.UNCONTROLLED) -> None:
        self.permit(
            mode=Mode.STOPPED,
            motion_permitted=False,
            limits=SpeedLimits(),
            stop_category=category,
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_recording_of_an_earlier_boot_moves_nothing_and_the_gate_says_why() -> None:
    rig = Rig()
    rig.gate = Gate(GateConfig(), rig.clock, 'this boot')
    for play in (rig.stop, rig.permit, rig.permit):
        play()
        rig.gate.hear_command(FORWARD)
        output = rig.gate.output()
        assert (output.velocity, output.reason) == (ZERO, Reason.NO_PERMIT)
        assert 'remote_monitor' in output.detail
        assert 'remote_monitor' in rig.gate.waits_for


def test_a_monitor_on_another_host_is_believed_where_it_is_expected() -> None:
    rig = Rig()
    rig.gate = Gate(GateConfig(remote_monitor=True), rig.clock, 'this boot')
    for play in (rig.stop, rig.stop, rig.permit):
        play()
        rig.gate.hear_command(FORWARD)
        rig.gate.output()
    assert rig.gate.last.velocity == FORWARD


def test_a_new_gate_gives_zero_even_under_a_fresh_permit(rig: Rig) -> None:
    rig.gate = Gate(GateConfig(), rig.clock, 'boot')
    rig.gate.hear_command(FORWARD)
    assert rig.gate.output().reason is Reason.NO_PERMIT
    rig.permit()
    assert rig.gate.output().reason is Reason.STARTED
    assert rig.gate.last.velocity == ZERO
    assert 'has not heard' in rig.gate.waits_for
    rig.stop()
    rig.gate.output()
    assert rig.gate.waits_for == ''
    rig.permit()
    assert rig.gate.output().velocity == FORWARD


@pytest.mark.parametrize(
    ('age_s', 'words'),
    [
        (0.26, '0.26 s old'),
        (3600.0, '3600.00 s old'),
        (-0.06, '0.06 s ahead'),
        (-3600.0, '3600.00 s ahead'),
        (math.nan, 'nan s old'),
        (1.7e9, 's old'),
    ],
)
def test_a_stale_or_future_stamp_is_refused_until_a_sound_one_comes(
    rig: Rig, age_s: float, words: str
) -> None:
    rig.permit()
    rig.gate.hear_command(FORWARD)
    assert not rig.gate.hear_command(FORWARD, stamp_age_s=age_s)
    assert rig.gate.output().velocity == ZERO
    assert rig.gate.last.reason is Reason.BAD_STAMP
    assert words in rig.gate.last.detail
    assert rig.gate.hear_command(FORWARD, stamp_age_s=0.01)
    assert rig.gate.output().velocity == FORWARD


def test_time_on_the_way_counts_as_age_of_a_stamped_velocity(rig: Rig) -> None:
    rig.permit()
    assert rig.gate.hear_command(FORWARD, stamp_age_s=0.2)
    assert rig.gate.output().velocity == FORWARD
    rig.clock.advance(0.06)
    rig.permit()
    assert rig.gate.output().reason is Reason.STALE_COMMAND


def test_a_stamp_a_little_ahead_makes_no_velocity_last_longer(rig: Rig) -> None:
    rig.permit()
    assert rig.gate.hear_command(FORWARD, stamp_age_s=-0.05)
    rig.clock.advance(0.26)
    rig.permit()
    assert rig.gate.output().reason is Reason.STALE_COMMAND


def test_a_wanted_velocity_passes_unchanged_under_a_fresh_permit(rig: Rig) -> None:
    rig.permit()
    rig.gate.hear_command(FORWARD)
    assert rig.gate.output().velocity == FORWARD


def test_zero_is_given_from_the_moment_the_permit_is_too_old(rig: Rig) -> None:
    rig.permit()
    rig.clock.advance(0.0999)
    rig.gate.hear_command(FORWARD)
    assert rig.gate.output().velocity == FORWARD
    rig.clock.advance(0.0002)
    assert rig.gate.output() == dataclasses.replace(rig.gate.last, reason=Reason.NO_PERMIT)
    assert rig.gate.last.velocity == ZERO


def test_a_wanted_velocity_that_nobody_repeats_ends(rig: Rig) -> None:
    rig.gate.hear_command(FORWARD)
    rig.clock.advance(0.26)
    rig.permit()
    assert rig.gate.output().reason is Reason.STALE_COMMAND


def test_a_command_counts_from_when_it_may_have_arrived(rig: Rig) -> None:
    earlier = rig.clock.now_ns()
    rig.clock.advance(5.0)
    rig.permit()
    rig.gate.hear_command(FORWARD, earlier)
    assert rig.gate.output().velocity == ZERO


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('place', range(6))
def test_a_component_that_is_no_number_gives_zero_until_a_sound_command(
    rig: Rig, bad: float, place: int
) -> None:
    numbers = [0.1] * 6
    numbers[place] = bad
    rig.permit()
    rig.gate.hear_command(FORWARD)
    ok = rig.gate.hear_command(Velocity(tuple(numbers[:3]), tuple(numbers[3:])))  # type: ignore[arg-type]
    assert not ok
    assert rig.gate.output() == dataclasses.replace(
        rig.gate.last, velocity=ZERO, reason=Reason.BAD_COMMAND
    )
    rig.gate.hear_command(FORWARD)
    assert rig.gate.output().velocity == FORWARD


@given(
    st.tuples(*[st.floats(-1e308, 1e308)] * 3),
    st.tuples(*[st.floats(-1e308, 1e308)] * 3),
    st.floats(0.0, 5.0),
    st.floats(0.0, 5.0),
)
def test_no_velocity_leaves_faster_than_permit_and_gate_allow(
    linear: tuple[float, float, float],
    angular: tuple[float, float, float],
    most_linear: float,
    most_angular: float,
) -> None:
    rig = Rig()
    rig.permit(limits=SpeedLimits(most_linear, most_angular))
    rig.gate.hear_command(Velocity(linear, angular))
    given_velocity = rig.gate.output().velocity
    assert given_velocity.is_finite()
    assert given_velocity.linear_mps <= min(most_linear, 0.8) * (1 + 1e-9) + 1e-12
    assert given_velocity.angular_radps <= min(most_angular, 1.9) * (1 + 1e-9) + 1e-12


def test_a_limited_velocity_keeps_the_path(rig: Rig) -> None:
    rig.permit(limits=SpeedLimits(0.25, 1.9))
    rig.gate.hear_command(FORWARD)
    given_velocity = rig.gate.output().velocity
    assert given_velocity.linear[0] / given_velocity.angular[2] == pytest.approx(0.5 / 0.2)


def test_a_category_0_stop_gives_zero_at_once(rig: Rig) -> None:
    rig.permit()
    rig.gate.hear_command(FORWARD)
    rig.gate.output()
    rig.stop(StopCategory.UNCONTROLLED)
    assert rig.gate.output().velocity == ZERO


def drive_and_stop(rig: Rig, category: StopCategory, times: int) -> list[float]:
    rig.permit()
    rig.gate.hear_command(FORWARD)
    rig.gate.output()
    speeds = []
    for _ in range(times):
        rig.stop(category)
        speeds.append(rig.gate.output().velocity.linear_mps)
        rig.clock.advance(0.02)
    return speeds


def test_a_category_1_stop_only_slows_and_ends_in_zero_for_good(rig: Rig) -> None:
    speeds = drive_and_stop(rig, StopCategory.CONTROLLED, 60)
    assert speeds[0] == pytest.approx(0.5)
    assert all(later <= earlier for earlier, later in itertools.pairwise(speeds))
    drops = [(earlier - later) / 0.02 for earlier, later in itertools.pairwise(speeds)]
    assert max(drops) <= 1.5 + 1e-6
    assert speeds[-1] == 0.0
    rig.gate.hear_command(FORWARD)
    assert rig.gate.output().velocity == ZERO


def test_a_harder_stop_cuts_a_ramp_short_and_a_softer_one_does_not_revive_it(rig: Rig) -> None:
    drive_and_stop(rig, StopCategory.CONTROLLED, 3)
    assert rig.gate.last.reason is Reason.RAMP
    rig.stop(StopCategory.UNCONTROLLED)
    assert rig.gate.output().velocity == ZERO
    rig.stop(StopCategory.CONTROLLED)
    assert rig.gate.output().velocity == ZERO


def test_a_monitor_that_dies_during_a_ramp_gives_zero(rig: Rig) -> None:
    drive_and_stop(rig, StopCategory.CONTROLLED, 3)
    rig.clock.advance(0.11)
    assert rig.gate.output().velocity == ZERO
    rig.stop(StopCategory.CONTROLLED)
    assert rig.gate.output().velocity == ZERO


def test_a_ramp_ends_after_its_longest_time_whatever_its_speed() -> None:
    ramp = Ramp(RampConfig(deceleration_mps2=0.1, longest_s=0.5))
    ramp.begin(FORWARD, 0)
    assert ramp.velocity(490_000_000).linear_mps > 0.4
    assert ramp.velocity(500_000_000) == ZERO


def test_turning_in_place_is_ramped_too() -> None:
    ramp = Ramp(RampConfig())
    ramp.begin(Velocity(angular=(0.0, 0.0, 1.0)), 0)
    assert 0.0 < ramp.velocity(100_000_000).angular_radps < 1.0
    assert ramp.velocity(1_000_000_000) == ZERO


def test_the_ramp_meets_worked_numbers() -> None:
    # 1 m/s, 2 m/s^2, 10 m/s^3: rises 0.2 s, holds 0.3 s, falls 0.2 s.
    assert speed_after(1.0, 2.0, 10.0, 0.0) == 1.0
    assert speed_after(1.0, 2.0, 10.0, 0.2) == pytest.approx(0.8)
    assert speed_after(1.0, 2.0, 10.0, 0.5) == pytest.approx(0.2)
    assert speed_after(1.0, 2.0, 10.0, 0.7) == 0.0
    # Too slow to reach full deceleration: the peak is sqrt(0.1 * 10) = 1 after 0.1 s.
    assert speed_after(0.1, 2.0, 10.0, 0.1) == pytest.approx(0.05)
    assert speed_after(0.1, 2.0, 10.0, 0.2) == pytest.approx(0.0)


@pytest.mark.parametrize('name', ['deceleration_mps2', 'jerk_mps3', 'longest_s'])
@pytest.mark.parametrize('value', [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_ramp_is_refused_by_name_and_value(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f'{name} is {value}'):
        RampConfig(**{name: value})
