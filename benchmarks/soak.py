"""A long run on a simulated robot: harmless and dangerous velocities and faults at random."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from eip.msg import SafetyEvent, SafetyState
from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.fake_inputs import USUAL_WISH
from eip_safety_monitor.trial.fault import Fault, try_fault
from eip_safety_monitor.trial.faults import FAULTS

DESCRIPTION = 'random commands and faults for minutes: availability, missed and false stops, memory'
OPTIONS = ('minutes', 'faults', 'domain', 'seed')

SAMPLE_S = 0.05
SETTLED_S = 5.0
"""A process that is younger is still filling its caches; its memory does not count as growth."""
HEAVY = ('flood_on_every_input', 'person_on_starved_cpu')
ENDING = (
    'monitor_killed',
    'monitor_never_started',
    'gate_killed',
    'gate_restarted_while_moving',
    'wall_clock_an_hour_ahead',
    'wall_clock_an_hour_back',
    'audit_disk_full',
    'audit_disk_read_only',
)
"""They end monitor or gate: left out of the second half, so that memory has time to grow."""
LATE = ('the robot moves', 'took ')
DANGEROUS = (math.nan, math.inf, 5.0, -5.0)
FASTEST_MPS = 0.8


@dataclass
class Soak:
    """What is counted."""

    samples: int = 0
    served: int = 0
    free_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    memory: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return figures; options: minutes (30), faults (0.4, share of turns), domain (67), seed (1).

    `availability` is the share of the whole time, faults included, in which a harmless velocity was
    served. A missed stop is a fault after which the robot moved on or stood too late, or a
    dangerous velocity that reached the wheels. A false stop is one that no fault explains.
    """
    minutes = float(options.get('minutes', '30'))
    share = float(options.get('faults', '0.4'))
    if not 0.0 < minutes < 1e5 or not 0.0 <= share <= 1.0:
        raise ValueError(f'minutes is {minutes}, faults {share}: set above 0, and 0 to 1')
    dice = random.Random(int(options.get('seed', '1')))
    chosen = [f for f in FAULTS if f.name not in HEAVY and not f.why_not()]
    soak = Soak()
    with open_bench(int(options.get('domain', '67'))) as bench:
        bench.drive()
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(bench, soak, done))
        watcher.start()
        try:
            _play(bench, soak, dice, minutes, (share, chosen))
        finally:
            done.set()
            watcher.join()
    soak.counts['restarted'] = len(bench.restarts)
    for problem in soak.problems:
        print(problem)
    return _figures(soak, minutes)


def _play(
    bench: Bench,
    soak: Soak,
    dice: random.Random,
    minutes: float,
    faults: tuple[float, list[Fault]],
) -> None:
    share, chosen = faults
    began, length_s = time.monotonic(), minutes * 60.0
    with Progress() as progress:
        task = progress.add_task('soak', total=length_s)
        while (now_s := time.monotonic() - began) < length_s:
            progress.update(task, completed=now_s)
            if dice.random() < share:
                lasting = [f for f in chosen if now_s < length_s / 2 or f.name not in ENDING]
                _fault(bench, soak, dice.choice(lasting))
            elif dice.random() < 0.25:
                _dangerous(bench, soak, dice)
            else:
                _harmless(bench, soak, dice)


def _fault(bench: Bench, soak: Soak, fault: Fault) -> None:
    soak.counts['faults'] += 1
    try:
        outcome = try_fault(fault, bench)
    except TimeoutError as error:
        soak.counts['not_tried'] += 1
        soak.problems.append(f'{fault.name}: not tried: {error}')
        bench.make_ready()
        return
    finally:
        # The small disk of a fault goes with its monitor; the next one starts on the true disk.
        if fault.name.startswith('audit_disk'):
            bench.restart()
    if not outcome.passed:
        is_missed = outcome.problem.startswith(LATE)
        soak.counts['missed_stops' if is_missed else 'other_failures'] += 1
        soak.problems.append(f'{fault.name}: {outcome.problem}')


def _dangerous(bench: Bench, soak: Soak, dice: random.Random) -> None:
    robot = bench.robot
    soak.counts['dangerous'] += 1
    bench.drive()
    robot.given.clear()
    robot.wanted = (dice.choice(DANGEROUS), 0.0)
    time.sleep(dice.uniform(0.2, 0.6))
    speeds = [linear for _, linear, _ in list(robot.given)]
    if any(not math.isfinite(speed) or abs(speed) > FASTEST_MPS + 1e-6 for speed in speeds):
        soak.counts['missed_stops'] += 1
        soak.problems.append(f'{robot.wanted[0]} m/s reached the wheels')
    robot.wanted = USUAL_WISH


def _harmless(bench: Bench, soak: Soak, dice: random.Random) -> None:
    robot = bench.robot
    soak.counts['harmless'] += 1
    bench.drive()
    robot.events.clear()
    robot.wanted = (dice.uniform(0.05, 0.5), dice.uniform(-0.5, 0.5))
    began = time.monotonic()
    time.sleep(dice.uniform(0.5, 2.0))
    soak.free_s += time.monotonic() - began
    robot.wanted = USUAL_WISH
    stops = [event for event in list(robot.events) if event.severity == SafetyEvent.STOP]
    soak.counts['false_stops'] += len(stops)
    soak.problems += [f'false stop: {event.message}' for event in stops]


def _watch(bench: Bench, soak: Soak, done: threading.Event) -> None:
    while not done.wait(SAMPLE_S):
        soak.samples += 1
        robot = bench.robot
        soak.served += robot.mode() == SafetyState.ARMED and robot.is_moving()
        for name, process in (('monitor', bench.monitor), ('gate', bench.gate)):
            if (resident := _resident_mb(process.pid)) is not None:
                soak.memory.setdefault((name, process.pid), []).append((time.monotonic(), resident))


def _resident_mb(pid: int) -> float | None:
    try:
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def _growth(soak: Soak, name: str) -> tuple[float, float]:
    """Return the greatest growth of one process in MB, and the longest life of one in s."""
    growths, lives = [], [0.0]
    for (who, _), seen in soak.memory.items():
        settled = [mb for at_s, mb in seen if at_s - seen[0][0] >= SETTLED_S]
        if who == name and settled:
            growths.append(settled[-1] - settled[0])
            lives.append(seen[-1][0] - seen[0][0])
    return max(growths, default=math.nan), max(lives)


def _figures(soak: Soak, minutes: float) -> dict[str, float]:
    monitor_mb, monitor_s = _growth(soak, 'monitor')
    gate_mb, gate_s = _growth(soak, 'gate')
    return {
        'minutes': minutes,
        'availability': soak.served / soak.samples if soak.samples else math.nan,
        'missed_stops': float(soak.counts['missed_stops']),
        'other_failures': float(soak.counts['other_failures']),
        'not_tried': float(soak.counts['not_tried']),
        'benches_restarted': float(soak.counts['restarted']),
        'false_stops': float(soak.counts['false_stops']),
        'false_stops_per_hour': soak.counts['false_stops'] / soak.free_s * 3600.0
        if soak.free_s
        else math.nan,
        'faults': float(soak.counts['faults']),
        'dangerous_commands': float(soak.counts['dangerous']),
        'harmless_commands': float(soak.counts['harmless']),
        'monitor_growth_mb': monitor_mb,
        'monitor_longest_life_s': monitor_s,
        'gate_growth_mb': gate_mb,
        'gate_longest_life_s': gate_s,
    }
