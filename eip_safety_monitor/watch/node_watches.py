"""The other nodes of the robot, all of them: who beats, and whether another monitor speaks."""

from __future__ import annotations

from collections.abc import Sequence

from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.policy import Reaction, WatchedNode
from eip_safety_monitor.readings import Beat
from eip_safety_monitor.watch.heartbeats import HeartbeatWatch
from eip_safety_monitor.watch.watchdog import Condition

__all__ = ['NodeWatches']

OTHER_MONITOR_S = 1.0


class NodeWatches:
    """Watches every node of the policy by its heartbeats."""

    def __init__(self, nodes: Sequence[WatchedNode], clock: Clock, boot_id: str) -> None:
        self._clock = clock
        self._watches = {node.name: HeartbeatWatch(node, clock, boot_id) for node in nodes}
        self._other_monitor_ns: int | None = None

    def hear(self, beat: Beat, received_ns: int | None = None) -> None:
        """Take a heartbeat; one of a node that is not watched changes nothing."""
        watch = self._watches.get(beat.node)
        if watch is not None:
            watch.hear(beat, received_ns)

    def hear_other_monitor(self) -> None:
        """Note that another safety monitor speaks for this robot."""
        self._other_monitor_ns = self._clock.now_ns()

    def causes(self) -> list[Cause]:
        """Return what is wrong with the nodes now."""
        causes = [cause for watch in self._watches.values() if (cause := watch.cause())]
        heard_ns = self._other_monitor_ns
        if heard_ns is not None and seconds(self._clock.now_ns() - heard_ns) < OTHER_MONITOR_S:
            message = 'another safety monitor speaks for this robot'
            causes.append(Cause('monitor.second', Reaction.STOP, message))
        return causes

    def missing(self) -> list[str]:
        """Return the nodes without which nothing may move and that were not heard yet."""
        return [
            name
            for name, watch in self._needed().items()
            if watch.condition() is Condition.STARTING
        ]

    def not_ready(self) -> str:
        """Return which needed nodes wait for something, empty when none does."""
        return '; '.join(
            f'{name} is not ready: {watch.waits_for}; try again'
            for name, watch in self._needed().items()
            if watch.waits_for
        )

    def _needed(self) -> dict[str, HeartbeatWatch]:
        return {
            name: watch
            for name, watch in self._watches.items()
            if watch.policy.reaction is Reaction.STOP
        }
