"""Statistics of requests over a sliding window, and totals since the start."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ['Request', 'RequestStatistics', 'RequestSummary', 'percentile']

DECISIONS: Final = ('reject', 'confirm', 'allow')
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper bounds of the latency histogram, s."""


@dataclass(frozen=True, slots=True)
class Request:
    """How one request went; fields as in eip/msg/RequestRecord, times in s.

    `decision` is "allow", "confirm", "reject", or empty when there was no verdict.
    """

    request_id: str
    processing_time_s: float
    safety_score: float
    success: bool
    decision: str = ''
    kind: str = ''
    queue_time_s: float = 0.0
    guard_time_s: float = 0.0
    time_to_first_token_s: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cached: bool = False

    def __post_init__(self) -> None:
        for name in (
            'processing_time_s',
            'queue_time_s',
            'guard_time_s',
            'time_to_first_token_s',
            'prompt_tokens',
            'generated_tokens',
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(
                    f'{name} of request {self.request_id!r} is {value}, must be finite and >= 0'
                )
        if not 0.0 <= self.safety_score <= 1.0:
            raise ValueError(
                f'safety_score of request {self.request_id!r} is {self.safety_score}, '
                'must be 0 to 1'
            )
        if self.decision and self.decision not in DECISIONS:
            raise ValueError(
                f'decision of request {self.request_id!r} is {self.decision!r}, '
                f'must be one of {", ".join(DECISIONS)} or empty'
            )


@dataclass(frozen=True)
class RequestSummary:
    """The window's figures; None where no request was there to measure.

    `window_s` is the span that the figures cover: shorter than asked while the monitor is young,
    or when more requests came than are kept.
    """

    window_s: float = 0.0
    requests: int = 0
    requests_per_s: float = 0.0
    success_ratio: float | None = None
    latency_p50_s: float | None = None
    latency_p90_s: float | None = None
    latency_p99_s: float | None = None
    latency_max_s: float | None = None
    guard_p50_s: float | None = None
    first_token_p50_s: float | None = None
    tokens_per_s: float = 0.0
    mean_safety_score: float | None = None
    rejected: int = 0
    confirm: int = 0
    cached: int = 0
    requests_total: int = 0
    failures_total: int = 0
    prompt_tokens_total: int = 0
    generated_tokens_total: int = 0
    decisions_total: dict[str, int] = field(default_factory=dict)
    histogram: tuple[tuple[float, int], ...] = ()
    latency_sum_s: float = 0.0


class RequestStatistics:
    """Keeps the last `window_s` seconds of requests, at most `capacity` of them; thread-safe.

    Percentiles are exact over what is kept; totals and histogram count every request ever seen.
    """

    def __init__(
        self,
        window_s: float = 60.0,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (math.isfinite(window_s) and window_s > 0):
            raise ValueError(f'window_s is {window_s}, must be greater than 0')
        if capacity < 1:
            raise ValueError(f'capacity is {capacity}, must be at least 1')
        self._window_s = window_s
        self._clock = clock
        self._since = clock()
        self._lock = threading.Lock()
        self._kept: deque[tuple[float, Request]] = deque(maxlen=capacity)
        self._total = 0
        self._failures = 0
        self._tokens = [0, 0]
        self._latency_sum_s = 0.0
        self._decisions: Counter[str] = Counter()
        self._buckets = [0] * (len(BUCKETS_S) + 1)

    def record(self, request: Request) -> None:
        """Count one request."""
        bucket = bisect_left(BUCKETS_S, request.processing_time_s)
        with self._lock:
            if len(self._kept) == self._kept.maxlen:
                # What was dropped ends the span that the window can speak for.
                self._since = self._kept[0][0]
            self._kept.append((self._clock(), request))
            self._total += 1
            self._failures += not request.success
            self._tokens[0] += request.prompt_tokens
            self._tokens[1] += request.generated_tokens
            self._latency_sum_s += request.processing_time_s
            self._decisions[request.decision or 'none'] += 1
            self._buckets[bucket] += 1

    def summary(self) -> RequestSummary:
        """Return the figures of the window that ends now."""
        with self._lock:
            now = self._clock()
            while self._kept and now - self._kept[0][0] > self._window_s:
                self._kept.popleft()
            requests = [request for _, request in self._kept]
            span_s = max(min(self._window_s, now - self._since), 1e-9)
            totals = self._totals()
        return _summarise(requests, span_s, totals)

    def _totals(self) -> RequestSummary:
        running, histogram = 0, []
        for bound, count in zip((*BUCKETS_S, math.inf), self._buckets, strict=True):
            running += count
            histogram.append((float(bound), running))
        return RequestSummary(
            requests_total=self._total,
            failures_total=self._failures,
            prompt_tokens_total=self._tokens[0],
            generated_tokens_total=self._tokens[1],
            decisions_total=dict(self._decisions),
            histogram=tuple(histogram),
            latency_sum_s=self._latency_sum_s,
        )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the percentile of ascending values, linear between neighbours (Hyndman-Fan type 7).

    `share` is 0 to 1. Raises ValueError when there are no values.
    """
    if not ordered:
        raise ValueError('a percentile needs at least one value')
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def _summarise(requests: list[Request], span_s: float, totals: RequestSummary) -> RequestSummary:
    count = len(requests)
    figures = dict(vars(totals))
    figures.update(window_s=span_s, requests=count, requests_per_s=count / span_s)
    if not requests:
        return RequestSummary(**figures)
    latencies = sorted(r.processing_time_s for r in requests)
    guards = sorted(r.guard_time_s for r in requests if r.guard_time_s > 0)
    firsts = sorted(r.time_to_first_token_s for r in requests if r.time_to_first_token_s > 0)
    decisions = Counter(r.decision for r in requests)
    figures.update(
        success_ratio=sum(r.success for r in requests) / count,
        latency_p50_s=percentile(latencies, 0.5),
        latency_p90_s=percentile(latencies, 0.9),
        latency_p99_s=percentile(latencies, 0.99),
        latency_max_s=latencies[-1],
        guard_p50_s=percentile(guards, 0.5) if guards else None,
        first_token_p50_s=percentile(firsts, 0.5) if firsts else None,
        tokens_per_s=sum(r.generated_tokens for r in requests) / span_s,
        mean_safety_score=sum(r.safety_score for r in requests) / count,
        rejected=decisions['reject'],
        confirm=decisions['confirm'],
        cached=sum(r.cached for r in requests),
    )
    return RequestSummary(**figures)
