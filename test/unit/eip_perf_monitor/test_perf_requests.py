"""Request statistics: exact, bounded, and deaf to what cannot be."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_perf_monitor.requests import Request, RequestStatistics, percentile


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def request(seconds: float = 0.1, **fields: object) -> Request:
    values: dict = {'request_id': 'r', 'safety_score': 0.9, 'success': True, **fields}
    return Request(processing_time_s=seconds, **values)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=200),
    st.floats(0, 1),
)
def test_a_percentile_agrees_with_numpy(values: list[float], share: float) -> None:
    expected = float(np.percentile(values, share * 100))
    assert percentile(sorted(values), share) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one value'):
        percentile([], 0.5)


def test_the_summary_counts_what_was_recorded() -> None:
    clock = Clock()
    statistics = RequestStatistics(window_s=60, clock=clock)
    for index in range(100):
        clock.now_s += 0.1
        statistics.record(
            request(
                (index + 1) / 100,
                success=index % 10 != 0,
                decision='reject' if index % 4 == 0 else 'allow',
                generated_tokens=5,
                guard_time_s=0.01,
            )
        )
    found = statistics.summary()
    assert found.requests == found.requests_total == 100
    assert found.window_s == pytest.approx(10.0)
    assert found.requests_per_s == pytest.approx(10.0)
    assert found.tokens_per_s == pytest.approx(50.0)
    assert found.success_ratio == pytest.approx(0.9)
    assert found.failures_total == 10
    assert found.rejected == 25
    assert found.latency_p50_s == pytest.approx(0.505)
    assert found.latency_p99_s == pytest.approx(0.9901)
    assert found.guard_p50_s == pytest.approx(0.01)
    assert found.first_token_p50_s is None


def test_requests_leave_the_window_but_not_the_totals() -> None:
    clock = Clock()
    statistics = RequestStatistics(window_s=60, clock=clock)
    statistics.record(request(decision='reject'))
    clock.now_s += 61
    found = statistics.summary()
    assert found.requests == 0
    assert found.latency_p99_s is None
    assert found.success_ratio is None
    assert found.requests_total == 1
    assert found.decisions_total == {'reject': 1}


def test_a_flood_keeps_the_newest_and_says_which_span_it_covers() -> None:
    clock = Clock()
    statistics = RequestStatistics(window_s=60, capacity=1000, clock=clock)
    for _ in range(10_000):
        clock.now_s += 0.0001
        statistics.record(request())
    found = statistics.summary()
    assert found.requests == 1000
    assert found.requests_total == 10_000
    assert found.window_s == pytest.approx(0.1)
    assert found.requests_per_s == pytest.approx(10_000, rel=0.01)


def test_the_histogram_is_cumulative_and_ends_with_all() -> None:
    statistics = RequestStatistics()
    for seconds in (0.0005, 0.001, 0.3, 1000.0):
        statistics.record(request(seconds))
    histogram = dict(statistics.summary().histogram)
    assert histogram[0.001] == 2
    assert histogram[0.5] == 3
    assert histogram[30.0] == 3
    assert histogram[math.inf] == 4


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('processing_time_s', math.nan),
        ('processing_time_s', -0.1),
        ('processing_time_s', math.inf),
        ('safety_score', math.nan),
        ('safety_score', 1.01),
        ('queue_time_s', math.nan),
        ('generated_tokens', -1),
        ('decision', 'maybe'),
    ],
)
def test_an_impossible_value_is_refused_by_name(field: str, value: object) -> None:
    fields = {
        'request_id': 'r7',
        'processing_time_s': 0.1,
        'safety_score': 0.5,
        'success': True,
        field: value,
    }
    with pytest.raises(ValueError, match=rf"{field} of request 'r7' is .*{value}"):
        Request(**fields)  # type: ignore[arg-type]


def test_no_request_is_lost_between_threads() -> None:
    statistics = RequestStatistics(capacity=100)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            statistics.summary()

    def write() -> None:
        for _ in range(2000):
            statistics.record(request())

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert statistics.summary().requests_total == 8000
    assert statistics.summary().histogram[-1][1] == 8000
