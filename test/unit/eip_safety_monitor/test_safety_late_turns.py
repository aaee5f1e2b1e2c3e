"""Late turns are told with how late they were."""

from __future__ import annotations

from eip_safety_monitor.late_turns import LateTurns

MS = 1_000_000


def test_only_turns_more_than_50_ms_apart_are_late() -> None:
    turns = LateTurns(0)
    assert turns.note(5 * MS) == 0.0
    assert turns.note(55 * MS) == 0.0
    assert turns.note(175 * MS) == 0.12
    assert turns.note(235 * MS) == 0.06
    assert turns.figures() == {
        'late_turns': 2,
        'last_late_turn_ms': '60',
        'worst_late_turn_ms': '120',
    }
