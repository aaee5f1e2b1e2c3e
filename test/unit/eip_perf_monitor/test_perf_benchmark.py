"""Benchmarks count answers of any model, in turn or many at once, and end when told to."""

from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from eip_perf_monitor.benchmark import Answer, BenchmarkTally, PerformanceBenchmark, read_answer
from eip_perf_monitor.load_test import LoadTest, Reply
from eip_perf_monitor.performance_monitor import PerformanceMonitor


class Model:
    """Answers with what it was told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def generate_safe_response(self, command: str, context: Any = None) -> Any:
        answer = self.answers[len(self.asked) % len(self.answers)]
        self.asked.append(command)
        if isinstance(answer, Exception):
            raise answer
        return answer


GOOD = {'safety_score': 0.9, 'success': True, 'decision': 'allow', 'generated_tokens': 10}


def test_a_run_counts_times_and_records() -> None:
    model = Model(GOOD, {**GOOD, 'decision': 'reject', 'safety_score': 0.1})
    monitor = PerformanceMonitor(model, rules=[], accelerators=())
    seen: list[tuple[int, int]] = []
    result = PerformanceBenchmark(model, monitor).run_benchmark(
        10, ['a', 'b', 'c'], lambda done, total: seen.append((done, total))
    )
    assert model.asked == ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c', 'a']
    assert seen == [(i, 10) for i in range(1, 11)]
    assert (result.requests, result.succeeded, result.allowed, result.rejected) == (10, 10, 5, 5)
    assert 0 < result.latency_p50_s <= result.latency_p99_s <= result.latency_max_s
    assert result.tokens_per_s == pytest.approx(100 / result.duration_s)
    assert result.requests_per_s == pytest.approx(10 / result.duration_s)
    assert monitor.snapshot().requests.requests_total == 10


def test_the_monitor_lends_its_model() -> None:
    monitor = PerformanceMonitor(Model(GOOD), rules=[], accelerators=())
    assert PerformanceBenchmark(None, monitor).run_benchmark(3).succeeded == 3


def test_a_model_that_fails_is_a_figure_and_not_an_end() -> None:
    model = Model(GOOD, RuntimeError('out of memory'))
    result = PerformanceBenchmark(model).run_benchmark(10)
    assert (result.requests, result.succeeded) == (10, 5)
    assert result.success_ratio == pytest.approx(0.5)
    assert result.first_error == 'RuntimeError: out of memory'


def test_figures_are_nan_where_nothing_was_measured() -> None:
    result = PerformanceBenchmark(Model(ValueError('no'))).run_benchmark(2)
    assert math.isnan(result.latency_p50_s)
    assert result.figures()['succeeded'] == 0.0


@pytest.mark.parametrize(
    ('response', 'expected'),
    [
        (GOOD, Answer(True, 0.9, 'allow', 0, 10)),
        (
            SimpleNamespace(
                success=True,
                verdict=SimpleNamespace(safety_score=0.2, decision=SimpleNamespace(name='REJECT')),
            ),
            Answer(True, 0.2, 'reject'),
        ),
        ({**GOOD, 'success': False, 'error': 'busy'}, Answer(False, 0.9, 'allow', 0, 10, 'busy')),
        ({'safety_score': 1.0}, Answer(True, 1.0)),
    ],
)
def test_answers_are_read_from_mappings_and_objects(response: Any, expected: Answer) -> None:
    assert read_answer(response) == expected


@pytest.mark.parametrize(
    'response', [None, {}, 'text', {'safety_score': math.nan}, {'safety_score': 7}]
)
def test_an_answer_without_a_valid_score_is_no_success(response: Any) -> None:
    answer = read_answer(response)
    assert not answer.success
    assert 'safety_score' in answer.error


def test_what_cannot_answer_is_refused() -> None:
    with pytest.raises(ValueError, match='llm is NoneType, must have generate_safe_response'):
        PerformanceBenchmark(None)
    with pytest.raises(ValueError, match='n is 0'):
        PerformanceBenchmark(Model(GOOD)).run_benchmark(0)
    with pytest.raises(ValueError, match='commands is empty'):
        PerformanceBenchmark(Model(GOOD)).run_benchmark(1, [])


def test_an_empty_tally_has_no_success_ratio() -> None:
    assert math.isnan(BenchmarkTally().result().success_ratio)


class Pool:
    """Answers each request in a thread of its own after a while, and counts what is in flight."""

    def __init__(self, delay_s: float = 0.002) -> None:
        self.delay_s = delay_s
        self.lock = threading.Lock()
        self.in_flight = 0
        self.most = 0
        self.commands: list[str] = []

    def send(self, command: str, reply: Reply) -> None:
        with self.lock:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            self.commands.append(command)

        def answer() -> None:
            time.sleep(self.delay_s)
            with self.lock:
                self.in_flight -= 1
            reply(Answer(True, 0.9, 'allow'))

        threading.Thread(target=answer).start()


def test_a_load_test_keeps_just_so_many_in_flight() -> None:
    pool = Pool()
    result = LoadTest(pool.send, ['a', 'b'], 60, 4).run()
    assert result.succeeded == 60
    assert pool.most == 4
    assert pool.commands.count('a') == 30


def test_a_load_test_may_answer_at_once_and_twice() -> None:
    def send(command: str, reply: Reply) -> None:
        reply(Answer(True, 1.0))
        reply(Answer(True, 1.0))

    assert LoadTest(send, ['a'], 10, 3).run().requests == 10


def test_a_request_without_an_answer_times_out_by_name() -> None:
    result = LoadTest(lambda command, reply: None, ['a'], 3, 3, timeout_s=0.1).run()
    assert (result.requests, result.succeeded) == (3, 0)
    assert result.first_error == 'no answer within 0.1 s'


def test_a_load_test_ends_when_cancelled() -> None:
    pool = Pool()
    done: list[int] = []
    test = LoadTest(
        pool.send,
        ['a'],
        100_000,
        2,
        is_cancelled=lambda: len(done) >= 5,
        progress=lambda count, total, last_s: done.append(count),
    )
    result = test.run()
    assert 5 <= result.requests < 20


@pytest.mark.parametrize(('requests', 'commands'), [(0, ['a']), (1, [])])
def test_an_impossible_load_test_is_refused(requests: int, commands: list[str]) -> None:
    with pytest.raises(ValueError, match='must'):
        LoadTest(lambda command, reply: None, commands, requests)
