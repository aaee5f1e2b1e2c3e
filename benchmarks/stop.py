"""How long it takes from a cause to the first zero on `cmd_vel`, on real processes over DDS."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import track

from eip_safety_monitor.trial.bench import GATE, Bench, open_bench

DESCRIPTION = 'violation, hardware stop and killed monitor to the first zero on cmd_vel'
OPTIONS = ('trials', 'killed', 'loaded', 'plot', 'compare', 'domain', 'seed')

DEADLINE_S = 5.0
ODD_MS = 500.0
"""A stop that took longer is told with what was seen meanwhile."""
BUSY_PER_CORE = 2
MUX = Path(__file__).with_name('_plain_mux.py')
MUX_TRIALS = 20
Trial = Callable[[Bench], float | None]


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return percentiles in ms.

    Options: trials (200), killed (a fifth of them: each starts the monitor anew, which takes
    seconds), loaded (no), plot (file), compare (no), domain (69), seed (1). `loaded` runs two busy
    processes per core; `compare` tries a plain multiplexer in the gate's place.
    """
    trials = int(options.get('trials', '200'))
    killed = int(options.get('killed', str(max(1, trials // 5))))
    random.seed(int(options.get('seed', '1')))
    domain = int(options.get('domain', '69'))
    plot = Path(options['plot']) if options.get('plot') else None
    if plot is not None:
        _claim(plot)
    with _load(_is_on(options, 'loaded')):
        stops = _measure(domain, trials, killed, GATE)
        mux = (
            _measure(domain, min(trials, MUX_TRIALS), min(killed, MUX_TRIALS), str(MUX))
            if _is_on(options, 'compare')
            else {}
        )
    figures: dict[str, float] = {
        'trials': float(trials),
        'trials_killed': float(killed),
        'loaded': float(_is_on(options, 'loaded')),
    }
    figures |= _figures(stops, '')
    figures |= _figures(mux, 'plain_mux_') if mux else {}
    if plot is not None:
        _plot({name: _known(times) for name, times in stops.items()}, plot)
    return figures


def _measure(
    domain: int, trials: int, killed: int, gate_module: str
) -> dict[str, list[float | None]]:
    kinds: dict[str, tuple[Trial, int]] = {
        'violation': (_violation, trials),
        'hardware': (_hardware, trials),
        'monitor_killed': (_monitor_killed, killed),
    }
    with open_bench(domain, gate_module=gate_module) as bench:
        bench.drive()
        return {
            name: [_one(bench, trial) for _ in track(range(count), description=name)]
            for name, (trial, count) in kinds.items()
        }


def _is_on(options: Mapping[str, str], name: str) -> bool:
    return options.get(name, 'no') not in ('no', 'false', '0', '')


@contextmanager
def _load(is_loaded: bool) -> Iterator[None]:
    count = BUSY_PER_CORE * (os.cpu_count() or 1) if is_loaded else 0
    busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _one(bench: Bench, trial: Trial) -> float | None:
    bench.drive()
    # Spread over the phases of every timer involved.
    time.sleep(random.uniform(0.05, 0.15))
    began_ns = time.monotonic_ns()
    took_ms = trial(bench)
    if took_ms is None or took_ms > ODD_MS:
        print(f'{trial.__name__}: {took_ms} ms; {bench.robot.told_since(began_ns)}')
    return took_ms


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


def _known(times: Sequence[float | None]) -> list[float]:
    return sorted(value for value in times if value is not None)


def _figures(stops: Mapping[str, Sequence[float | None]], prefix: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, times in stops.items():
        figures |= _percentiles(prefix + name, _known(times))
    missed = sum(value is None for times in stops.values() for value in times)
    return figures | {f'{prefix}missed': float(missed)}


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [float('nan')]
    last = len(ordered) - 1
    return {
        f'{name}_p50_ms': ordered[round(0.50 * last)],
        f'{name}_p99_ms': ordered[round(0.99 * last)],
        f'{name}_max_ms': ordered[-1],
    }


def _plot(stops: Mapping[str, Sequence[float]], path: Path) -> None:
    # The object interface: no window, no state, no backend to choose.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 2.2 * len(stops)), layout='constrained')
    plots = figure.subplots(len(stops), 1, squeeze=False)[:, 0]
    for plot, (name, times) in zip(plots, stops.items(), strict=True):
        plot.hist(times, bins=60)
        if times:
            p99 = _percentiles('x', times)['x_p99_ms']
            plot.axvline(p99, color='tab:red', label=f'p99 {p99:.0f} ms of {len(times)}')
            plot.legend()
        plot.set_title(name.replace('_', ' '))
        plot.set_ylabel('stops')
    plots[-1].set_xlabel('cause to first zero velocity, ms')
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format='png', dpi=120)


def _claim(path: Path) -> None:
    """Make the file before any trial, so that one which cannot be written costs none."""
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open('ab').close()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f'plot {path} cannot be written: {error.strerror}') from None
