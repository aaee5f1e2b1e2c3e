"""Things broken on purpose, each with what must come of it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from eip.msg import SafetyState
from eip_ros.names import Topic
from eip_safety_monitor.clock import seconds
from eip_safety_monitor.trial.bench import Bench
from eip_safety_monitor.trial.fake_robot import BEAMS
from eip_safety_monitor.trial.process_faults import (
    disk_full,
    disk_read_only,
    monitor_never_started,
    peer_dies_and_motion_goes_on,
    peer_lost,
    wall_clock,
)
from eip_safety_monitor.trial.small_disk import why_no_small_disk
from eip_safety_monitor.trial.wall_clock import why_no_wall_clock

__all__ = ['FAULTS', 'Fault', 'Outcome', 'try_fault']

STOPPED, PROTECTIVE, ARMED = SafetyState.STOPPED, SafetyState.PROTECTIVE, SafetyState.ARMED
QUIET_S = 0.3
"""After the first zero no motion may come for so long while the fault stands."""

Broken = Callable[[Bench], Iterator[int]]


@dataclass(frozen=True)
class Fault:
    """One way to break things.

    `broken` is a context manager's generator: it yields the monotonic time at which the fault
    began, ns, and heals it afterwards. The gate must give zero within `deadline_s` and the monitor
    come to one of `modes` (None: it is dead or cannot be heard) while the fault stands. `keeps`
    are the modes allowed after it has healed, before any reset. `says` is a regular expression that
    a cause or event must match. `why_not` says why it cannot be tried here.
    """

    name: str
    expected: str
    broken: Broken
    deadline_s: float
    modes: tuple[int | None, ...]
    keeps: tuple[int | None, ...]
    says: str = ''
    why_not: Callable[[], str] = lambda: ''


@dataclass(frozen=True)
class Outcome:
    """What came of one trial; `stop_s` is None when the robot did not stop in time."""

    passed: bool
    stop_s: float | None
    problem: str = ''


def try_fault(fault: Fault, bench: Bench) -> Outcome:
    """Make the robot move, break things, watch, heal, watch again."""
    robot = bench.robot
    bench.drive()
    with contextmanager(fault.broken)(bench) as began_ns:
        _sleep_until(began_ns, fault.deadline_s)
        if not robot.wait(lambda: robot.mode() in fault.modes, 4.0):
            return Outcome(False, None, f'mode is {robot.mode()}, not one of {fault.modes}')
        if fault.says and not robot.wait(lambda: robot.is_heard(fault.says, began_ns), 4.0):
            return Outcome(False, None, f'nobody said {fault.says!r}')
        time.sleep(QUIET_S)
        moved_ns = max(began_ns, robot.last_motion_ns() or 0)
        if seconds(_now() - moved_ns) < QUIET_S / 2:
            return Outcome(False, None, 'the robot moves')
        # A dead gate gives nothing at all; the base then stops by its own time limit.
        stopped_ns = robot.first_zero_ns(moved_ns, 0.0) or moved_ns
    time.sleep(QUIET_S)
    if not robot.wait(lambda: robot.mode() in fault.keeps, 8.0):
        return Outcome(False, None, f'healed, mode is {robot.mode()}, not one of {fault.keeps}')
    stop_s = (stopped_ns - began_ns) / 1e9
    in_time = stop_s <= fault.deadline_s
    return Outcome(in_time, stop_s, '' if in_time else f'took {stop_s * 1000:.0f} ms')


def _sleep_until(began_ns: int, deadline_s: float) -> None:
    time.sleep(max(0.0, deadline_s - seconds(_now() - began_ns)))


def _now() -> int:
    return time.monotonic_ns()


def _kill_monitor(bench: Bench) -> Iterator[int]:
    began_ns = _now()
    bench.monitor.kill()
    yield began_ns
    bench.monitor.start()


def _suspend_monitor(bench: Bench) -> Iterator[int]:
    began_ns = _now()
    bench.monitor.send(signal.SIGSTOP)
    yield began_ns
    time.sleep(0.5)
    bench.monitor.send(signal.SIGCONT)


def _kill_gate(bench: Bench) -> Iterator[int]:
    bench.gate.kill()
    yield _now()
    bench.gate.start()


def _restart_gate(bench: Bench) -> Iterator[int]:
    bench.gate.kill()
    began_ns = _now()
    bench.gate.start()
    yield began_ns


def _suspend_gate(bench: Bench) -> Iterator[int]:
    bench.gate.send(signal.SIGSTOP)
    yield _now()
    time.sleep(0.5)
    bench.gate.send(signal.SIGCONT)


def _silent(name: str) -> Broken:
    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.silent.add(name)
        yield _now()
        bench.robot.silent.discard(name)

    return broken


def _ranges(values: Sequence[float]) -> Broken:
    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.ranges = list(values)
        yield _now()
        bench.robot.ranges = [3.0] * BEAMS

    return broken


def _frozen_scan(bench: Bench) -> Iterator[int]:
    bench.robot.is_scan_frozen = True
    yield _now()
    bench.robot.is_scan_frozen = False


def _stamps(offset_s: float) -> Broken:
    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.stamp_offset_s = offset_s
        yield _now()
        bench.robot.stamp_offset_s = 0.0

    return broken


def _bad_odometry(bench: Bench) -> Iterator[int]:
    bench.robot.odometry_speed = math.nan
    yield _now()
    bench.robot.odometry_speed = None


def _bad_wish(value: float) -> Broken:
    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.wanted = (value, 0.0)
        yield _now()
        bench.robot.wanted = (0.3, 0.0)

    return broken


def _pressed(bench: Bench) -> Iterator[int]:
    yield bench.robot.press(True)
    bench.robot.press(False)


def _person(bench: Bench) -> Iterator[int]:
    yield bench.robot.show_person(0.4)
    bench.robot.show_person(None)


def _person_while_llm_allows(bench: Bench) -> Iterator[int]:
    stop = threading.Event()
    thread = threading.Thread(target=_allow_all, args=(bench, stop))
    thread.start()
    time.sleep(0.3)
    yield bench.robot.show_person(0.4)
    stop.set()
    thread.join()
    bench.robot.show_person(None)


def _allow_all(bench: Bench, stop: threading.Event) -> None:
    while not stop.is_set():
        bench.robot.allow_everything()
        time.sleep(0.01)


def _person_on_busy_machine(bench: Bench) -> Iterator[int]:
    count = 2 * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(count)]
    try:
        time.sleep(0.5)
        bench.robot.make_move(30.0)
        yield bench.robot.show_person(0.4)
    finally:
        for process in busy:
            process.kill()
            process.wait()
        bench.robot.show_person(None)


def _second_monitor(bench: Bench) -> Iterator[int]:
    began_ns = _now()
    with bench.robot.repeating(bench.robot.impostor_permit, 0.04):
        yield began_ns


def _second_monitor_process(bench: Bench) -> Iterator[int]:
    other = bench.other_monitor()
    seen = len(bench.robot.monitor_ids())
    other.start()
    if not bench.robot.wait(lambda: len(bench.robot.monitor_ids()) > seen, 10.0):
        raise TimeoutError('the second monitor did not start')
    yield _now()
    other.stop()


def _impostor_heartbeat(bench: Bench) -> Iterator[int]:
    old = [beat for beat in bench.robot.heard_beats if beat.node == 'motion_gate'][:5]
    bench.gate.send(signal.SIGSTOP)
    began_ns = _now()
    with bench.robot.repeating(lambda: bench.robot.replay(old), 0.1):
        yield began_ns
    bench.gate.send(signal.SIGCONT)


def _flood(bench: Bench) -> Iterator[int]:
    bench.flooder.start()
    yield _now()
    bench.flooder.stop()


def _slow(name: str, every: int) -> Broken:
    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.slowed[name] = every
        yield _now()
        del bench.robot.slowed[name]

    return broken


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
    _silences('monitor_killed', _kill_monitor),
    _silences('monitor_suspended', _suspend_monitor),
    Fault('monitor_never_started', 'zero', monitor_never_started, 1.5, (None,), (STOPPED,)),
    _latches('gate_killed', _kill_gate, 0.8, 'motion_gate is silent .* is ended'),
    _latches('gate_suspended', _suspend_gate, 0.8, 'motion_gate is silent .* is suspended'),
    _latches('gate_restarted_while_moving', _restart_gate, 1.5),
    _holds('person_too_near', _person, 0.1),
    _holds('person_while_llm_allows_all', _person_while_llm_allows, 0.1),
    Fault(
        'person_on_starved_cpu',
        'protective stop',
        _person_on_busy_machine,
        0.15,
        (STOPPED, PROTECTIVE),
        (ARMED, STOPPED),
    ),
    _latches('hardware_stop_pressed', _pressed, 0.1),
    _latches('hardware_stop_lost', _silent(Topic.HARDWARE_STOP), 0.6),
    _latches('scan_lost', _silent(Topic.SCAN), 0.6),
    _latches('odom_lost', _silent(Topic.ODOM), 0.6),
    _holds('odom_slow', _slow(Topic.ODOM, 7), 1.5, 'odom comes . times a second'),
    _holds('scene_lost', _silent(Topic.SCENE), 0.8),
    _holds('llm_lost', _silent('safety_llm'), 1.3, 'safety_llm is silent'),
    _holds('llm_killed', peer_lost('safety_llm', signal.SIGKILL), 1.3, 'is ended'),
    _holds('llm_suspended', peer_lost('safety_llm', signal.SIGSTOP), 1.3, 'is suspended'),
    _holds('llm_hung', peer_lost('safety_llm', signal.SIGUSR1), 1.3, 'is hung'),
    _goes_on('memory_manager_killed', peer_dies_and_motion_goes_on('memory_manager')),
    _goes_on('performance_monitor_killed', peer_dies_and_motion_goes_on('performance_monitor')),
    _goes_on('wall_clock_an_hour_ahead', wall_clock(3600.0), why_no_wall_clock),
    _goes_on('wall_clock_an_hour_back', wall_clock(-3600.0), why_no_wall_clock),
    _latches('scan_nan', _ranges([math.nan] * BEAMS), 0.2),
    _latches('scan_infinite', _ranges([math.inf] * BEAMS), 0.2),
    _latches('scan_empty', _ranges([]), 0.2),
    _latches('scan_frozen', _frozen_scan, 2.0),
    _latches('stamps_late', _stamps(-10.0), 0.2),
    _latches('stamps_ahead', _stamps(10.0), 0.2),
    _latches('odom_nan', _bad_odometry, 0.2),
    _zeroes('command_nan', _bad_wish(math.nan), 0.1),
    _zeroes('command_infinite', _bad_wish(math.inf), 0.1),
    _zeroes('command_lost', _silent(Topic.CMD_VEL_IN), 0.4),
    Fault('second_monitor_permits', 'zero', _second_monitor, 0.15, ANY, ANY),
    _latches('second_monitor_process', _second_monitor_process, 0.3),
    _latches('heartbeat_impostor', _impostor_heartbeat, 0.8),
    _latches('audit_disk_full', disk_full, 0.3, 'cannot be written: (No space|File too large)'),
    replace(
        _latches('audit_disk_read_only', disk_read_only, 0.3, 'written: Read-only file system'),
        why_not=why_no_small_disk,
    ),
    Fault('flood_on_every_input', 'stop', _flood, 3.0, (STOPPED, PROTECTIVE, None), ANY),
)
