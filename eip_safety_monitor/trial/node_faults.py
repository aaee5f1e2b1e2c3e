"""Faults of the monitor and the gate themselves: killed, suspended, started anew, impersonated."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

from eip_safety_monitor.trial.bench import Bench

__all__ = [
    'impostor_heartbeat',
    'kill_gate',
    'kill_monitor',
    'restart_gate',
    'second_monitor',
    'second_monitor_process',
    'suspend_gate',
    'suspend_monitor',
]


def kill_monitor(bench: Bench) -> Iterator[int]:
    """Kill the monitor."""
    began_ns = time.monotonic_ns()
    bench.monitor.kill()
    yield began_ns
    bench.monitor.start()


def suspend_monitor(bench: Bench) -> Iterator[int]:
    """Suspend the monitor, and for half a second longer than the trial."""
    began_ns = time.monotonic_ns()
    bench.monitor.send(signal.SIGSTOP)
    yield began_ns
    time.sleep(0.5)
    bench.monitor.send(signal.SIGCONT)


def kill_gate(bench: Bench) -> Iterator[int]:
    """Kill the gate."""
    bench.gate.kill()
    yield time.monotonic_ns()
    bench.gate.start()


def restart_gate(bench: Bench) -> Iterator[int]:
    """Kill the gate and start it anew at once, while motion is permitted."""
    bench.gate.kill()
    began_ns = time.monotonic_ns()
    bench.gate.start()
    yield began_ns


def suspend_gate(bench: Bench) -> Iterator[int]:
    """Suspend the gate, and for half a second longer than the trial."""
    bench.gate.send(signal.SIGSTOP)
    yield time.monotonic_ns()
    time.sleep(0.5)
    bench.gate.send(signal.SIGCONT)


def second_monitor(bench: Bench) -> Iterator[int]:
    """Permit motion in the name of a monitor that is none."""
    began_ns = time.monotonic_ns()
    with bench.robot.repeating(bench.robot.impostor_permit, 0.04):
        yield began_ns


def second_monitor_process(bench: Bench) -> Iterator[int]:
    """Start a second monitor on the same robot."""
    other = bench.other_monitor()
    seen = len(bench.robot.monitor_ids())
    other.start()
    if not bench.robot.wait(lambda: len(bench.robot.monitor_ids()) > seen, 10.0):
        raise TimeoutError('the second monitor did not start')
    yield time.monotonic_ns()
    other.stop()


def impostor_heartbeat(bench: Bench) -> Iterator[int]:
    """Suspend the gate and repeat its old heartbeats in its stead."""
    old = [beat for beat in bench.robot.heard_beats if beat.node == 'motion_gate'][:5]
    bench.gate.send(signal.SIGSTOP)
    began_ns = time.monotonic_ns()
    with bench.robot.repeating(lambda: bench.robot.replay(old), 0.1):
        yield began_ns
    bench.gate.send(signal.SIGCONT)
