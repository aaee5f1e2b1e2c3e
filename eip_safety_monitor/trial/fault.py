"""What a trial breaks on purpose, and what must come of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eip_safety_monitor.clock import seconds
from eip_safety_monitor.trial.bench import Bench
from eip_safety_monitor.trial.fake_robot import FakeRobot

__all__ = ['Broken', 'Fault', 'Outcome', 'try_fault']

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
            return Outcome(False, None, f'{_now(robot)}, not one of {fault.modes}')
        if fault.says and not robot.wait(lambda: robot.is_heard(fault.says, began_ns), 4.0):
            return Outcome(False, None, f'nobody said {fault.says!r}; {_now(robot)}')
        time.sleep(QUIET_S)
        moved_ns = max(began_ns, robot.last_motion_ns() or 0)
        if seconds(time.monotonic_ns() - moved_ns) < QUIET_S / 2:
            return Outcome(False, None, f'the robot moves; {robot.told_since(began_ns)}')
        # A dead gate gives nothing at all; the base then stops by its own time limit.
        stopped_ns = robot.first_zero_ns(moved_ns, 0.0) or moved_ns
        heard = robot.told_since(began_ns)
    time.sleep(QUIET_S)
    if not robot.wait(lambda: robot.mode() in fault.keeps, 8.0):
        return Outcome(False, None, f'healed, {_now(robot)}, not one of {fault.keeps}')
    stop_s = (stopped_ns - began_ns) / 1e9
    in_time = stop_s <= fault.deadline_s
    return Outcome(in_time, stop_s, '' if in_time else f'took {stop_s * 1000:.0f} ms; {heard}')


def _now(robot: FakeRobot) -> str:
    cause = robot.states[-1][1].cause if robot.states else 'no state came'
    return f'mode is {robot.mode()} ({cause or "no cause"})'


def _sleep_until(began_ns: int, deadline_s: float) -> None:
    time.sleep(max(0.0, deadline_s - seconds(time.monotonic_ns() - began_ns)))
