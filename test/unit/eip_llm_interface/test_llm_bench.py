"""The benchmarks of this package give the figures they promise."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]


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
def test_a_benchmark_gives_positive_figures(name: str, figures: set[str], script_at: Load) -> None:
    bench = script_at(f'benchmarks/{name}.py')
    assert bench.DESCRIPTION
    found = bench.run({'trials': '1', 'device': 'cpu'})
    assert figures <= set(found)
    assert all(found[figure] > 0 for figure in figures)


def test_a_verdict_costs_less_than_writing_eight_tokens(script_at: Load) -> None:
    assert script_at('benchmarks/guard.py').run({'trials': '10'})['generate8_over_verdict'] > 1
