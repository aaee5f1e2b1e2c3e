"""Latch, monitor and gate together without ROS, over a channel that loses, doubles and delays.

The play keeps its own account of what was permitted when, apart from the code it tries, and
`check` compares. A state machine test and a random exploration both drive it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.clock import ManualClock, seconds
from eip_safety_monitor.events import Answer
from eip_safety_monitor.gate import Gate, GateConfig, Reason
from eip_safety_monitor.latch.state_store import beginning
from eip_safety_monitor.permits import Mode, Permit, StopCategory
from eip_safety_monitor.policy import Policy
from eip_safety_monitor.readings import Beat, Odometry, PersonSeen, Scan, Scene
from eip_safety_monitor.rules.rules_policy import Rule, RuleReaction, RuleSignal, RulesPolicy
from eip_safety_monitor.supervisor import Supervisor
from eip_safety_monitor.trial.memory_files import MemoryLog, MemoryStore
from eip_safety_monitor.velocity import Velocity

__all__ = ['RULES', 'Play']

BOOT = 'boot'
TOLERANCE = 1e-9
RULES = RulesPolicy(
    signals=(RuleSignal('load', 'load', 'std_msgs/msg/Float64', 'data', 'N', grace_s=2.0),),
    formulas=(
        Rule(
            'load_heavy',
            'load <= 10',
            RuleReaction.PROTECTIVE,
            'the load is too heavy',
            on_stale=RuleReaction.LOG,
            latching=True,
        ),
        Rule(
            'load_falls',
            'load > -10',
            RuleReaction.STOP,
            'the load falls',
            on_stale=RuleReaction.STOP,
        ),
    ),
)
"""One rule latches and forgives silence, the other does not."""


@dataclass
class _Peer:
    """A watched node that beats."""

    instance: int = 0
    sequence: int = 0


class Play:
    """One robot, one monitor, one gate, a bad channel between, and a strict onlooker."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.clock = ManualClock()
        self.log, self.store = MemoryLog(), MemoryStore()
        self.monitors = 0
        self.permit_number = 0
        self.channel: list[Permit] = []
        self.delivered: list[Permit] = []
        self.peers = {node.name: _Peer() for node in self.policy.nodes}
        self.velocity = Velocity()
        self.person_m: float | None = None
        self.load: float | None = 1.0
        self._is_load_held = False
        self.resets = 0
        self._seen_mode = Mode.DISARMED
        self._ramp_speed = math.inf
        self.supervisor: Supervisor
        self.start_monitor()
        self.start_gate()

    # Processes.

    def start_monitor(self) -> None:
        """Let the monitor's process end without notice and come up again."""
        mode_before = Mode.DISARMED if self.monitors == 0 else self.supervisor.mode
        is_lost = self.store.is_unsaved and self.log.is_unsaved
        self.monitors += 1
        self.permit_number = 0
        journal = Journal(self.log)  # type: ignore[arg-type]
        begin = beginning(self.store, self.log.last, '')  # type: ignore[arg-type]
        self.supervisor = Supervisor(
            self.policy,
            self.clock,
            journal,
            self.store,  # type: ignore[arg-type]
            begin,
            BOOT,
        )
        mode = self.supervisor.mode
        assert mode in (Mode.STOPPED, Mode.DISARMED), f'came up {mode.name}'
        # With neither file writable at the time of the stop nothing of it can be known.
        if mode_before is not Mode.DISARMED and not is_lost:
            assert mode is Mode.STOPPED, f'came up {begin} after {mode_before.name}'
        self._seen_mode = self.supervisor.mode

    def start_gate(self) -> None:
        """Let the gate's process end and come up again; it hears the newest permit once more."""
        self.gate = Gate(GateConfig(), self.clock, BOOT)
        latest = self.delivered[-1:] if self.delivered else []
        self.delivered = []
        self._ramp_speed = math.inf
        self._is_gate_new = True
        for permit in latest:
            self._hear(permit)

    # Time and messages.

    def advance(self, duration_s: float) -> None:
        """Let time pass with nothing running."""
        self.clock.advance(duration_s)

    def tick(self) -> None:
        """Let the monitor look and put a permit into the channel."""
        self.supervisor.tick()
        self._publish()

    def deliver(self, index: int, is_kept: bool = False) -> None:
        """Deliver one message of the channel, not always the oldest, and maybe keep a copy."""
        if self.channel:
            index %= len(self.channel)
            permit = self.channel[index] if is_kept else self.channel.pop(index)
            self._hear(permit)

    def lose(self, index: int) -> None:
        """Lose one message of the channel."""
        if self.channel:
            self.channel.pop(index % len(self.channel))

    def impostor(self, sequence: int) -> None:
        """Let another monitor permit motion now."""
        permit = Permit('impostor', sequence, BOOT, self.clock.now_ns(), Mode.ARMED, True, 0.1)
        self._hear(replace(permit, limits=replace(permit.limits, linear_mps=5.0)))

    def malformed(self, lifetime_s: float) -> None:
        """Let a message come that cannot be."""
        permit = Permit(self._name(), 10**9, BOOT, self.clock.now_ns(), Mode.STOPPED, True)
        self._hear(replace(permit, lifetime_s=lifetime_s))

    def command(self, linear_mps: float, angular_radps: float) -> None:
        """Let somebody want a velocity."""
        self.velocity = Velocity((linear_mps, 0.0, 0.0), (0.0, 0.0, angular_radps))
        self.gate.hear_command(self.velocity)

    # What the monitor hears.

    def sense(self, speed_mps: float = 0.0, is_pressed: bool = False) -> None:
        """Let every sensor say one thing, and every node beat."""
        here = self.supervisor.surroundings
        here.hear_odometry(self.odometry(speed_mps))
        here.hear_scan(self._scan(3.0))
        people = []
        if self.person_m is not None:
            people = [PersonSeen('p', 'adult', 0.0, 0.0, 0.0, 0.0, self.person_m)]
        here.hear_scene(Scene(tuple(people)))
        here.hear_hardware_stop(is_pressed)
        if self.load is not None and self.policy.rules is RULES:
            here.rules.hear('load', self.load)
        for name in self.peers:
            self.beat(name)

    def odometry(self, speed_mps: float = 0.0) -> Odometry:
        """Return odometry stamped now."""
        return Odometry(0.0, 0.0, 0.0, speed_mps, 0.0, 0.0, stamp_ns=self.clock.now_ns())

    def bad_scan(self, value: float) -> None:
        """Let a scan come that is the same everywhere."""
        self.supervisor.surroundings.hear_scan(self._scan(value))

    def beat(self, name: str) -> None:
        """Let one node beat."""
        peer = self.peers[name]
        peer.sequence += 1
        stamp_ns = self.clock.now_ns()
        beat = Beat(name, str(peer.instance), peer.sequence, BOOT, 0, stamp_ns)
        self.supervisor.hear_beat(beat)

    # What a person asks.

    def reset(self, operator_name: str = 'ada', reason: str = 'looked') -> Answer:
        """Reset; must never permit motion."""
        before = self.supervisor.mode
        answer = self.supervisor.reset(operator_name, reason)
        if answer.success:
            self.resets += 1
            assert not self.log.is_full, 'a reset took effect that is not in the log'
            assert before is Mode.STOPPED, 'a reset did something without a latched stop'
            assert self.supervisor.mode is Mode.DISARMED, 'a reset ended elsewhere than disarmed'
            self._seen_mode = Mode.DISARMED
        self._publish()
        return answer

    def arm(self, operator_name: str = 'ada', reason: str = 'looked') -> Answer:
        """Arm; must never leave a latched stop."""
        before = self.supervisor.mode
        answer = self.supervisor.arm(operator_name, reason)
        assert not (answer.success and before is Mode.STOPPED), 'armed over a latched stop'
        is_new = answer.success and before is Mode.DISARMED
        assert not (is_new and self.log.is_full), 'armed without a line in the log'
        self._publish()
        return answer

    def emergency_stop(self) -> None:
        """Stop; must always work."""
        self.supervisor.emergency_stop()
        assert self.supervisor.mode is Mode.STOPPED, 'an emergency stop did not stop'
        self._publish()

    def disarm(self) -> None:
        """Disarm; must end without permission to move."""
        self.supervisor.disarm()
        assert self.supervisor.mode in (Mode.STOPPED, Mode.DISARMED)
        self._publish()

    # The onlooker.

    def check(self) -> None:
        """Compare what the gate gives with what was truly permitted; AssertionError if more."""
        self._check_latch()
        output = self.gate.output()
        velocity = output.velocity
        assert velocity.is_finite(), 'the gate gave something that is no number'
        if velocity.is_zero():
            self._ramp_speed = math.inf
            return
        if output.reason is Reason.RAMP:
            self._check_ramp(velocity)
            return
        self._ramp_speed = math.inf
        newest = self._newest_delivered()
        assert newest is not None, 'motion without any permit'
        age_s = seconds(self.clock.now_ns() - newest.stamp_ns)
        assert not self._is_gate_new, 'a new gate moved before it was told to stand'
        assert newest.motion_permitted, f'motion against {newest.mode.name}'
        assert age_s <= 0.1 + TOLERANCE, f'motion under a permit {age_s:.3f} s old'
        assert velocity.linear_mps <= newest.limits.linear_mps + TOLERANCE, 'faster than permitted'
        assert velocity.angular_radps <= newest.limits.angular_radps + TOLERANCE
        senders = {permit.monitor_id for permit in self._recent(0.4)}
        assert len(senders) <= 1, f'motion while {senders} speak'

    def _check_latch(self) -> None:
        mode = self.supervisor.mode
        if self._seen_mode is Mode.STOPPED:
            assert mode is Mode.STOPPED, 'a latched stop cleared by itself'
        self._seen_mode = mode
        standing = self.supervisor.state().active_causes
        if mode is Mode.ARMED:
            assert 'rule.load_falls' not in standing, 'motion while a rule asks for a stop'
            assert 'rule.load_falls.unknown' not in standing, 'motion while a stop rule is unknown'
            assert not self._is_load_held, 'a latched rule cleared by itself'
        self._is_load_held = mode is Mode.PROTECTIVE and (
            self._is_load_held or 'rule.load_heavy' in standing
        )

    def _check_ramp(self, velocity: Velocity) -> None:
        newest = self._newest_delivered()
        assert newest is not None and newest.stop_category is StopCategory.CONTROLLED
        assert seconds(self.clock.now_ns() - newest.stamp_ns) <= 0.1 + TOLERANCE
        speed = math.hypot(velocity.linear_mps, velocity.angular_radps)
        assert speed <= self._ramp_speed + TOLERANCE, 'a ramp went faster'
        self._ramp_speed = speed

    def _newest_delivered(self) -> Permit | None:
        own = [permit for permit in self.delivered if permit.monitor_id != 'bad']
        if not own:
            return None
        last = own[-1].monitor_id
        return max((p for p in own if p.monitor_id == last), key=lambda permit: permit.sequence)

    def _recent(self, window_s: float) -> list[Permit]:
        now_ns = self.clock.now_ns()
        return [p for p in self.delivered if seconds(now_ns - p.stamp_ns) <= window_s]

    def _hear(self, permit: Permit) -> None:
        if self.gate.hear_permit(permit):
            self._is_gate_new = self._is_gate_new and permit.motion_permitted
            self.delivered = [*self.delivered[-40:], permit]

    def _publish(self) -> None:
        state = self.supervisor.state()
        self.permit_number += 1
        self.channel = self.channel[-20:]
        self.channel.append(
            Permit(
                self._name(),
                self.permit_number,
                BOOT,
                self.clock.now_ns(),
                state.mode,
                state.is_motion_permitted,
                self.policy.permit_lifetime_s,
                state.limits,
                state.stop_category,
            )
        )
        self.supervisor.settle()
        self.supervisor.take_events()

    def _name(self) -> str:
        return f'monitor{self.monitors}'

    def _scan(self, value: float) -> Scan:
        ranges = np.full(36, value, dtype=np.float32)
        ranges[0] += np.float32(0.001 * (self.clock.now_ns() % 97))
        return Scan(ranges, -math.pi, math.pi / 18, 0.05, 10.0, self.clock.now_ns())
