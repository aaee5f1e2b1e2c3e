"""Latch, watchdogs and requests, joined."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.events import Event
from eip_safety_monitor.latch.state_store import Moment
from eip_safety_monitor.latch.stop_latch import TRANSITIONS, Input, state_chart
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import PeoplePolicy, PeopleSource, Policy
from eip_safety_monitor.readings import Beat, Scene, VerdictHeard
from eip_safety_monitor.trial.play import Play


def armed(policy: Policy | None = None) -> Play:
    play = Play(policy)
    run(play, 0.2)
    assert play.arm().success
    return play


def run(play: Play, duration_s: float, **sensed: object) -> None:
    for _ in range(round(duration_s / 0.04)):
        play.advance(0.04)
        play.sense(**sensed)  # type: ignore[arg-type]
        play.tick()


def causes(play: Play) -> tuple[str, ...]:
    return play.supervisor.state().active_causes


def test_the_first_start_is_disarmed_and_permits_nothing() -> None:
    play = Play()
    state = play.supervisor.state()
    assert state.mode is Mode.DISARMED
    assert not state.is_motion_permitted
    assert state.limits.linear_mps == 0.0


def test_arming_permits_motion_up_to_the_robots_limits() -> None:
    state = armed().supervisor.state()
    assert state.is_motion_permitted
    assert state.limits.linear_mps == Policy().robot.max_linear_speed_mps
    assert state.cause == ''


def silence(name: str) -> Callable[[Play], None]:
    def act(play: Play) -> None:
        here = play.supervisor.surroundings
        for _ in range(40):
            play.advance(0.04)
            if name != 'odom':
                here.hear_odometry(play.odometry())
            if name != 'scan':
                here.hear_scan(play._scan(3.0))
            if name != 'hardware_stop':
                here.hear_hardware_stop(False)
            if name != 'scene':
                here.hear_scene(Scene())
            for node in play.peers:
                if node != name:
                    play.beat(node)
            play.tick()

    return act


@pytest.mark.parametrize('name', ['scan', 'odom', 'hardware_stop', 'motion_gate'])
def test_the_loss_of_what_motion_needs_latches(name: str) -> None:
    play = armed()
    silence(name)(play)
    assert play.supervisor.mode is Mode.STOPPED
    assert f'watchdog.{name}' in causes(play)
    run(play, 2.0)
    assert play.supervisor.mode is Mode.STOPPED


@pytest.mark.parametrize('name', ['scene', 'safety_llm'])
def test_the_loss_of_what_only_holds_clears_by_itself(name: str) -> None:
    play = armed()
    silence(name)(play)
    assert play.supervisor.mode is Mode.PROTECTIVE
    assert f'watchdog.{name}' in causes(play)
    run(play, 2.0)
    assert play.supervisor.mode is Mode.ARMED


@pytest.mark.parametrize('name', ['memory_manager', 'performance_monitor'])
def test_the_loss_of_a_helper_only_warns(name: str) -> None:
    play = armed()
    silence(name)(play)
    silence(name)(play)
    assert play.supervisor.mode is Mode.ARMED
    assert f'watchdog.{name}' in causes(play)


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_blind_lidar_latches(value: float) -> None:
    play = armed()
    play.bad_scan(value)
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'scan.implausible' in causes(play)


def test_odometry_that_is_no_number_latches() -> None:
    play = armed()
    play.sense(math.nan)
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED


@pytest.mark.parametrize(
    ('field', 'named'),
    [
        ('y_m', 'pose.pose.position is'),
        ('yaw_rad', 'pose.pose.orientation is no unit quaternion'),
        ('sideways_mps', 'twist.twist.linear is'),
        ('turn_radps', 'twist.twist.angular.z is'),
    ],
)
def test_odometry_that_is_no_number_names_the_field(field: str, named: str) -> None:
    play = armed()
    wrong: dict[str, Any] = {field: math.nan}
    odometry = dataclasses.replace(play.odometry(), **wrong)
    play.supervisor.surroundings.hear_odometry(odometry)
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert named in play.supervisor.state().cause


def test_a_person_too_near_holds_and_lets_go_one_second_after() -> None:
    play = armed()
    play.person_m = 0.4
    run(play, 0.2)
    assert play.supervisor.mode is Mode.PROTECTIVE
    assert 'person.too_near' in causes(play)
    play.person_m = None
    run(play, 0.9)
    assert play.supervisor.mode is Mode.PROTECTIVE
    run(play, 0.3)
    assert play.supervisor.mode is Mode.ARMED


def test_each_cause_is_counted_with_how_long_it_stood() -> None:
    play = armed()
    for person_m in (0.4, None, 0.4, None):
        play.person_m = person_m
        run(play, 2.0)
    found = {item.identifier: item for item in play.supervisor.cause_figures()}
    near = found['person.too_near']
    assert (near.times, near.stands, near.trend) == (2, False, 'rising')
    assert near.stood_s == pytest.approx(4.0, abs=0.2)
    play.person_m = 0.4
    run(play, 0.2)
    assert {item.identifier for item in play.supervisor.cause_figures() if item.stands} == {
        'person.too_near'
    }


def test_a_person_farther_off_slows_the_robot() -> None:
    play = armed()
    play.person_m = 1.2
    run(play, 0.2)
    state = play.supervisor.state()
    assert state.mode is Mode.ARMED
    assert 0.0 < state.limits.linear_mps < 0.8
    assert state.nearest_person_m == pytest.approx(1.2)


def test_with_the_lidar_as_source_any_echo_may_be_a_person() -> None:
    people = PeoplePolicy(source=PeopleSource.LIDAR)
    play = armed(dataclasses.replace(Policy(), people=people))
    play.bad_scan(0.4)
    play.tick()
    assert play.supervisor.mode is Mode.PROTECTIVE


def test_the_hardware_stop_latches_and_reset_waits_for_its_release() -> None:
    play = armed()
    run(play, 0.1, is_pressed=True)
    assert play.supervisor.mode is Mode.STOPPED
    answer = play.reset()
    assert not answer.success
    assert 'pressed' in answer.message
    run(play, 0.1)
    assert play.supervisor.mode is Mode.STOPPED
    assert play.reset().success
    assert play.supervisor.mode is Mode.DISARMED
    assert play.arm().success


def test_reset_is_refused_while_the_robot_moves() -> None:
    play = armed()
    play.emergency_stop()
    run(play, 0.1, speed_mps=0.3)
    assert not play.reset().success
    run(play, 0.04)
    assert 'stood still' in play.reset().message
    run(play, 0.1)
    assert play.supervisor.state().is_resettable
    assert play.reset().success


def test_a_stop_before_odometry_tells_of_the_motion_is_not_resettable_yet() -> None:
    play = armed()
    play.emergency_stop()
    assert not play.supervisor.state().is_resettable
    assert 'stood still' in play.reset().message
    run(play, 0.12)
    assert play.supervisor.state().is_resettable
    assert play.reset().success


def test_reset_is_refused_twice_within_the_cooldown() -> None:
    play = armed()
    play.emergency_stop()
    run(play, 0.12)
    assert play.reset().success
    play.emergency_stop()
    answer = play.reset()
    assert not answer.success
    assert 'wait' in answer.message
    run(play, 1.1)
    assert play.reset().success


def reset_and_stopped_anew() -> Play:
    play = armed()
    play.emergency_stop()
    run(play, 0.12)
    assert play.reset().success
    play.emergency_stop()
    return play


def test_the_cooldown_goes_on_over_a_restart() -> None:
    play = reset_and_stopped_anew()
    play.start_monitor()
    run(play, 0.2)
    assert 'wait 0.8 s' in play.reset().message
    play.start_monitor()
    run(play, 0.9)
    assert play.reset().success


@pytest.mark.parametrize(
    ('last_reset', 'is_over'),
    [
        pytest.param(Moment('other boot', 10**18), True, id='before this boot'),
        pytest.param(Moment('boot', 10**18), True, id='later than now, so before this boot'),
        pytest.param(Moment('boot', 10**12), False, id='just now'),
        pytest.param(None, True, id='never'),
    ],
)
def test_a_reset_before_this_boot_counts_from_the_boot(
    last_reset: Moment | None, is_over: bool
) -> None:
    play = reset_and_stopped_anew()
    assert play.store.saved is not None
    play.store.saved = dataclasses.replace(play.store.saved, last_reset=last_reset)
    play.start_monitor()
    run(play, 0.2)
    assert play.reset().success is is_over


def test_the_cooldown_holds_right_after_a_boot_for_what_was_reset_before_it() -> None:
    play = reset_and_stopped_anew()
    play.clock = ManualClock(0.3)
    assert play.store.saved is not None
    play.store.saved = dataclasses.replace(play.store.saved, last_reset=Moment('old', 10**12))
    play.start_monitor()
    run(play, 0.2)
    assert 'wait 0.5 s' in play.reset().message


def test_with_a_lost_latch_file_the_cooldown_begins_at_the_start() -> None:
    play = armed()
    play.store.saved = None
    play.start_monitor()
    run(play, 0.2)
    assert 'wait 0.8 s' in play.reset().message
    run(play, 0.9)
    assert play.reset().success


def test_reset_without_a_stop_is_refused() -> None:
    assert not armed().reset().success


@pytest.mark.parametrize(
    ('name', 'reason'), [('', 'ok'), (' \t', 'ok'), ('ada', ''), ('a' * 999, 'b')]
)
def test_reset_and_arm_need_a_name_and_a_reason(name: str, reason: str) -> None:
    play = Play()
    run(play, 0.2)
    assert not play.arm(name, reason).success
    play.emergency_stop()
    assert not play.reset(name, reason).success


def test_arming_is_refused_before_everything_needed_was_heard() -> None:
    play = Play()
    answer = play.arm()
    assert not answer.success
    for name in ('scan', 'odom', 'hardware_stop', 'motion_gate'):
        assert name in answer.message


def test_what_never_comes_is_a_latched_stop_after_its_grace() -> None:
    play = Play()
    for _ in range(100):
        play.advance(0.4)
        play.tick()
    assert play.supervisor.mode is Mode.STOPPED


def test_a_monitor_that_did_not_run_for_long_stops() -> None:
    play = armed()
    play.advance(1.0)
    play.sense()
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'monitor.stalled' in causes(play)


def test_a_monitor_that_did_not_run_while_nothing_was_permitted_is_no_fault() -> None:
    play = Play()
    run(play, 0.2)
    play.advance(1.0)
    play.sense()
    play.tick()
    assert play.supervisor.mode is Mode.DISARMED


def test_silence_while_disarmed_latches_nothing_but_refuses_to_arm_as_long_as_it_lasts() -> None:
    play = Play()
    run(play, 0.2)
    silence('scan')(play)
    assert play.supervisor.mode is Mode.DISARMED
    assert 'watchdog.scan' in causes(play)
    assert 'scan is silent' in play.supervisor.state().cause
    refused = play.arm()
    assert not refused.success
    assert 'scan is silent' in refused.message
    run(play, 0.2)
    assert play.arm().success


def test_arming_waits_for_a_gate_that_is_ready_and_says_why() -> None:
    play = Play()
    run(play, 0.2)
    gate = play.peers['motion_gate']
    beat = Beat('motion_gate', str(gate.instance), gate.sequence + 1, detail='it has not heard')
    play.supervisor.hear_beat(beat)
    refused = play.arm()
    assert not refused.success
    assert refused.message == 'refused: motion_gate is not ready: it has not heard; try again'
    assert play.supervisor.mode is Mode.DISARMED
    gate.sequence += 1
    run(play, 0.04)
    assert play.arm().success


def test_a_helper_that_is_not_ready_refuses_nothing() -> None:
    play = Play()
    run(play, 0.2)
    helper = play.peers['memory_manager']
    beat = Beat('memory_manager', str(helper.instance), helper.sequence + 1, detail='loading')
    play.supervisor.hear_beat(beat)
    assert play.arm().success


def test_a_hardware_stop_pressed_while_disarmed_latches() -> None:
    play = Play()
    run(play, 0.2)
    run(play, 0.2, is_pressed=True)
    run(play, 0.2)
    assert play.supervisor.mode is Mode.STOPPED
    assert 'hardware_stop' in causes(play)


def test_a_full_disk_stops_with_its_cause_and_can_be_reset_when_there_is_room() -> None:
    play = armed()
    play.log.is_full = True
    play.supervisor.hear_verdict(VerdictHeard('r', 'text', 'command', -1, 'allow', 1.0, 'fine'))
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'audit.failed' in causes(play)
    assert not play.reset().success
    play.log.is_full = False
    run(play, 2.0)
    assert play.reset().success


def test_a_stop_survives_a_restart_and_so_does_its_cause() -> None:
    play = armed()
    play.emergency_stop()
    play.start_monitor()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'operator.emergency_stop' in causes(play)


def test_an_unclean_end_while_armed_comes_up_stopped() -> None:
    play = armed()
    play.start_monitor()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'restart.unclean' in causes(play)


def test_an_orderly_end_while_armed_comes_up_disarmed() -> None:
    play = armed()
    play.supervisor.shut_down()
    play.start_monitor()
    assert play.supervisor.mode is Mode.DISARMED


@pytest.mark.parametrize('make', [armed, Play], ids=['armed', 'disarmed'])
def test_a_crash_comes_up_stopped_by_the_exception_and_is_no_orderly_end(
    make: Callable[[], Play],
) -> None:
    play = make()
    play.supervisor.crash(RuntimeError('the wheel came off'))
    assert play.log.last is not None
    assert (play.log.last.body['kind'], play.log.last.body['cause']) == ('stop', 'monitor.crashed')
    play.start_monitor()
    state = play.supervisor.state()
    assert state.mode is Mode.STOPPED
    assert 'monitor.crashed' in state.active_causes
    assert 'RuntimeError: the wheel came off' in state.cause


def test_a_second_crash_is_in_the_log_and_in_the_cause_as_well() -> None:
    play = armed()
    play.supervisor.crash(RuntimeError('first'))
    play.start_monitor()
    play.supervisor.crash(ValueError('second'))
    assert play.log.last is not None
    assert 'second' in play.log.last.body['message']
    play.start_monitor()
    assert 'ValueError: second' in play.supervisor.state().cause


def test_a_crash_that_cannot_be_written_down_is_an_unclean_end() -> None:
    play = armed()
    play.log.is_full = play.store.is_full = True
    play.supervisor.crash(RuntimeError('the disk came off'))
    play.log.is_full = play.store.is_full = False
    play.log.is_unsaved = False
    play.start_monitor()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'restart.unclean' in causes(play)


def test_a_lost_latch_file_beside_a_log_comes_up_stopped() -> None:
    play = armed()
    play.supervisor.shut_down()
    play.store.saved = None
    play.start_monitor()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'restart.state_missing' in causes(play)


def test_another_monitor_stops_this_one() -> None:
    play = armed()
    play.supervisor.hear_other_monitor()
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'monitor.second' in causes(play)


def test_every_change_is_one_event_with_mode_before_and_after() -> None:
    events: list[Event] = []
    play = Play()
    take = play.supervisor.take_events
    play.supervisor.take_events = lambda: events.extend(found := take()) or found  # type: ignore[method-assign,func-returns-value]
    run(play, 0.2)
    play.arm('ada', 'all clear')
    play.emergency_stop()
    run(play, 0.12)
    play.reset('ada', 'looked')
    kinds = [(event.kind, event.before, event.after) for event in events]
    assert kinds == [
        ('start', Mode.DISARMED, Mode.DISARMED),
        ('arm', Mode.DISARMED, Mode.ARMED),
        ('stop', Mode.ARMED, Mode.STOPPED),
        ('reset', Mode.STOPPED, Mode.DISARMED),
    ]
    assert (events[1].operator_name, events[1].reason) == ('ada', 'all clear')
    assert all(event.hash for event in events)


def test_a_beat_of_an_unknown_node_changes_nothing() -> None:
    play = armed()
    play.supervisor.hear_beat(Beat('stranger', 'x', 1))
    play.tick()
    assert play.supervisor.mode is Mode.ARMED


def test_from_stopped_only_reset_leads_out_and_never_to_motion() -> None:
    ways_out = {
        what: after
        for (before, what), after in TRANSITIONS.items()
        if before is Mode.STOPPED and after is not Mode.STOPPED
    }
    assert ways_out == {Input.RESET: Mode.DISARMED}


def test_a_stop_is_possible_from_every_mode() -> None:
    assert all(TRANSITIONS[mode, Input.STOP] is Mode.STOPPED for mode in Mode)


def test_the_state_chart_shows_every_transition() -> None:
    chart = state_chart()
    assert all(f'{b.name} --> {a.name}: {w}' in chart for (b, w), a in TRANSITIONS.items())


def test_a_gate_that_was_restarted_while_armed_is_a_latched_stop() -> None:
    play = armed()
    play.advance(0.3)
    play.peers['motion_gate'].instance += 1
    play.peers['motion_gate'].sequence = 0
    play.sense()
    play.tick()
    assert play.supervisor.mode is Mode.STOPPED
    assert 'restarted.motion_gate' in causes(play)
    run(play, 1.5)
    assert play.reset().success
    assert play.arm().success
