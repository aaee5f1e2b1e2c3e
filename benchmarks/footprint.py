"""What monitor and gate cost: start, memory and processor under the usual load of a mobile base."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psutil
from rich.progress import Progress

from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.processes import NodeProcess

DESCRIPTION = 'start, memory and processor of monitor and gate under a usual load'
OPTIONS = ('seconds', 'starts', 'domain')

START_S = 30.0


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return figures; options: seconds (30, of load), starts (5), domain (68).

    A start is from the process to the first thing that another node hears of it, the worst of all.
    Load is a driving robot with a 360-beam lidar at 20 Hz, odometry and commands at 50 Hz, scene,
    hardware stop and heartbeats; memory is what is resident, MB, `cpu` the share of one core.
    """
    seconds, starts = float(options.get('seconds', '30')), int(options.get('starts', '5'))
    if not 0.0 < seconds <= 3600.0 or not 0 < starts <= 1000:
        raise ValueError(f'seconds is {seconds}, starts {starts}: set 1 to 3600, and 1 to 1000')
    with open_bench(int(options.get('domain', '68')), is_quick=False) as bench:
        bench.drive()
        robot = bench.robot
        figures = {
            'monitor_start_s': _start_s(bench, bench.monitor, lambda: robot.states, starts),
            'gate_start_s': _start_s(bench, bench.gate, lambda: robot.given, starts),
        }
        bench.drive()
        return figures | _under_load(bench, seconds)


def _start_s(bench: Bench, process: NodeProcess, heard: Callable[[], object], starts: int) -> float:
    longest_s = 0.0
    for _ in range(starts):
        process.stop()
        bench.robot.states.clear()
        bench.robot.given.clear()
        began = time.monotonic()
        process.start()
        if not bench.robot.wait(heard, START_S):
            raise RuntimeError(f'nothing heard in {START_S:g} s: {process.output()[-300:]}')
        longest_s = max(longest_s, time.monotonic() - began)
    return longest_s


def _under_load(bench: Bench, seconds: float) -> dict[str, float]:
    nodes = {'monitor': bench.monitor, 'gate': bench.gate}
    watched = {name: psutil.Process(node.pid) for name, node in nodes.items()}
    for process in watched.values():
        process.cpu_percent()
    end = time.monotonic() + seconds
    with Progress() as progress:
        task = progress.add_task('load', total=seconds)
        while (left_s := end - time.monotonic()) > 0.0:
            progress.update(task, completed=seconds - left_s)
            time.sleep(min(0.5, left_s))
    figures = {}
    for name, process in watched.items():
        figures[f'{name}_cpu'] = process.cpu_percent() / 100.0
        figures[f'{name}_rss_mb'] = process.memory_info().rss / 1e6
    return figures | {'seconds': seconds}
