"""Zones: where the robot must not be, must be slow, or needs a person's word."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.events import Event
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Policy, PolicyError, Reaction, load_policy
from eip_safety_monitor.readings import Odometry
from eip_safety_monitor.trial.play import Play
from eip_safety_monitor.zones.frames import FrameLink, Frames, FramesPolicy
from eip_safety_monitor.zones.polygon import (
    area,
    border_distance,
    box_distance,
    box_of,
    contains,
    signed_distance,
)
from eip_safety_monitor.zones.zone_guard import ZoneGuard
from eip_safety_monitor.zones.zones_policy import Zone, ZoneKind, speed_before

SQUARE = ((1.0, -1.0), (3.0, -1.0), (3.0, 1.0), (1.0, 1.0))
NOTCH = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0))
KEEP_OUT = Zone('stairs', ZoneKind.KEEP_OUT, SQUARE)
SLOW = Zone('door', ZoneKind.SPEED_LIMIT, SQUARE, speed_limit_mps=0.3)
LAB = Zone('lab', ZoneKind.PERMIT_ONLY, SQUARE)


def at(x_m: float, y_m: float = 0.0, speed_mps: float = 0.0, frame: str = 'odom') -> Odometry:
    return Odometry(x_m, y_m, 0.0, speed_mps, 0.0, 0.0, frame)


def with_zones(*zones: Zone) -> Policy:
    return dataclasses.replace(Policy(), zones=zones)


class Stage:
    """A play whose robot stands where it is put."""

    def __init__(self, *zones: Zone, x_m: float = 0.0) -> None:
        self.play = Play(with_zones(*zones))
        self.x_m, self.frame = x_m, 'odom'
        self.events: list[str] = []
        take = self.play.supervisor.take_events

        def keep() -> list[Event]:
            found = take()
            self.events += [event.message for event in found]
            return found

        self.play.supervisor.take_events = keep  # type: ignore[method-assign]
        self.go(x_m)

    def go(self, x_m: float, speed_mps: float = 0.0) -> None:
        self.x_m = x_m
        for _ in range(40):
            self.play.advance(0.04)
            self.play.sense()
            spot = self.play.odometry(speed_mps)
            spot = dataclasses.replace(spot, x_m=x_m, y_m=0.0, frame=self.frame)
            self.play.supervisor.surroundings.hear_odometry(spot)
            self.play.tick()

    @property
    def mode(self) -> Mode:
        return self.play.supervisor.mode


def test_a_polygon_with_a_notch_knows_its_inside() -> None:
    assert contains(NOTCH, 1.0, 1.0)
    assert not contains(NOTCH, 2.0, 2.0)
    assert not contains(NOTCH, -1.0, 0.0)
    assert area(NOTCH) == pytest.approx(10.0)


def test_the_distance_to_a_side_and_to_a_corner() -> None:
    assert border_distance(SQUARE, 0.0, 0.0) == pytest.approx(1.0)
    assert border_distance(SQUARE, 0.0, -2.0) == pytest.approx(math.sqrt(2.0))
    assert signed_distance(SQUARE, 1.5, 0.0) == pytest.approx(-0.5)
    assert KEEP_OUT.distance(0.0, 0.0, 0.2) == pytest.approx(0.8)


@given(
    st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(-math.pi, math.pi), st.floats(0.0, 5.0)
)
def test_moving_by_a_step_changes_the_distance_by_no_more(
    x_m: float, y_m: float, angle: float, step_m: float
) -> None:
    before = signed_distance(NOTCH, x_m, y_m)
    after = signed_distance(NOTCH, x_m + step_m * math.cos(angle), y_m + step_m * math.sin(angle))
    assert abs(after - before) <= step_m + 1e-9


def test_the_speed_before_a_border_by_worked_numbers() -> None:
    # 0.15 v + v^2 / 3 = 0.2825 has the root v = 0.7227...; check by putting it back.
    speed = speed_before(0.2825, 0.0, 1.5, 0.15)
    assert 0.15 * speed + speed**2 / 3.0 == pytest.approx(0.2825)
    # From 0.8 to 0.3 m/s takes 0.15 * 0.8 + (0.64 - 0.09) / 3 = 0.30333 m.
    assert speed_before(0.30333, 0.3, 1.5, 0.15) == pytest.approx(0.8, abs=1e-4)
    assert speed_before(0.0, 0.3, 1.5, 0.15) == 0.3
    assert speed_before(-1.0, 0.0, 1.5, 0.15) == 0.0
    assert speed_before(math.nan, 0.3, 1.5, 0.15) == 0.0


@given(st.floats(0.0, 10.0), st.floats(0.0, 1.0), st.floats(0.0, 2.0))
def test_the_speed_before_a_border_never_falls_with_distance(
    distance_m: float, more_m: float, limit_mps: float
) -> None:
    near = speed_before(distance_m, limit_mps, 1.5, 0.15)
    assert limit_mps <= near <= speed_before(distance_m + more_m, limit_mps, 1.5, 0.15) + 1e-12


def obey(
    zone: Zone, x_m: float, y_m: float, turns: list[float], acceleration: float
) -> Iterator[tuple[float, float]]:
    """Yield distance of the true hull, m, and speed, m/s, of a robot that does as permitted."""
    policy = with_zones(zone)
    guard, step_s = ZoneGuard(policy, ManualClock()), 0.01
    deceleration = policy.separation.deceleration_mps2
    told = deque([0.0] * 15)  # what was permitted a reaction time ago
    heading, speed, held = -math.pi / 2.0, 0.0, False
    for tick in range(600):
        view = guard.judge(at(x_m, y_m, speed))
        held = held or bool(view.causes)
        told.append(0.0 if held else min(0.8, view.permitted_mps))
        target = told.popleft()
        change = min(target - speed, acceleration * step_s)
        speed += max(change, -deceleration * step_s)
        heading += turns[tick // 100] * step_s
        x_m += speed * math.cos(heading) * step_s
        y_m += speed * math.sin(heading) * step_s
        yield zone.distance(x_m, y_m, policy.robot.radius_m), speed


ways = given(
    st.floats(-2.0, 6.0),
    st.floats(1.6, 3.0),
    st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6),
    st.floats(0.2, 3.0),
)


@settings(max_examples=60)
@ways
def test_a_robot_that_obeys_is_never_inside_a_keep_out_at_speed(
    x_m: float, y_m: float, turns: list[float], acceleration: float
) -> None:
    for hull_m, speed in obey(KEEP_OUT, x_m, y_m, turns, acceleration):
        assert hull_m > 0.0 or speed <= KEEP_OUT.creep_speed_mps + 1e-6
    assert hull_m > -0.01


@settings(max_examples=60)
@ways
def test_a_robot_that_obeys_is_slow_when_it_enters_a_speed_zone_and_is_not_held(
    x_m: float, y_m: float, turns: list[float], acceleration: float
) -> None:
    for hull_m, speed in obey(SLOW, x_m, y_m, turns, acceleration):
        assert hull_m > 0.0 or speed <= SLOW.limit_mps + 1e-6
    assert speed > 0.0


def test_a_keep_out_zone_slows_then_latches_until_the_robot_is_moved_out() -> None:
    stage = Stage(KEEP_OUT)
    stage.play.arm()
    stage.go(0.5, 0.1)
    assert stage.mode is Mode.ARMED
    assert stage.play.supervisor.state().limits.linear_mps < 0.8
    stage.go(0.8, 0.1)
    assert stage.mode is Mode.STOPPED
    assert not stage.play.reset().success
    stage.go(0.5)
    assert stage.mode is Mode.STOPPED
    assert stage.play.reset().success
    assert stage.play.arm().success


def test_a_keep_out_zone_of_the_softer_kind_holds_until_a_person_arms_anew() -> None:
    stage = Stage(dataclasses.replace(KEEP_OUT, reaction=Reaction.PROTECTIVE))
    stage.play.arm()
    stage.go(0.8, 0.1)
    assert stage.mode is Mode.PROTECTIVE
    stage.go(0.0)
    assert stage.mode is Mode.PROTECTIVE
    assert 'arm to go on' in stage.play.supervisor.state().cause
    stage.play.supervisor.disarm()
    assert stage.play.arm().success
    assert stage.mode is Mode.ARMED


def test_starting_inside_a_keep_out_zone_is_told_and_cannot_be_armed() -> None:
    stage = Stage(KEEP_OUT, x_m=2.0)
    assert stage.mode is Mode.STOPPED
    assert any('started inside keep_out zone stairs' in text for text in stage.events)
    assert not stage.play.arm().success


def test_a_speed_zone_limits_inside_and_not_far_outside_and_tells_both_ways() -> None:
    stage = Stage(SLOW)
    stage.play.arm()
    stage.go(0.9, 0.3)
    assert stage.play.supervisor.state().limits.linear_mps == 0.3
    assert stage.mode is Mode.ARMED
    stage.go(-1.0)
    assert stage.play.supervisor.state().limits.linear_mps == 0.8
    assert 'entered speed_limit zone door' in stage.events
    assert 'left speed_limit zone door' in stage.events


def test_a_robot_that_is_much_too_fast_in_a_speed_zone_is_held() -> None:
    stage = Stage(SLOW)
    stage.play.arm()
    stage.go(2.0, 0.75)
    assert stage.mode is Mode.PROTECTIVE
    assert 'zone.door' in stage.play.supervisor.state().active_causes


def test_a_permit_only_zone_holds_until_a_named_person_arms_inside() -> None:
    stage = Stage(LAB)
    stage.play.arm()
    stage.go(0.8, 0.1)
    assert stage.mode is Mode.PROTECTIVE
    stage.go(0.8)
    stage.play.supervisor.disarm()
    assert stage.play.arm('ada', 'the lab is empty').success
    stage.go(2.0, 0.5)
    assert stage.mode is Mode.ARMED
    stage.go(0.0)
    assert any('left permit_only zone lab (admitted by ada)' in text for text in stage.events)
    stage.go(2.0, 0.1)
    assert stage.mode is Mode.PROTECTIVE


def test_an_admission_ends_with_a_stop() -> None:
    stage = Stage(LAB, x_m=2.0)
    stage.play.arm()
    assert stage.mode is Mode.ARMED
    stage.play.emergency_stop()
    stage.play.reset()
    stage.go(2.0)
    view = stage.play.supervisor.state()
    assert 'zone.lab' in view.active_causes


def test_another_frame_is_a_fault() -> None:
    stage = Stage(KEEP_OUT)
    stage.play.arm()
    stage.frame = 'map'
    stage.go(0.0)
    assert stage.mode is Mode.STOPPED
    assert 'zone.frame' in stage.play.supervisor.state().active_causes


def test_without_odometry_nothing_is_permitted() -> None:
    guard = ZoneGuard(with_zones(SLOW), ManualClock())
    for odometry in (None, at(math.nan)):
        view = guard.judge(odometry)
        assert view.permitted_mps == 0.0
        assert [cause.reaction for cause in view.causes] == [Reaction.PROTECTIVE]
    assert ZoneGuard(Policy(), ManualClock()).judge(None).causes == ()


CORNERS = 'polygon: [[0, 0], [1, 0], [1, 1]]'


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{name: a, kind: keep_out, polygon: [[0, 0], [1, 0]]}', 'has 2 corners, give 3'),
        ('{name: a, kind: keep_out, polygon: [[0, 0], [1, 0], [2, 0]]}', 'spread the corners'),
        (
            '{name: a, kind: keep_out, polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}',
            'crosses itself',
        ),
        ('{name: a, kind: keep_out, polygon: [[0, 0], [0, 0], [1, 1]]}', 'repeats corner'),
        ('{name: a, kind: keep_out, polygon: [[0, 0, 1], [1, 0], [1, 1]]}', 'give 2'),
        ('{name: a, kind: keep_out, polygon: [[0, .nan], [1, 0], [1, 1]]}', 'a finite number'),
        ('{name: a, kind: moat, %s}', 'give one of: keep_out, speed_limit, permit_only'),
        ('{name: a, kind: speed_limit, %s}', 'speed_limit_mps is missing, add it'),
        ('{name: a, kind: speed_limit, speed_limit_mps: 0, %s}', 'give more than 0'),
        ('{name: a, kind: keep_out, speed_limit_mps: 1, %s}', 'no meaning for keep_out'),
        ('{name: a, kind: permit_only, reaction: emergency_stop, %s}', 'no meaning for permit'),
        ('{name: a, kind: keep_out, reaction: warn, %s}', 'give protective_stop or'),
        ('{name: "", kind: keep_out, %s}', 'use letters'),
        ('{name: a, kind: keep_out, frame: " ", %s}', 'frame is empty'),
        ('{kind: keep_out, %s}', 'name is missing, add it'),
    ],
)
def test_a_zone_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / 'policy.yaml'
    path.write_text('zones:\n  - ' + text.replace('%s', CORNERS) + '\n')
    with pytest.raises(PolicyError, match=words) as caught:
        load_policy(path)
    assert f'{path}:2: zones[0]' in str(caught.value)


def test_two_zones_of_one_name_are_told(tmp_path: Path) -> None:
    path = tmp_path / 'policy.yaml'
    zone = '{name: a, kind: keep_out, ' + CORNERS + '}'
    path.write_text(f'zones:\n  - {zone}\n  - {zone}\n')
    with pytest.raises(PolicyError, match='names a twice, rename one'):
        load_policy(path)


def test_a_place_goes_through_a_transform_by_worked_numbers() -> None:
    frames = Frames(frozenset({'map'}), FramesPolicy(), ManualClock())
    frames.hear(FrameLink('map', 'odom', 10.0, 20.0, math.pi / 2.0))
    assert frames.place(at(3.0, 1.0), 'map') == pytest.approx((9.0, 23.0))
    assert frames.place(at(3.0, 1.0), 'odom') == (3.0, 1.0)
    assert frames.place(at(3.0, 1.0), 'site') is None


@pytest.mark.parametrize(
    'link',
    [
        FrameLink('site', 'odom', 0.0, 0.0, 0.0),
        FrameLink('map', 'base_link', 0.0, 0.0, 0.0),
        FrameLink('map', 'odom', math.nan, 0.0, 0.0),
        FrameLink('map', 'odom', 0.0, 0.0, math.inf),
    ],
)
def test_a_transform_that_is_not_wanted_or_no_number_places_nothing(link: FrameLink) -> None:
    frames = Frames(frozenset({'map'}), FramesPolicy(), ManualClock())
    frames.hear(link)
    assert frames.place(at(1.0), 'map') is None


def test_zones_on_a_map_hold_while_the_localiser_speaks_and_stop_when_it_falls_silent() -> None:
    stage = Stage(dataclasses.replace(SLOW, frame='map'))
    here = stage.play.supervisor.surroundings

    def go(x_m: float, shift_m: float, times: int = 40) -> None:
        for _ in range(times):
            here.hear_link(FrameLink('map', 'odom', shift_m, 0.0, 0.0))
            stage.play.advance(0.04)
            stage.play.sense()
            spot = dataclasses.replace(stage.play.odometry(0.1), x_m=x_m, y_m=0.0)
            here.hear_odometry(spot)
            stage.play.tick()

    assert 'odometry in odom, and no fresh transform' in stage.play.arm().message
    go(0.0, 0.0)
    stage.go(0.0)
    here.hear_link(FrameLink('map', 'odom', 0.0, 0.0, 0.0))
    stage.play.tick()
    assert stage.play.arm().success
    go(0.0, -2.0)
    assert stage.play.supervisor.state().limits.linear_mps == 0.8
    go(0.0, 2.0)
    assert stage.play.supervisor.state().limits.linear_mps == 0.3
    stage.go(0.0)
    assert stage.mode is Mode.STOPPED
    assert 'zone.frame' in stage.play.supervisor.state().active_causes


@given(st.floats(-20.0, 20.0), st.floats(-20.0, 20.0))
def test_a_zone_far_off_is_judged_by_its_box_and_no_other_speed_comes_of_it(
    x_m: float, y_m: float
) -> None:
    zone = Zone('notch', ZoneKind.KEEP_OUT, NOTCH)
    assert box_distance(box_of(NOTCH), x_m, y_m) <= border_distance(NOTCH, x_m, y_m) + 1e-9
    found = ZoneGuard(with_zones(zone), ManualClock()).judge(at(x_m, y_m))
    exact = speed_before(zone.distance(x_m, y_m, 0.2 + 0.03), 0.0, 1.5, 0.15)
    assert min(0.8, found.permitted_mps) == pytest.approx(min(0.8, max(0.1, exact)))
