"""The page about stopping says what the code does."""

from __future__ import annotations

from pathlib import Path

from eip_safety_monitor.latch.stop_latch import state_chart
from eip_safety_monitor.people.separation import SeparationConfig, protective_distance

PAGE = (Path(__file__).parents[3] / 'docs' / 'safety.md').read_text()


def test_the_state_chart_is_the_latch_table() -> None:
    assert f'```mermaid\n{state_chart()}```' in PAGE


def test_the_worked_distances_are_what_the_formula_gives() -> None:
    config = SeparationConfig()
    assert f'must be {protective_distance(config, 0.8):.2f} m' in PAGE
    assert f'stands from {protective_distance(config, 0.0):.2f} m on' in PAGE.replace('\n', ' ')
