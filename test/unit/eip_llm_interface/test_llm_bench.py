"""The benchmarks of this package give the figures they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / 'benchmarks'


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f'bench_{name}', FOLDER / f'{name}.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ('name', 'figures'),
    [
        (
            'guard',
            {
                'verdict_p50_ms',
                'verdict_p99_ms',
                'generate8_over_verdict',
                'load_s',
                'weights_mb',
            },
        ),
        ('llm', {'answer_high_p50_ms', 'off_over_high', 'tokens_per_s', 'planned_share'}),
    ],
)
def test_a_benchmark_gives_positive_figures(name: str, figures: set[str]) -> None:
    bench = load(name)
    assert bench.DESCRIPTION
    found = bench.run({'trials': '1', 'device': 'cpu'})
    assert figures <= set(found)
    assert all(found[figure] > 0 for figure in figures)


def test_a_verdict_costs_less_than_writing_eight_tokens() -> None:
    assert load('guard').run({'trials': '10'})['generate8_over_verdict'] > 1
