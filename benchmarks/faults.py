"""Break things on purpose on real processes and see whether the robot stands."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from eip_safety_monitor.trial.bench import Bench, open_bench
from eip_safety_monitor.trial.fault import Fault, Outcome, try_fault
from eip_safety_monitor.trial.faults import FAULTS

MUX = Path(__file__).with_name('_plain_mux.py')
DESCRIPTION = 'faults on purpose: expected reaction, time to zero velocity, pass or fail'
OPTIONS = ('trials', 'domain', 'only', 'compare')


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return counts and times.

    Options: trials (20), domain (68), only (a regular expression), compare (no): try each fault
    once more with a plain multiplexer in the gate's place.
    """
    trials = int(options.get('trials', '20'))
    named = _named(options.get('only', ''))
    chosen = [fault for fault in named if not fault.why_not()]
    for fault in named:
        if fault not in chosen:
            print(f'{fault.name}: not measured: {fault.why_not()}')
    domain = int(options.get('domain', '68'))
    is_compared = options.get('compare', 'no') not in ('no', 'false', '0', '')
    outcomes: dict[str, list[Outcome]] = {}
    mux: dict[str, Outcome] = {}
    restarts = 0
    with Progress() as progress:
        task = progress.add_task('faults', total=len(chosen) * (trials + is_compared))
        for fault in chosen:
            # A bench of its own for each: no fault inherits from another.
            with open_bench(domain) as bench:
                outcomes[fault.name] = []
                for _ in range(trials):
                    outcomes[fault.name].append(_one(fault, bench))
                    progress.advance(task)
                restarts += len(bench.restarts)
            if is_compared:
                with open_bench(domain, gate_module=str(MUX)) as bench:
                    mux[fault.name] = _one(fault, bench)
                progress.advance(task)
    Console().print(_table(chosen, outcomes, mux))
    figures = {**_figures(chosen, outcomes, trials), 'benches_restarted': float(restarts)}
    if is_compared:
        figures['plain_mux_failed'] = float(sum(not outcome.passed for outcome in mux.values()))
    return figures


def _named(only: str) -> list[Fault]:
    try:
        pattern = re.compile(only)
    except re.error as error:
        raise ValueError(f'only={only} is no regular expression: {error}') from None
    named = [fault for fault in FAULTS if pattern.search(fault.name)]
    if not named:
        known = ', '.join(fault.name for fault in FAULTS)
        raise ValueError(f'only={only} is no part of a fault name; faults: {known}')
    return named


def _one(fault: Fault, bench: Bench) -> Outcome:
    try:
        return try_fault(fault, bench)
    except TimeoutError as error:
        return Outcome(False, None, str(error))


def _times_ms(outcomes: list[Outcome]) -> list[float]:
    return [outcome.stop_s * 1000 for outcome in outcomes if outcome.stop_s is not None]


def _table(
    chosen: list[Fault], outcomes: Mapping[str, list[Outcome]], mux: Mapping[str, Outcome]
) -> Table:
    columns = ['fault', 'expected', 'p50 ms', 'max ms', 'limit ms', 'result']
    table = Table(*columns, *(['plain mux'] if mux else []))
    for fault in chosen:
        times = _times_ms(outcomes[fault.name])
        problems = [outcome.problem for outcome in outcomes[fault.name] if not outcome.passed]
        table.add_row(
            fault.name,
            fault.expected,
            f'{statistics.median(times):.0f}' if times else '-',
            f'{max(times):.0f}' if times else '-',
            f'{fault.deadline_s * 1000:.0f}',
            f'{len(problems)} failed: {problems[0]}' if problems else 'passed',
            *([mux[fault.name].problem or 'passed'] if mux else []),
        )
    return table


def _figures(
    chosen: list[Fault], outcomes: dict[str, list[Outcome]], trials: int
) -> dict[str, float]:
    failed = [f for f in chosen if not all(outcome.passed for outcome in outcomes[f.name])]
    figures = {
        'faults': float(len(chosen)),
        'passed': float(len(chosen) - len(failed)),
        'failed': float(len(failed)),
        'trials': float(trials),
        'worst_stop_ms': max((t for o in outcomes.values() for t in _times_ms(o)), default=0.0),
    }
    for fault in chosen:
        times = _times_ms(outcomes[fault.name])
        figures[f'{fault.name}_p50_ms'] = statistics.median(times) if times else float('nan')
        figures[f'{fault.name}_max_ms'] = max(times) if times else float('nan')
    return figures
