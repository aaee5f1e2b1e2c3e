"""Latch, monitor and gate together, over a channel that loses, doubles, delays and reorders."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eip_safety_monitor.gate import Reason
from eip_safety_monitor.permits import Mode, StopCategory
from eip_safety_monitor.policy import Policy, StopPolicy
from eip_safety_monitor.trial.play import RULES, Play

INDEX = st.integers(0, 30)
SPEED = st.one_of(st.floats(-3.0, 3.0), st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))


class SafetyMachine(RuleBasedStateMachine):
    play: Play

    @initialize(is_ramped=st.booleans())
    def begin(self, is_ramped: bool) -> None:
        stop = StopPolicy(emergency=StopCategory(int(is_ramped)))
        self.play = Play(Policy(stop=stop, rules=RULES))

    @rule(duration_s=st.floats(0.0, 0.15))
    def pass_time(self, duration_s: float) -> None:
        self.play.advance(duration_s)

    @rule(duration_s=st.floats(0.15, 3.0))
    def hang(self, duration_s: float) -> None:
        self.play.advance(duration_s)

    @rule(speed=SPEED, is_pressed=st.sampled_from([False, False, False, True]))
    def sense(self, speed: float, is_pressed: bool) -> None:
        self.play.sense(speed, is_pressed)

    @rule(value=st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 0.3]))
    def bad_scan(self, value: float) -> None:
        self.play.bad_scan(value)

    @rule(distance_m=st.one_of(st.none(), st.floats(0.0, 4.0), st.just(math.nan)))
    def person(self, distance_m: float | None) -> None:
        self.play.person_m = distance_m

    @rule(load=st.sampled_from([1.0, 1.0, 50.0, -50.0, math.nan, None]))
    def load(self, load: float | None) -> None:
        self.play.load = load

    @rule()
    def tick(self) -> None:
        self.play.tick()

    @rule(index=INDEX, is_kept=st.booleans())
    def deliver(self, index: int, is_kept: bool) -> None:
        self.play.deliver(index, is_kept)

    @rule(index=INDEX)
    def lose(self, index: int) -> None:
        self.play.lose(index)

    @rule(turns=st.integers(1, 6), speed=st.floats(-1.0, 1.0))
    def run_well(self, turns: int, speed: float) -> None:
        for _ in range(turns):
            self.play.advance(0.04)
            self.play.sense()
            self.play.tick()
            self.play.command(speed, 0.1)
            self.play.deliver(-1)
            self.play.check()

    @rule(speed=SPEED, turn=SPEED)
    def command(self, speed: float, turn: float) -> None:
        self.play.command(speed, turn)

    @rule()
    def go(self) -> None:
        self.play.load = 1.0
        self.play.sense()
        self.play.tick()
        self.play.reset()
        self.play.check()
        self.play.arm()
        self.play.deliver(-1)

    @rule(name=st.sampled_from(['ada', '', ' ']), reason=st.sampled_from(['checked', '']))
    def reset(self, name: str, reason: str) -> None:
        answer = self.play.reset(name, reason)
        assert not answer.success or (name.strip() and reason.strip())
        self.play.check()

    @rule()
    def arm(self) -> None:
        self.play.arm()

    @rule()
    def emergency_stop(self) -> None:
        self.play.emergency_stop()

    @rule()
    def disarm(self) -> None:
        self.play.disarm()

    @rule()
    def kill_monitor(self) -> None:
        self.play.start_monitor()

    @rule()
    def kill_gate(self) -> None:
        self.play.start_gate()

    @rule(is_full=st.booleans())
    def disk(self, is_full: bool) -> None:
        self.play.log.is_full = is_full
        self.play.store.is_full = is_full

    @rule(sequence=st.integers(1, 5))
    def impostor(self, sequence: int) -> None:
        self.play.impostor(sequence)

    @rule(lifetime_s=st.sampled_from([0.1, 0.2, -1.0, math.nan]))
    def malformed(self, lifetime_s: float) -> None:
        self.play.malformed(lifetime_s)

    @invariant()
    def the_gate_gives_no_more_than_was_permitted(self) -> None:
        if hasattr(self, 'play'):
            self.play.check()


TestSafetyMachine = SafetyMachine.TestCase
TestSafetyMachine.settings = settings(max_examples=100, stateful_step_count=50)


def test_the_play_really_moves_when_everything_is_well() -> None:
    play = Play()
    for _ in range(5):
        play.advance(0.04)
        play.sense()
        play.tick()
        play.deliver(-1)
        play.check()
    assert play.arm().success
    play.command(0.5, 0.0)
    play.deliver(-1)
    play.check()
    assert play.gate.last.reason is Reason.PASSING
    assert play.gate.last.velocity.linear_mps == 0.5
    play.advance(0.101)
    play.check()
    assert play.gate.last.velocity.is_zero()
    assert play.supervisor.mode is Mode.ARMED
