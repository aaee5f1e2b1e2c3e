"""Trends keep what they promise, no more, and show gaps as gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_perf_monitor import trends
from eip_perf_monitor.metrics import METRICS
from eip_perf_monitor.trends import TrendStore, UnknownMetricError, downsample, slope


class Store:
    """A store and a clock to turn."""

    def __init__(self, **options: float) -> None:
        self.now_s = 0.0
        self.store = TrendStore(clock=lambda: self.now_s, **options)  # type: ignore[arg-type]

    def fill(self, count: int, value: float | None = None) -> None:
        for _ in range(count):
            self.now_s += 1.0
            self.store.add({'cpu_ratio': self.now_s if value is None else value})


def test_a_trend_holds_values_and_time_before_now() -> None:
    bench = Store()
    bench.fill(5)
    (trend,) = bench.store.get(['cpu_ratio'])
    assert trend.values == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert trend.stamps_s == (-4.0, -3.0, -2.0, -1.0, 0.0)
    assert trend.slope_per_s == pytest.approx(1.0)
    assert trend.unit == '1'


def test_the_window_leaves_out_what_is_older() -> None:
    bench = Store()
    bench.fill(100)
    (trend,) = bench.store.get(['cpu_ratio'], window_s=9.5)
    assert len(trend.values) == 10


def test_the_ring_forgets_the_oldest_and_keeps_its_means() -> None:
    bench = Store(capacity=100, coarse_s=10, coarse_capacity=50)
    bench.fill(350)
    (trend,) = bench.store.get(['cpu_ratio'])
    assert trend.values[-100:] == tuple(float(v) for v in range(251, 351))
    older = trend.values[:-100]
    assert 20 <= len(older) <= 26
    assert list(trend.stamps_s) == sorted(trend.stamps_s)
    assert trend.slope_per_s == pytest.approx(1.0, abs=0.02)


def test_memory_stays_bounded() -> None:
    bench = Store(capacity=50, coarse_s=5, coarse_capacity=20)
    bench.fill(2000)
    assert len(bench.store.get(['cpu_ratio'])[0].values) <= 70


def test_what_was_unavailable_is_nan_and_does_not_bend_the_slope() -> None:
    bench = Store()
    bench.fill(3)
    bench.fill(1, math.nan)
    bench.fill(1, math.inf)
    bench.fill(2)
    (trend,) = bench.store.get(['cpu_ratio'])
    assert [math.isnan(v) for v in trend.values] == [False] * 3 + [True] * 2 + [False] * 2
    assert trend.slope_per_s == pytest.approx(1.0)
    (absent,) = bench.store.get(['accelerator_power_w'])
    assert all(math.isnan(v) for v in absent.values)
    assert math.isnan(absent.slope_per_s)


def test_no_name_means_every_metric() -> None:
    bench = Store()
    bench.fill(1)
    assert [trend.metric for trend in bench.store.get()] == list(METRICS)


def test_a_name_said_again_costs_nothing_and_nothing_is_worked_out_while_samples_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Store()
    bench.fill(3)
    asked: list[str] = []
    points = trends._Rings.points

    def counted(rings: trends._Rings, metric: str) -> list[tuple[float, float]]:
        assert not bench.store._lock.locked()
        asked.append(metric)
        return points(rings, metric)

    monkeypatch.setattr(trends._Rings, 'points', counted)
    found = bench.store.get(['cpu_ratio', 'load_per_cpu', 'cpu_ratio'] * 500)
    assert [trend.metric for trend in found] == ['cpu_ratio', 'load_per_cpu']
    assert found[0].values == (1.0, 2.0, 3.0)
    assert len(asked) == 4, 'the fine and the coarse ring of two metrics'


def test_an_unknown_metric_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownMetricError, match=r"unknown metric 'speed'; there are: .*cpu_ratio"):
        TrendStore().get(['cpu_ratio', 'speed'])


@pytest.mark.parametrize('window_s', [math.nan, -1.0, math.inf])
def test_an_impossible_window_is_refused(window_s: float) -> None:
    with pytest.raises(ValueError, match='window_s'):
        TrendStore().get(window_s=window_s)


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=300),
    st.integers(1, 100),
)
def test_downsampling_keeps_the_order_and_the_range(values: list[float], most: int) -> None:
    points = [(float(i), v) for i, v in enumerate(values)]
    shown = downsample(points, most)
    assert len(shown) == min(len(points), most)
    assert [t for t, _ in shown] == sorted(t for t, _ in shown)
    finite = [v for v in values if not math.isnan(v)]
    for _, v in shown:
        assert math.isnan(v) or min(finite) - 1e-6 <= v <= max(finite) + 1e-6


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_the_slope_is_that_of_least_squares(values: list[float]) -> None:
    expected = np.polyfit(range(len(values)), values, 1)[0]
    assert slope(enumerate(values)) == pytest.approx(expected, abs=1e-6)


def test_one_moment_has_no_slope() -> None:
    assert math.isnan(slope([(1.0, 1.0)]))
    assert math.isnan(slope([(1.0, 1.0), (1.0, 2.0)]))
