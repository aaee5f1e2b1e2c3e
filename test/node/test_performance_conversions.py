"""Whatever a message holds, the monitor shows or refuses it; nothing breaks, nothing grows."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from eip.msg import (
    Heartbeat,
    MemoryStatus,
    PlanStatus,
    RequestRecord,
    SafetyEvent,
    SafetyState,
    SafetyVerdict,
    SafetyViolation,
)
from eip_perf_monitor import conversions as convert
from eip_perf_monitor.alert_rules import find_alerts_file, load_rules
from eip_perf_monitor.exporters.prometheus import PrometheusExporter
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.snapshot import to_plain

TEXT = st.one_of(
    st.text(st.characters(codec='utf-8'), max_size=40),
    st.sampled_from(['', '\x00', '\u202e', '"\\\n']),
    st.integers(1000, 100_000).map(lambda length: 'x' * length),
)
NUMBER = st.one_of(
    st.floats(width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0, 1.0, 3.0e38]),
)
RANGES = {'uint8': (0, 2**8 - 1), 'uint16': (0, 2**16 - 1), 'uint32': (0, 2**32 - 1)}
RANGES |= {'uint64': (0, 2**64 - 1), 'int32': (-(2**31), 2**31 - 1)}


def any_of(kind: type) -> st.SearchStrategy[Any]:
    """Return messages of `kind` with any value that their fields can hold."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, spec in kind.get_fields_and_field_types().items():  # type: ignore[attr-defined]
        if spec == 'string':
            fields[name] = TEXT
        elif spec in ('float', 'double'):
            fields[name] = NUMBER
        elif spec == 'boolean':
            fields[name] = st.booleans()
        elif spec in RANGES:
            fields[name] = st.integers(*RANGES[spec])
        elif spec == 'sequence<string>':
            fields[name] = st.lists(TEXT, max_size=30)
        elif spec == 'sequence<eip/SafetyViolation>':
            fields[name] = st.lists(any_of(SafetyViolation), max_size=30)
    return st.builds(lambda **values: kind(**values), **fields)


RULES = load_rules(find_alerts_file())


@settings(max_examples=60)
@given(
    record=any_of(RequestRecord),
    beat=any_of(Heartbeat),
    safety=any_of(SafetyState),
    verdict=any_of(SafetyVerdict),
    event=any_of(SafetyEvent),
    plan=any_of(PlanStatus),
    memory=any_of(MemoryStatus),
)
def test_any_message_can_be_taken_shown_and_exported(
    record: Any, beat: Any, safety: Any, verdict: Any, event: Any, plan: Any, memory: Any
) -> None:
    monitor = PerformanceMonitor(rules=RULES, accelerators=())
    try:
        convert.record(monitor, record)
    except ValueError as error:
        assert 'request' in str(error)
    convert.put_beat(monitor.board, beat, 'here')
    monitor.board.put_safety(convert.safety_view(safety))
    monitor.board.put_verdict(convert.verdict_view(verdict))
    monitor.board.put_event(convert.event_view(event))
    monitor.board.put_plan(convert.plan_view(plan))
    monitor.board.put_memory(convert.memory_view(memory))
    snapshot = monitor.sample()

    assert len(json.dumps(to_plain(snapshot), allow_nan=False)) < 100_000
    text = PrometheusExporter(monitor.snapshot, 'robot').render().decode()
    assert len(list(text_string_to_metric_families(text))) > 10
    convert.status_message(snapshot)
    for alert in snapshot.changes:
        convert.alert_message(alert)
    for trend in monitor.get_trends():
        convert.trend_message(trend)
    shown = snapshot.robot.safety
    assert shown is not None
    if safety.mode != SafetyState.ARMED:
        assert not shown.motion_permitted
        assert shown.mode != 'armed'


def test_names_without_end_do_not_fill_the_memory() -> None:
    monitor = PerformanceMonitor(rules=(), accelerators=())
    for index in range(1000):
        convert.put_beat(monitor.board, Heartbeat(node=f'n{index}', period_s=0.1), 'here')
    names = [node.name for node in monitor.board.read().nodes]
    assert len(names) == 64
    assert 'n999' in names
