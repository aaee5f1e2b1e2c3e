"""Metrics over time: bounded, with honest gaps and slopes."""

from __future__ import annotations

import math

import pytest

from eip_llm_interface.memory_history import MAX_METRICS, MemoryHistory, slope_per_s


def filled(count: int = 10, size: int = 100) -> MemoryHistory:
    now = [0.0]
    history = MemoryHistory(size, lambda: now[0])
    for second in range(count):
        now[0] = float(second)
        history.add({'used_mib': 100.0 + 2.0 * second, 'gpu_mib': None})
    return history


def test_slope_is_that_of_the_line():
    assert filled().series('used_mib').slope_per_s == pytest.approx(2.0)
    assert slope_per_s([0, 1, 2, 3], [0, 3, 3, 6]) == pytest.approx(1.8)


@pytest.mark.parametrize('values', [[], [1.0], [math.nan, 1.0], [math.nan] * 5])
def test_slope_of_fewer_than_two_values_is_unknown(values):
    assert math.isnan(slope_per_s(list(range(len(values))), values))


def test_unavailable_values_are_gaps_not_zeros():
    series = filled().series('gpu_mib')
    assert all(math.isnan(value) for value in series.values)
    assert math.isnan(series.slope_per_s)


def test_window_and_thinning_keep_the_newest():
    series = filled().series('used_mib', window_s=4.0)
    assert series.ages_s == (-4.0, -3.0, -2.0, -1.0, 0.0)
    assert (series.unit, series.values[-1]) == ('MiB', 118.0)
    thin = filled().series('used_mib', max_points=3)
    assert len(thin.values) == 3
    assert thin.values[-1] == 118.0


def test_samples_and_metrics_are_bounded():
    assert len(filled(50, size=20).series('used_mib').values) == 20
    history = MemoryHistory()
    for number in range(MAX_METRICS + 20):
        history.add({f'node_{number}.resident_mib': 1.0})
    assert len(history.names()) == MAX_METRICS


def test_unknown_metric_raises():
    with pytest.raises(KeyError):
        filled().series('colour')
