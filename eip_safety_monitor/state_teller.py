"""Tells the outside what the supervisor found: the permit, and every event."""

from __future__ import annotations

import uuid
from typing import Any

from rclpy.node import Node

from eip.msg import SafetyEvent, SafetyState
from eip_ros import names, qos
from eip_safety_monitor import conversions
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.events import Event, Severity, State
from eip_safety_monitor.permits import Permit
from eip_safety_monitor.supervisor import Supervisor

__all__ = ['PERMIT_PERIOD_S', 'StateTeller']

PERMIT_PERIOD_S = 0.04
TELLING_LIMIT_MPS = 0.02


class StateTeller:
    """Publishes `safety/state` at 25 Hz and at once on every change, and `safety/event`."""

    def __init__(self, node: Node, clock: Clock, boot_id: str, lifetime_s: float) -> None:
        self._node = node
        self._clock = clock
        self._boot_id = boot_id
        self._lifetime_s = lifetime_s
        self._monitor_id = uuid.uuid4().hex
        self._sequence = 0
        self._told: tuple[Any, ...] = ()
        self._told_limit_mps = 0.0
        self._told_ns = 0
        self._states = node.create_publisher(SafetyState, names.Topic.STATE, qos.PERMIT)
        self._events = node.create_publisher(SafetyEvent, names.Topic.EVENT, qos.EVENT)

    def is_due(self, slack_s: float) -> bool:
        """Tell whether the next permit is due, `slack_s` too early counted in."""
        return seconds(self._clock.now_ns() - self._told_ns) >= PERMIT_PERIOD_S - slack_s

    def tell(self, supervisor: Supervisor, slack_s: float) -> None:
        """Publish what is due or has changed, then let the latch be saved.

        `slack_s` is how much too early the permit may come: half of the caller's period.
        """
        state = supervisor.state()
        face = (state.mode, state.active_causes, state.is_resettable)
        slower_mps = self._told_limit_mps - state.limits.linear_mps
        if self.is_due(slack_s) or face != self._told or slower_mps > TELLING_LIMIT_MPS:
            self.publish(state)
            self._told = face
            self._told_limit_mps = state.limits.linear_mps
        for event in supervisor.take_events():
            self._tell_event(event)
        supervisor.settle()

    def publish(self, state: State) -> None:
        """Publish the state with a permit of its own number."""
        self._sequence += 1
        self._told_ns = self._clock.now_ns()
        permit = Permit(
            monitor_id=self._monitor_id,
            sequence=self._sequence,
            boot_id=self._boot_id,
            stamp_ns=self._told_ns,
            mode=state.mode,
            motion_permitted=state.is_motion_permitted,
            lifetime_s=self._lifetime_s,
            limits=state.limits,
            stop_category=state.stop_category,
        )
        self._states.publish(conversions.state_message(state, permit, self._now()))

    def _tell_event(self, event: Event) -> None:
        self._events.publish(conversions.event_message(event, self._now()))
        log = self._node.get_logger()
        text = f'{event.kind}: {event.message}'
        # One call site each: rclpy ties a severity to the line that logs.
        if event.severity is Severity.INFO:
            log.info(text)
        else:
            log.warning(text)

    def _now(self) -> Any:
        return self._node.get_clock().now().to_msg()
