"""How long it takes from a cause to the first zero on `cmd_vel`, on real processes over DDS."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from rich.progress import track

from eip_safety_monitor.trial.bench import Bench, open_bench

DESCRIPTION = 'violation, hardware stop and killed monitor to the first zero on cmd_vel'

DEADLINE_S = 1.0


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return percentiles in ms; options: trials (200), domain (69), seed (1)."""
    trials = int(options.get('trials', '200'))
    random.seed(int(options.get('seed', '1')))
    kinds: dict[str, Callable[[Bench], float | None]] = {
        'violation': _violation,
        'hardware': _hardware,
        'monitor_killed': _monitor_killed,
    }
    figures: dict[str, float] = {'trials': float(trials)}
    missed = 0
    with open_bench(int(options.get('domain', '69'))) as bench:
        bench.robot.make_move(20.0)
        for name, trial in kinds.items():
            times = [_one(bench, trial) for _ in track(range(trials), description=name)]
            stops = [value for value in times if value is not None]
            missed += len(times) - len(stops)
            figures |= _percentiles(name, stops)
    figures['missed'] = float(missed)
    return figures


def _one(bench: Bench, trial: Callable[[Bench], float | None]) -> float | None:
    bench.robot.make_move(20.0)
    # Spread over the phases of every timer involved.
    time.sleep(random.uniform(0.05, 0.15))
    return trial(bench)


def _violation(bench: Bench) -> float | None:
    began_ns = bench.robot.show_person(0.4)
    stopped_ns = bench.robot.first_zero_ns(began_ns, DEADLINE_S)
    bench.robot.show_person(None)
    return _milliseconds(began_ns, stopped_ns)


def _hardware(bench: Bench) -> float | None:
    began_ns = bench.robot.press(True)
    stopped_ns = bench.robot.first_zero_ns(began_ns, DEADLINE_S)
    bench.robot.press(False)
    return _milliseconds(began_ns, stopped_ns)


def _monitor_killed(bench: Bench) -> float | None:
    bench.monitor.kill()
    last_ns = int(bench.robot.states[-1][1].monotonic_ns)
    stopped_ns = bench.robot.first_zero_ns(last_ns, DEADLINE_S)
    bench.monitor.start()
    return _milliseconds(last_ns, stopped_ns)


def _milliseconds(began_ns: int, ended_ns: int | None) -> float | None:
    return None if ended_ns is None else (ended_ns - began_ns) / 1e6


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [float('nan')]
    last = len(ordered) - 1
    return {
        f'{name}_p50_ms': ordered[round(0.50 * last)],
        f'{name}_p99_ms': ordered[round(0.99 * last)],
        f'{name}_max_ms': ordered[-1],
    }
