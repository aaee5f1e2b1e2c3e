"""What the steps of the demo's script have in common: saying, waiting, stopping, noting."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eip_bringup.client import RobotClient
from eip_bringup.errors import UserError
from eip_bringup.recorder import Recorder
from eip_bringup.sim.kitchen import Kitchen
from eip_bringup.supervisor import Supervisor

__all__ = [
    'ALLOW',
    'ARMED',
    'ARRIVAL_M',
    'CONFIRM',
    'DISARMED',
    'OPERATOR',
    'PROTECTIVE',
    'REJECT',
    'STOPPED',
    'SUCCEEDED',
    'Row',
    'ScriptError',
    'Stage',
]

OPERATOR = 'demo'
STOPPED, DISARMED, PROTECTIVE, ARMED = range(4)
REJECT, CONFIRM, ALLOW = range(3)
SUCCEEDED = 3
ENDED = (SUCCEEDED, 4, 5)
ARRIVAL_M = 0.3


class ScriptError(UserError):
    """Something that must be seen was not."""


@dataclass(frozen=True)
class Row:
    """One expectation of the script and what was measured."""

    expectation: str
    measured: str
    passed: bool
    figures: Mapping[str, float] = field(default_factory=dict)


class Stage:
    """One simulated robot, what was seen of it, and what the steps of a script have in common.

    A step raises ScriptError when what must be seen is not.
    """

    def __init__(self, robot: RobotClient, supervisor: Supervisor, kitchen: Kitchen) -> None:
        self.robot = robot
        self.seen = Recorder(robot)
        self.rows: list[Row] = []
        self._supervisor = supervisor
        self._kitchen = kitchen
        self._plan_id = ''

    def note(self, expectation: str, measured: str, passed: bool, **figures: float) -> None:
        """Add a row."""
        self.rows.append(Row(expectation, measured, passed, figures))

    def _set_off(self, place: str) -> None:
        self._plan_id = self._say(f'go to the {place}', ALLOW).plan.plan_id

    def _arrive(self, place: str) -> None:
        status = self._outcome()
        distance_m = self.seen.distance_to(self._approach(place))
        self.note(
            f'the interrupted errand ends within {ARRIVAL_M} m of its goal',
            f'{distance_m:.2f} m from the {place}: {status.message}',
            status.state == SUCCEEDED and distance_m <= ARRIVAL_M,
            **{f'{place}_m': distance_m},
        )

    def _say(self, text: str, decision: int) -> Any:
        result = self.robot.say(text)
        if result.verdict.decision != decision:
            words = ('reject', 'confirm', 'allow')
            raise ScriptError(
                f'"{text}": {words[min(result.verdict.decision, 2)]}, expected {words[decision]} '
                f'({result.verdict.reason or result.error})'
            )
        return result

    def _outcome(self) -> Any:
        def ended() -> Any:
            status = self.robot.plan_status
            done = status and status.plan_id == self._plan_id and status.state in ENDED
            return status if done else None

        return self._need(ended, 30.0, self._why_stopped)

    def _reset(self) -> None:
        self._need(
            lambda: self.robot.state is not None and self.robot.state.resettable,
            10.0,
            self._why_stopped,
        )
        self._done(self.robot.reset(OPERATOR, 'the cause is gone, the area is clear'))

    def _reset_and_arm(self, expectation: str, anew: str = '') -> None:
        self._reset()
        stood = not self.robot.wait_for(lambda: self.seen.is_moving, 0.3)
        self._arm()
        began_s = time.monotonic()
        if anew:
            self._set_off(anew)
        self._need(lambda: self.seen.is_moving, 5.0, self._why_stopped)
        self.note(
            expectation,
            f'reset moved nothing, driving {(time.monotonic() - began_s) * 1e3:.0f} ms after arm',
            stood,
        )

    def _arm(self) -> None:
        self._done(self.robot.arm(OPERATOR, 'the area is clear'))
        self._need(lambda: self._is_mode(ARMED), 3.0, self._why_stopped)

    def _kill(self, name: str) -> float:
        pid = self._supervisor.pid_of(name)
        if pid is None:
            raise ScriptError(f'{name} does not run')
        began_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return began_s

    def _in_front(self, distance_m: float) -> tuple[float, float]:
        x_m, y_m = self.seen.position
        yaw = self.seen.heading
        return x_m + distance_m * math.cos(yaw), y_m + distance_m * math.sin(yaw)

    def _approach(self, place: str) -> tuple[float, float]:
        pose = self._kitchen.places[place].approach
        return pose.x, pose.y

    def _is_mode(self, mode: int) -> bool:
        return self.robot.state is not None and self.robot.state.mode == mode

    def _all_healthy(self) -> bool:
        return all(self.robot.is_healthy(name) for name in self._supervisor.names)

    def _who_is_not_healthy(self) -> str:
        lines = []
        for name in self._supervisor.names:
            beat = self.robot.heartbeats.get(name)
            if not self.robot.is_healthy(name):
                lines.append(f'{name}: {beat.detail if beat else "no heartbeat"}')
        return '; '.join(lines)

    def _why_stopped(self) -> str:
        state, status = self.robot.state, self.robot.plan_status
        cause = state.cause or f'mode {state.mode}' if state else 'no safety state'
        return f'{cause}; plan: {status.message if status else "none"}'

    def _need(
        self, condition: Callable[[], Any], deadline_s: float, why_not: Callable[[], str]
    ) -> Any:
        value = self.robot.wait_for(condition, deadline_s)
        if not value:
            raise ScriptError(f'not within {deadline_s:.0f} s: {why_not()}')
        return value

    def _time(self, at_s: float | None, what: str) -> float:
        if at_s is None:
            raise ScriptError(f'{what} was not seen ({self._why_stopped()})')
        return at_s

    def _done(self, answer: tuple[bool, str]) -> None:
        if not answer[0]:
            raise ScriptError(f'refused: {answer[1]}')
