"""Things broken on purpose, each with what must come of it."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from dataclasses import replace

from eip.msg import SafetyState
from eip_ros.names import Topic
from eip_safety_monitor.trial.bench import Bench
from eip_safety_monitor.trial.fake_inputs import BEAMS
from eip_safety_monitor.trial.fault import Broken, Fault
from eip_safety_monitor.trial.input_faults import (
    bad_odometry,
    bad_wish,
    flood,
    frozen_scan,
    person,
    person_on_busy_machine,
    person_while_llm_allows,
    pressed,
    ranges,
    silent,
    slow,
    stamps,
)
from eip_safety_monitor.trial.node_faults import (
    impostor_heartbeat,
    kill_gate,
    kill_monitor,
    restart_gate,
    second_monitor,
    second_monitor_process,
    suspend_gate,
    suspend_monitor,
)
from eip_safety_monitor.trial.process_faults import (
    disk_full,
    disk_read_only,
    monitor_never_started,
    peer_lost,
    peer_lost_and_motion_goes_on,
    wall_clock,
)
from eip_safety_monitor.trial.small_disk import why_no_small_disk
from eip_safety_monitor.trial.wall_clock import why_no_wall_clock

__all__ = ['FAULTS']

STOPPED, PROTECTIVE, ARMED = SafetyState.STOPPED, SafetyState.PROTECTIVE, SafetyState.ARMED


def _latches(name: str, broken: Broken, deadline_s: float, says: str = '') -> Fault:
    return Fault(name, 'latched stop', broken, deadline_s, (STOPPED,), (STOPPED,), says)


def _holds(name: str, broken: Broken, deadline_s: float, says: str = '') -> Fault:
    return Fault(name, 'protective stop', broken, deadline_s, (PROTECTIVE,), (ARMED,), says)


def _zeroes(name: str, broken: Broken, deadline_s: float) -> Fault:
    return Fault(name, 'zero while it lasts', broken, deadline_s, (ARMED,), (ARMED,))


def _silences(name: str, broken: Broken) -> Fault:
    return Fault(name, 'zero, latched on return', broken, 0.15, (None,), (STOPPED,))


def _goes_on(name: str, broken: Broken, why_not: Callable[[], str] = lambda: '') -> Fault:
    """Motion goes on under the fault, and a person near still stops it in time."""
    expected = 'goes on, still stops'
    return Fault(name, expected, broken, 0.1, (PROTECTIVE,), (ARMED,), why_not=why_not)


ANY = (STOPPED, PROTECTIVE, ARMED)
# Losing a signal takes its own time limit of the policy, plus 0.2 s.
FAULTS = (
    _silences('monitor_killed', kill_monitor),
    _silences('monitor_suspended', suspend_monitor),
    Fault('monitor_never_started', 'zero', monitor_never_started, 1.5, (None,), (STOPPED,)),
    _latches('gate_killed', kill_gate, 0.8, 'motion_gate is silent .* is ended'),
    _latches('gate_suspended', suspend_gate, 0.8, 'motion_gate is silent .* is suspended'),
    _latches('gate_restarted_while_moving', restart_gate, 1.5),
    _holds('person_too_near', person, 0.1),
    _holds('person_while_llm_allows_all', person_while_llm_allows, 0.1),
    Fault(
        'person_on_starved_cpu',
        'protective stop',
        person_on_busy_machine,
        0.15,
        (STOPPED, PROTECTIVE),
        (ARMED, STOPPED),
    ),
    _latches('hardware_stop_pressed', pressed, 0.1),
    _latches('hardware_stop_lost', silent(Topic.HARDWARE_STOP), 0.6),
    _latches('scan_lost', silent(Topic.SCAN), 0.6),
    _latches('odom_lost', silent(Topic.ODOM), 0.6),
    _holds('odom_slow', slow(Topic.ODOM, 7), 1.5, 'odom comes . times a second'),
    _holds('scene_lost', silent(Topic.SCENE), 0.8),
    _holds('llm_lost', silent('safety_llm'), 1.3, 'safety_llm is silent'),
    _holds('llm_killed', peer_lost('safety_llm', signal.SIGKILL), 1.3, 'is ended'),
    _holds('llm_suspended', peer_lost('safety_llm', signal.SIGSTOP), 1.3, 'is suspended'),
    _holds('llm_hung', peer_lost('safety_llm', signal.SIGUSR1, Bench.peer), 1.3, 'is hung'),
    *(
        _goes_on(f'{name}_{word}', peer_lost_and_motion_goes_on(name, number))
        for name in ('memory_manager', 'performance_monitor')
        for word, number in (('killed', signal.SIGKILL), ('suspended', signal.SIGSTOP))
    ),
    _goes_on('wall_clock_an_hour_ahead', wall_clock(3600.0), why_no_wall_clock),
    _goes_on('wall_clock_an_hour_back', wall_clock(-3600.0), why_no_wall_clock),
    _latches('scan_nan', ranges([math.nan] * BEAMS), 0.2),
    _latches('scan_infinite', ranges([math.inf] * BEAMS), 0.2),
    _latches('scan_empty', ranges([]), 0.2),
    _latches('scan_frozen', frozen_scan, 2.0),
    _latches('stamps_late', stamps(-10.0), 0.2),
    _latches('stamps_ahead', stamps(10.0), 0.2),
    _latches('odom_nan', bad_odometry, 0.2),
    _zeroes('command_nan', bad_wish(math.nan), 0.1),
    _zeroes('command_infinite', bad_wish(math.inf), 0.1),
    _zeroes('command_lost', silent(Topic.CMD_VEL_IN), 0.4),
    Fault('second_monitor_permits', 'zero', second_monitor, 0.15, ANY, ANY),
    # From its first word to the robot; DDS may match it with monitor and gate a good deal later.
    _latches('second_monitor_process', second_monitor_process, 1.5),
    _latches('heartbeat_impostor', impostor_heartbeat, 0.8),
    _latches('audit_disk_full', disk_full, 0.3, 'cannot be written: (No space|File too large)'),
    replace(
        _latches('audit_disk_read_only', disk_read_only, 0.3, 'written: Read-only file system'),
        why_not=why_no_small_disk,
    ),
    Fault('flood_on_every_input', 'stop', flood, 3.0, (STOPPED, PROTECTIVE, None), ANY),
)
