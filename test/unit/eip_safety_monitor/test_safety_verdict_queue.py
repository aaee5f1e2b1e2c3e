"""A burst of verdicts on its way to the audit log."""

from __future__ import annotations

import pytest

from eip_safety_monitor.clock import ManualClock
from eip_safety_monitor.readings import VerdictHeard
from eip_safety_monitor.trial.play import Play
from eip_safety_monitor.verdict_queue import MOST_A_TURN, MOST_WAITING, VerdictQueue


def verdict(number: int) -> VerdictHeard:
    return VerdictHeard(str(number), 'go to the sink', 'input', -1, 'allow', 1.0, '')


class Log:
    """What was written."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.skipped: list[int] = []

    def hear_verdict(self, verdict: VerdictHeard) -> None:
        self.written.append(verdict.request_id)

    def hear_skipped_verdicts(self, count: int) -> None:
        self.skipped.append(count)

    @property
    def lines(self) -> int:
        return len(self.written) + len(self.skipped)


class Rig:
    """A queue that is written once a turn of 10 ms."""

    def __init__(self) -> None:
        self.clock, self.log = ManualClock(), Log()
        self.queue = VerdictQueue(self.log, self.clock)
        self.most_a_turn = 0

    def hear(self, count: int) -> None:
        for number in range(count):
            self.queue.hear(verdict(number))

    def turn(self, times: int) -> None:
        for _ in range(times):
            before = self.log.lines
            self.queue.write()
            self.most_a_turn = max(self.most_a_turn, self.log.lines - before)
            self.clock.advance(0.01)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_burst_of_100_is_written_in_order_two_lines_a_turn(rig: Rig) -> None:
    rig.hear(100)
    rig.turn(49)
    assert len(rig.log.written) == 98
    rig.turn(100)
    assert rig.log.written == [str(number) for number in range(100)]
    assert rig.log.skipped == []
    assert rig.most_a_turn == MOST_A_TURN


def test_what_found_no_room_is_counted_and_told_once(rig: Rig) -> None:
    rig.hear(MOST_WAITING + 70)
    rig.turn(1)
    rig.hear(5)
    assert rig.log.skipped == []
    rig.turn(1000)
    assert rig.log.skipped == [70 + 5 - MOST_A_TURN]
    assert len(rig.log.written) == MOST_WAITING + MOST_A_TURN
    assert rig.most_a_turn == MOST_A_TURN


def test_a_flood_without_end_is_told_once_a_second(rig: Rig) -> None:
    for _ in range(1000):
        rig.hear(50)
        rig.turn(1)
    assert 8 <= len(rig.log.skipped) <= 10
    rig.turn(1000)
    assert sum(rig.log.skipped) + len(rig.log.written) == 50_000


def test_what_still_waits_at_the_end_is_told(rig: Rig) -> None:
    rig.hear(30)
    rig.turn(5)
    rig.queue.close()
    assert rig.log.skipped == [20]


def test_verdicts_that_were_not_written_have_one_line_in_the_audit_log() -> None:
    play = Play()
    play.supervisor.hear_skipped_verdicts(12)
    (event,) = [e for e in play.supervisor.take_events() if e.cause == 'verdict.skipped']
    assert event.message.startswith('verdicts not written: 12')
