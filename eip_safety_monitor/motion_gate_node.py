"""The node `motion_gate`: wires the gate to ROS."""

from __future__ import annotations

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node

from eip.msg import SafetyState
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, DiagnosticPublisher, Level
from eip_ros.executor import make_executor
from eip_ros.heartbeat import HeartbeatPublisher, read_boot_id
from eip_ros.inbox import Inbox
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY
from eip_safety_monitor import conversions
from eip_safety_monitor.clock import MonotonicClock
from eip_safety_monitor.gate import Gate, GateConfig, GateOutput, Reason
from eip_safety_monitor.late_turns import LateTurns
from eip_safety_monitor.priority import raise_priority
from eip_safety_monitor.velocity import ZERO, Velocity

__all__ = ['MotionGateNode', 'main']

TURN_PERIOD_S = 0.005
PUBLISH_PERIOD_S = 0.02
BASE_FRAME = 'base_link'


class MotionGateNode(Node):
    """Publishes `cmd_vel` at 50 Hz, zeros while motion is not permitted, and at once on a stop."""

    def __init__(self) -> None:
        super().__init__(names.Node.MOTION_GATE)
        self._log_to = Node.get_logger(self)
        config = declare_parameters(self, GateConfig)
        self._monotonic = MonotonicClock()
        self._gate = Gate(config, self._monotonic, read_boot_id())
        self._kind = TwistStamped if config.stamped else Twist
        self._frame = BASE_FRAME
        self._publisher = self.create_publisher(self._kind, names.Topic.CMD_VEL, qos.MOTION)
        self._permits = Inbox(self, SafetyState, names.Topic.STATE, qos.PERMIT_INBOX)
        self._commands = Inbox(self, self._kind, names.Topic.CMD_VEL_IN, qos.MOTION)
        self._heartbeat = HeartbeatPublisher(self, health=self._health)
        self._diagnostics = DiagnosticPublisher(self)
        self._diagnostics.add('gate', self._diagnose)
        self._published_ns = 0
        self._published = ZERO
        self._reason = Reason.NO_PERMIT
        self._looked_ns = self._monotonic.now_ns()
        self._turns = LateTurns(self._looked_ns)
        self._timer = self.create_timer(TURN_PERIOD_S, self._turn, clock=STEADY)
        self._turn()

    def destroy_node(self) -> None:
        """Give zero one last time."""
        self._give(ZERO)
        self._permits.close()
        self._commands.close()
        Node.destroy_node(self)

    def _turn(self) -> None:
        # What is taken now came after the last turn: it is counted as that old.
        since_ns, self._looked_ns = self._looked_ns, self._monotonic.now_ns()
        late_s = self._turns.note(self._looked_ns)
        if late_s:
            self._log_to.warning(f'this turn came {late_s * 1000:.0f} ms after the one before')
        for state in self._permits.take():
            if not self._gate.hear_permit(conversions.permit_from(state), since_ns):
                self._log_to.warning(self._gate.judge.refusal, throttle_duration_sec=10.0)
        for command in self._commands.take():
            self._hear_command(command, since_ns)
        output = self._gate.output()
        is_due = (
            self._looked_ns - self._published_ns >= (PUBLISH_PERIOD_S - TURN_PERIOD_S / 2) * 1e9
        )
        if is_due or output.velocity != self._published:
            self._publish(output)

    def _hear_command(self, command: Twist | TwistStamped, received_ns: int) -> None:
        twist, age_s = command, None
        if isinstance(command, TwistStamped):
            twist, self._frame = command.twist, command.header.frame_id or BASE_FRAME
            age_s = conversions.stamp_age_s(command, self.get_clock().now().nanoseconds)
        velocity = conversions.velocity_from(twist)
        if not self._gate.hear_command(velocity, received_ns, age_s) and self._gate.refused:
            refused = self._gate.refused
            self._log_to.warning(
                f'{refused.reason}: {refused.detail}'.rstrip(': ')
                + '; zero is given until a sound one comes on cmd_vel_in',
                throttle_duration_sec=1.0,
            )

    def _give(self, velocity: Velocity) -> None:
        twist = conversions.twist_message(velocity)
        if self._kind is Twist:
            self._publisher.publish(twist)
            return
        message = TwistStamped(twist=twist)
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = self._frame
        self._publisher.publish(message)

    def _publish(self, output: GateOutput) -> None:
        self._give(output.velocity)
        self._published, self._published_ns = output.velocity, self._looked_ns
        if output.reason is not self._reason:
            self._log_to.info(f'{output.reason}: {output.detail}'.rstrip(': '))
            self._reason = output.reason

    def _health(self) -> tuple[bool, str]:
        # Asked once a beat. Whoever else speaks to the base bypasses this gate.
        count = self.count_publishers(self._publisher.topic_name)
        if count > 1:
            topic, wanted = names.Topic.CMD_VEL, names.Topic.CMD_VEL_IN
            return False, f'{topic} has {count} publishers; remap the others to {wanted}'
        return True, self._gate.waits_for

    def _diagnose(self) -> Diagnosis:
        output = self._gate.last
        is_moving = output.reason in (Reason.PASSING, Reason.LIMITED, Reason.IDLE)
        values = {
            'linear_mps': f'{output.velocity.linear_mps:.3f}',
            'permit_age_s': f'{self._gate.judge.age_s():.3f}',
            'refused_permits': self._gate.judge.refused,
            'bad_commands': self._gate.bad_commands,
            **self._turns.figures(),
        }
        message = f'{output.reason}: {output.detail}'.rstrip(': ')
        return Diagnosis(Level.OK if is_moving else Level.WARN, message, values)


def main() -> int:
    """Run the node; return 2 with one line on stderr when a set value cannot be used."""
    raise_priority()
    return run_node(MotionGateNode, make_executor=make_executor)


if __name__ == '__main__':
    raise SystemExit(main())
