"""Faults of what is heard: signals lost, slow, frozen or absurd, people near, a flood."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from eip_safety_monitor.trial.bench import Bench
from eip_safety_monitor.trial.fake_inputs import BEAMS, USUAL_WISH
from eip_safety_monitor.trial.fault import Broken

__all__ = [
    'bad_odometry',
    'bad_wish',
    'flood',
    'frozen_scan',
    'person',
    'person_on_busy_machine',
    'person_while_llm_allows',
    'pressed',
    'ranges',
    'silent',
    'slow',
    'stamps',
]


def silent(name: str) -> Broken:
    """Let a topic, or a node's heartbeat, say nothing."""

    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.silent.add(name)
        yield time.monotonic_ns()
        bench.robot.silent.discard(name)

    return broken


def slow(name: str, every: int) -> Broken:
    """Let only every n-th message of a topic through."""

    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.slowed[name] = every
        yield time.monotonic_ns()
        del bench.robot.slowed[name]

    return broken


def ranges(values: Sequence[float]) -> Broken:
    """Let the lidar give these ranges, m, instead of its own."""

    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.ranges = list(values)
        yield time.monotonic_ns()
        bench.robot.ranges = [3.0] * BEAMS

    return broken


def frozen_scan(bench: Bench) -> Iterator[int]:
    """Let the lidar repeat its last scan while the robot moves."""
    bench.robot.is_scan_frozen = True
    yield time.monotonic_ns()
    bench.robot.is_scan_frozen = False


def stamps(offset_s: float) -> Broken:
    """Put the stamps of scan and odometry off by so many seconds."""

    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.stamp_offset_s = offset_s
        yield time.monotonic_ns()
        bench.robot.stamp_offset_s = 0.0

    return broken


def bad_odometry(bench: Bench) -> Iterator[int]:
    """Let the odometry tell a speed that is no number."""
    bench.robot.odometry_speed = math.nan
    yield time.monotonic_ns()
    bench.robot.odometry_speed = None


def bad_wish(value: float) -> Broken:
    """Let the planner want so many metres a second."""

    def broken(bench: Bench) -> Iterator[int]:
        bench.robot.wanted = (value, 0.0)
        yield time.monotonic_ns()
        bench.robot.wanted = USUAL_WISH

    return broken


def pressed(bench: Bench) -> Iterator[int]:
    """Press the hardware stop."""
    yield bench.robot.press(True)
    bench.robot.press(False)


def person(bench: Bench) -> Iterator[int]:
    """Put a person too near."""
    yield bench.robot.show_person(0.4)
    bench.robot.show_person(None)


def person_while_llm_allows(bench: Bench) -> Iterator[int]:
    """Put a person too near while verdicts allow everything."""
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


def person_on_busy_machine(bench: Bench) -> Iterator[int]:
    """Put a person too near while two busy processes per core run."""
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


def flood(bench: Bench) -> Iterator[int]:
    """Send 5,000 messages a second on every input."""
    bench.flooder.start()
    yield time.monotonic_ns()
    bench.flooder.stop()
