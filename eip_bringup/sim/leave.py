"""Leave to do a step: asked of the safety monitor before each one, and again before it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eip_bringup.sim.errand import Errand

__all__ = ['Desk', 'LeaveAnswer', 'StepLeave']

ANSWER_S = 1.0
RETRY_S = 0.5
PATIENCE_S = 5.0
RENEW_SHARE = 0.4


@dataclass(frozen=True)
class LeaveAnswer:
    """What the monitor said; fields as in eip/srv/AuthorizeStep."""

    granted: bool
    lifetime_s: float = 0.0
    refusal: str = ''


class Desk(Protocol):
    """Where leave is asked: one question at a time, answered later."""

    def ask(self, errand: Errand, index: int) -> None:
        """Ask for leave to do a step; an answer still to come is not wanted any more."""

    def answer(self) -> LeaveAnswer | None:
        """Return the answer to what was asked last, or None while there is none."""


class StepLeave:
    """Tells whether the step at hand may go on. Times are monotonic, s."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._step: tuple[str, int] | None = None
        self._is_waiting = False
        self._asked_s = 0.0
        self._next_s = 0.0
        self._ends_s = 0.0
        self._refusal = ''
        self._refused_s: float | None = None

    def forget(self) -> None:
        """Take it that no leave holds any more, as after any stop."""
        self._step = None

    def holds(self, errand: Errand, index: int, now_s: float) -> bool:
        """Return whether a step may go on; asks where that is due."""
        if self._step != (errand.plan_id, index):
            self._step, self._is_waiting = (errand.plan_id, index), False
            self._next_s = self._ends_s = now_s
            self._refusal, self._refused_s = '', None
        if now_s >= self._next_s:
            self._desk.ask(errand, index)
            self._is_waiting, self._asked_s, self._next_s = True, now_s, now_s + ANSWER_S
        answer = self._desk.answer() if self._is_waiting else None
        if answer is not None:
            self._take(answer, now_s)
        return now_s < self._ends_s

    def why_held(self, now_s: float) -> str:
        """Return why the step waits; empty while an answer may still come in time."""
        if self._refusal:
            return self._refusal
        is_late = now_s - self._ends_s > RETRY_S
        return 'the safety monitor does not say whether this step may begin' if is_late else ''

    def is_hopeless(self, now_s: float) -> bool:
        """Tell whether the monitor has said no, and nothing else, for longer than patience."""
        return self._refused_s is not None and now_s - self._refused_s > PATIENCE_S

    def _take(self, answer: LeaveAnswer, now_s: float) -> None:
        self._is_waiting = False
        if answer.granted:
            # Counted from the question: the answer may have been long on its way.
            self._ends_s = self._asked_s + answer.lifetime_s
            self._next_s = self._ends_s - RENEW_SHARE * answer.lifetime_s
            self._refusal, self._refused_s = '', None
            return
        self._ends_s, self._next_s = now_s, now_s + RETRY_S
        self._refusal = answer.refusal or 'the safety monitor refused without a word'
        self._refused_s = now_s if self._refused_s is None else self._refused_s
