"""Signs of life of the other nodes: who is alive, who only pretends to be."""

from __future__ import annotations

from pathlib import Path

from eip_safety_monitor.causes import Cause, silence, slowness
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.policy import Reaction, WatchedNode
from eip_safety_monitor.readings import Beat
from eip_safety_monitor.watch.watchdog import Condition, Watchdog, WatchdogConfig

__all__ = ['HeartbeatWatch', 'process_state']

MAX_BEAT_RATE_HZ = 200.0
TAKEOVER_S = 0.25
"""A new process of the same name is believed once the old one was silent for so long."""
IMPOSTOR_S = 1.0
RESTART_S = 0.5
SLOW_SHARE = 0.5
"""Fewer than this share of the promised beats is slow."""


def process_state(pid: int) -> str:
    """Return 'suspended', 'running', 'ended' or 'unknown' for a process of this host."""
    if pid <= 0:
        return 'unknown'
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return 'ended' if Path('/proc/self/stat').exists() else 'unknown'
    letter = stat.rpartition(')')[2].split()[0]
    if letter in 'Tt':
        return 'suspended'
    return 'ended' if letter in 'ZX' else 'running'


class HeartbeatWatch:
    """Watches one node by its heartbeats."""

    def __init__(self, policy: WatchedNode, clock: Clock, boot_id: str) -> None:
        self._policy = policy
        self._clock = clock
        self._boot_id = boot_id
        config = WatchdogConfig(policy.timeout_s, policy.grace_s, MAX_BEAT_RATE_HZ)
        self._watchdog = Watchdog(config, clock)
        self._beat: Beat | None = None
        self._retired: set[str] = set()
        self._impostor_ns: int | None = None
        self._restarted_ns: int | None = None

    @property
    def policy(self) -> WatchedNode:
        """Return how this node is watched."""
        return self._policy

    def hear(self, beat: Beat, received_ns: int | None = None) -> bool:
        """Take a beat; return False for a repeated, backward, delayed or foreign one."""
        now_ns = self._clock.now_ns()
        received_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        if self._boot_id and beat.boot_id == self._boot_id and beat.monotonic_ns:
            received_ns = min(received_ns, beat.monotonic_ns)
        if seconds(now_ns - received_ns) > self._policy.timeout_s:
            return False
        known = self._beat
        if known is None or beat.instance_id == known.instance_id:
            if known is not None and beat.sequence <= known.sequence:
                return False
        elif beat.instance_id in self._retired or self._watchdog.silence_s() < TAKEOVER_S:
            self._impostor_ns = now_ns
            return False
        else:
            self._retired.add(known.instance_id)
            self._restarted_ns = now_ns
        self._beat = beat
        self._watchdog.feed(received_ns)
        return True

    @property
    def waits_for(self) -> str:
        """Return what the node waits for before it can do its job; empty when it is ready."""
        return self._beat.detail[:200] if self._beat is not None and self._beat.healthy else ''

    def condition(self) -> Condition:
        """Return what is to be thought of the node now."""
        return self._watchdog.condition()

    def cause(self) -> Cause | None:
        """Return what is wrong with the node now, or None."""
        name, reaction = self._policy.name, self._policy.reaction
        condition = self._watchdog.condition()
        if condition is Condition.STARTING:
            if reaction is Reaction.PROTECTIVE:
                return silence(name, reaction, f'{name} has not started yet')
            return None
        if condition is Condition.NEVER_CAME:
            return Cause(f'watchdog.{name}', reaction, f'{name} was never heard')
        if condition is Condition.LOST:
            silence_s = self._watchdog.silence_s()
            message = f'{name} is silent for {silence_s:.1f} s{self._why()}'
            return silence(name, reaction, message)
        if condition is Condition.FLOODING:
            return Cause(f'flood.{name}', reaction, f'{name} floods the topic heartbeat')
        return self._second_process() or self._restarted() or self._unhealthy() or self._slow()

    def _why(self) -> str:
        if self._beat is None or not self._boot_id or self._beat.boot_id != self._boot_id:
            return ''
        state = process_state(self._beat.pid)
        words = {'suspended': 'suspended', 'running': 'hung', 'ended': 'ended'}
        return f': process {self._beat.pid} is {words[state]}' if state in words else ''

    def _second_process(self) -> Cause | None:
        if self._impostor_ns is None:
            return None
        if seconds(self._clock.now_ns() - self._impostor_ns) > IMPOSTOR_S:
            return None
        name = self._policy.name
        message = f'two processes speak as {name}'
        return Cause(f'impostor.{name}', self._policy.reaction, message)

    def _restarted(self) -> Cause | None:
        # Quicker than the timeout, yet what a stop hangs on must not come and go unseen.
        if self._restarted_ns is None or self._policy.reaction is not Reaction.STOP:
            return None
        if seconds(self._clock.now_ns() - self._restarted_ns) > RESTART_S:
            return None
        name = self._policy.name
        return Cause(f'restarted.{name}', Reaction.STOP, f'{name} was started anew')

    def _slow(self) -> Cause | None:
        if self._beat is None or not self._beat.period_s > 0.0:
            return None
        if not self._watchdog.is_slower_than(SLOW_SHARE / self._beat.period_s):
            return None
        # A beat carries nothing that a decision rests on: slow is worth a word.
        name, rate_hz = self._policy.name, self._watchdog.rate_hz()
        message = f'{name} is slow: {rate_hz:.0f} beats a second of {1 / self._beat.period_s:.0f}'
        return slowness(name, Reaction.WARN, message)

    def _unhealthy(self) -> Cause | None:
        if self._beat is None or self._beat.healthy:
            return None
        name = self._policy.name
        detail = self._beat.detail[:200] or 'no reason given'
        return Cause(f'unhealthy.{name}', self._policy.reaction, f'{name} is unhealthy: {detail}')
