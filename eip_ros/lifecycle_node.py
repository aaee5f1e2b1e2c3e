"""The lifecycle node that EIP's managed nodes extend."""

from __future__ import annotations

import threading

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from eip_ros.diagnostics import Diagnosis, DiagnosticPublisher, Level
from eip_ros.heartbeat import HeartbeatPublisher
from eip_ros.steady import STEADY

__all__ = ['ManagedNode']


class ManagedNode(LifecycleNode):
    """A lifecycle node with heartbeat, diagnostics and the parameter `autostart`.

    With `autostart` true the node configures and activates itself, also after a respawn, so no
    outside manager is needed. Subclasses override `set_up`, `start`, `stop` and `clean_up`; an
    exception in one of them is logged in one line and fails the transition.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._alive_group = MutuallyExclusiveCallbackGroup()
        self._problem = ''
        self._is_active = False
        self.heartbeat = HeartbeatPublisher(
            self, health=self.health, callback_group=self._alive_group
        )
        self.diagnostics = DiagnosticPublisher(self, callback_group=self._alive_group)
        self.diagnostics.add('lifecycle', self._diagnose)
        if self.declare_parameter('autostart', True).value:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=STEADY)

    @property
    def is_active(self) -> bool:
        """Tell whether the node is in the lifecycle state `active`."""
        return self._is_active

    def health(self) -> tuple[bool, str]:
        """Return (healthy, why not); published with every heartbeat."""
        if self._problem:
            return False, self._problem
        return (True, '') if self._is_active else (False, 'not active')

    def set_up(self) -> None:
        """Acquire what the node needs; called on configure."""

    def start(self) -> None:
        """Begin to serve; called on activate."""

    def stop(self) -> None:
        """Cease to serve; called on deactivate and on shutdown."""

    def clean_up(self) -> None:
        """Release what `set_up` acquired; called on cleanup and on shutdown."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure by `set_up`."""
        return self._guarded('configure', self.set_up)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate by `start`."""
        result = self._guarded('activate', self.start)
        if result is not TransitionCallbackReturn.SUCCESS:
            return result
        result = super().on_activate(state)
        self._is_active = result is TransitionCallbackReturn.SUCCESS
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate by `stop`."""
        self._is_active = False
        self._guarded('deactivate', self.stop)
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up by `clean_up`."""
        return self._guarded('clean up', self.clean_up)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and clean up."""
        self._is_active = False
        self._guarded('stop', self.stop)
        return self._guarded('shut down', self.clean_up)

    def _guarded(self, what: str, action: object) -> TransitionCallbackReturn:
        try:
            action()  # type: ignore[operator]
        except Exception as error:
            self._problem = f'could not {what}: {error}'
            Node.get_logger(self).error(self._problem)
            return TransitionCallbackReturn.FAILURE
        self._problem = ''
        return TransitionCallbackReturn.SUCCESS

    def _autostart(self) -> None:
        self._autostart_timer.cancel()
        # Loading a model takes seconds; heartbeats and services go on meanwhile.
        threading.Thread(target=self._configure_and_activate, daemon=True).start()

    def _configure_and_activate(self) -> None:
        configured = self.trigger_configure()  # type: ignore[no-untyped-call]
        if configured is TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()  # type: ignore[no-untyped-call]

    def _diagnose(self) -> Diagnosis:
        healthy, detail = self.health()
        return Diagnosis(Level.OK, 'active') if healthy else Diagnosis(Level.ERROR, detail)
