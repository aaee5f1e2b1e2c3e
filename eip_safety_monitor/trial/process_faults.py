"""Faults of whole processes: dead and hung peers, a wall clock that jumps, a disk that is full."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from eip.msg import SafetyState
from eip_safety_monitor.clock import seconds
from eip_safety_monitor.trial.bench import Bench
from eip_safety_monitor.trial.fault import Broken
from eip_safety_monitor.trial.processes import NodeProcess
from eip_safety_monitor.trial.small_disk import SmallDisk, why_no_small_disk
from eip_safety_monitor.trial.wall_clock import WallClock

__all__ = [
    'disk_full',
    'disk_read_only',
    'monitor_never_started',
    'peer_lost',
    'peer_lost_and_motion_goes_on',
    'wall_clock',
]

NEAR_M = 0.4
GOES_ON_S = 0.5
LONGEST_SILENCE_S = 1.5
JUMP_TOLERANCE_S = 60.0
AS_A_HELPER = ('nice', '-n', '5')


def peer_lost(
    name: str, number: signal.Signals, made: Callable[[Bench, str], NodeProcess] = Bench.node
) -> Broken:
    """Kill or suspend the node `name`, which runs beside the two that are tried.

    With Bench.peer it is a process that beats as the node does; SIGUSR1 hangs it.
    """

    def broken(bench: Bench) -> Iterator[int]:
        with _beside(bench, made(bench, name), name) as node:
            node.send(number)
            yield time.monotonic_ns()

    return broken


def peer_lost_and_motion_goes_on(name: str, number: signal.Signals) -> Broken:
    """Signal a node that motion does not hang on; the robot goes on and still stops."""

    def broken(bench: Bench) -> Iterator[int]:
        with _beside(bench, bench.node(name), name) as node:
            began_ns = time.monotonic_ns()
            node.send(number)
            robot = bench.robot
            if not robot.wait(lambda: robot.is_heard(f'{name} is silent', began_ns), 8.0):
                raise TimeoutError(f'nobody said that {name} is silent')
            _expect_motion(bench, began_ns)
            yield robot.show_person(NEAR_M)
            robot.show_person(None)

    return broken


def wall_clock(offset_s: float) -> Broken:
    """Set the wall clock inside both nodes while they drive; they go on and still stop."""

    def broken(bench: Bench) -> Iterator[int]:
        clock, robot = WallClock(bench.folder), bench.robot
        bench.restart(environment=clock.environment)
        try:
            began_ns = time.monotonic_ns()
            clock.set(offset_s)
            if not robot.wait(lambda: abs(_ahead_s(bench) - offset_s) < JUMP_TOLERANCE_S, 5.0):
                raise TimeoutError(f'the clock of the monitor is {_ahead_s(bench):.0f} s ahead')
            time.sleep(GOES_ON_S)
            _expect_motion(bench, began_ns)
            yield robot.show_person(NEAR_M)
        finally:
            robot.show_person(None)
            clock.set(0.0)

    return broken


def disk_full(bench: Bench) -> Iterator[int]:
    """Fill the disk that the audit log is on, or where mounting is forbidden, limit its files."""
    if why_no_small_disk():
        yield from _file_limit(bench)
        return
    disk = SmallDisk(bench.state_folder, bench.monitor)
    bench.restart(disk.wrap)
    disk.fill()
    bench.robot.allow_everything()
    yield time.monotonic_ns()
    disk.free()


def disk_read_only(bench: Bench) -> Iterator[int]:
    """Let the disk that the audit log is on become read-only."""
    disk = SmallDisk(bench.state_folder, bench.monitor)
    bench.restart(disk.wrap)
    disk.make_read_only()
    bench.robot.allow_everything()
    yield time.monotonic_ns()
    disk.make_writable()


def monitor_never_started(bench: Bench) -> Iterator[int]:
    """Let the gate come up alone, with a velocity wanted all the time."""
    began_ns = time.monotonic_ns()
    bench.monitor.kill()
    bench.gate.kill()
    bench.gate.start()
    robot = bench.robot
    if not robot.wait(lambda: robot.given and seconds(robot.given[-1][0] - began_ns) > 0.3, 15.0):
        raise TimeoutError('the gate did not start')
    yield began_ns
    bench.monitor.start()


def _file_limit(bench: Bench) -> Iterator[int]:
    before = resource.prlimit(bench.monitor.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    bench.robot.allow_everything()
    yield time.monotonic_ns()
    resource.prlimit(bench.monitor.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def _beside(bench: Bench, node: NodeProcess, name: str) -> Iterator[NodeProcess]:
    """Let `node` speak as `name` in the fake robot's stead, and the robot move."""
    robot = bench.robot
    node.start(AS_A_HELPER)
    try:
        if not robot.wait(lambda: _is_ready(bench, node, 0), 60.0):
            raise TimeoutError(f'{name} did not start: {node.output()[-300:]}')
        robot.silent.add(name)
        # A robot that moves for longer than the node may be silent hears the new one in its stead.
        believed_ns = time.monotonic_ns() + int(1e9 * LONGEST_SILENCE_S)
        robot.wait(lambda: _is_ready(bench, node, believed_ns), 5.0)
        robot.make_move(30.0)
        yield node
    finally:
        node.kill()
        robot.speak_anew(name)


def _is_ready(bench: Bench, node: NodeProcess, since_ns: int) -> bool:
    return any(
        beat.pid == node.pid and beat.healthy and beat.monotonic_ns >= since_ns
        for beat in list(bench.robot.heard_beats)
    )


def _ahead_s(bench: Bench) -> float:
    if not bench.robot.states:
        return 0.0
    stamp = bench.robot.states[-1][1].header.stamp
    return float(stamp.sec - time.time())


def _expect_motion(bench: Bench, since_ns: int) -> None:
    robot = bench.robot
    # One zero between two permits is no standstill.
    if not robot.wait(lambda: robot.mode() == SafetyState.ARMED and robot.is_moving(), 1.0):
        said = bench.gate.output().splitlines()[-1:]
        raise TimeoutError(f'the robot does not go on; {robot.told_since(since_ns)}; gate: {said}')
