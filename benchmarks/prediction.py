"""How much earlier the robot slows down for moving people when it looks ahead; no clock is used."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from eip_safety_monitor.policy import default_policy_file, load_policy
from eip_safety_monitor.trial.approach import ENCOUNTERS, Course, compare

DESCRIPTION = 'lead time of the prediction of contact over separation alone, simulated'
OPTIONS = ()


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return lead and speeds per encounter; takes no options."""
    policy = load_policy(default_policy_file())
    figures: dict[str, float] = {}
    table = Table(
        'encounter', 'slowed without, s', 'slowed with, s', 'lead, s', 'at the limit, m/s', 'was'
    )
    for encounter in ENCOUNTERS:
        without, ahead = compare(encounter, policy)
        lead_s = without.slowed_s - ahead.slowed_s
        figures[f'{encounter.name}_lead_s'] = lead_s
        figures[f'{encounter.name}_crossing_mps'] = ahead.crossing_mps
        figures[f'{encounter.name}_crossing_without_mps'] = without.crossing_mps
        speeds = (_speed(ahead), _speed(without))
        times = (f'{without.slowed_s:.2f}', f'{ahead.slowed_s:.2f}', f'{lead_s:.2f}')
        table.add_row(encounter.name, *times, *speeds)
    Console().print(table)
    leads = [figures[f'{encounter.name}_lead_s'] for encounter in ENCOUNTERS]
    figures['lead_s'] = sum(leads) / len(leads)
    figures['least_lead_s'] = min(leads)
    return figures


def _speed(course: Course) -> str:
    return 'not crossed' if math.isinf(course.crossed_s) else f'{course.crossing_mps:.2f}'
