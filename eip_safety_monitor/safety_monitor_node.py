"""The node `safety_monitor`: wires the supervisor to ROS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from eip.msg import ActionPlan, Heartbeat, SafetyVerdict, SceneContext
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, DiagnosticPublisher
from eip_ros.executor import make_executor
from eip_ros.heartbeat import HeartbeatPublisher, read_boot_id
from eip_ros.inbox import Inbox
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY
from eip_safety_monitor import conversions
from eip_safety_monitor.audit.audit_log import AuditLog
from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.clock import MonotonicClock, seconds
from eip_safety_monitor.files import FolderLock
from eip_safety_monitor.latch.state_store import StateStore, beginning
from eip_safety_monitor.marker_publisher import MarkerPublisher
from eip_safety_monitor.markers import Shape, draw
from eip_safety_monitor.monitor_parameters import MonitorParameters, chosen_folder
from eip_safety_monitor.monitor_services import MonitorServices
from eip_safety_monitor.policy import Policy, default_policy_file, load_policy
from eip_safety_monitor.priority import raise_priority
from eip_safety_monitor.rules.rule_diagnosis import diagnose_rules
from eip_safety_monitor.rules.rule_inputs import RuleInputs
from eip_safety_monitor.state_diagnosis import diagnose_causes, diagnose_state
from eip_safety_monitor.state_teller import PERMIT_PERIOD_S, StateTeller
from eip_safety_monitor.stop_inlets import StopInlets
from eip_safety_monitor.supervisor import Supervisor
from eip_safety_monitor.verdict_queue import VerdictQueue
from eip_safety_monitor.zones.transform_type import transform_type

__all__ = ['SafetyMonitorNode', 'main']

TURN_PERIOD_S = PERMIT_PERIOD_S / 3
LOOK_PERIOD_S = 2 * TURN_PERIOD_S
"""The longest between two looks at everything; what may end motion is looked at in its turn."""
UNARMED_AGE_NS = 50_000_000
HEARD = {
    names.Topic.ODOM: Odometry,
    names.Topic.SCAN: LaserScan,
    names.Topic.SCENE: SceneContext,
    names.Topic.HARDWARE_STOP: Bool,
}
"""Topics that rules may read, too, without a second subscription."""
URGENT = frozenset({names.Topic.HARDWARE_STOP, names.Topic.SCAN, names.Topic.SCENE})


class SafetyMonitorNode(Node):
    """Publishes the permit to move at 25 Hz and at once on every change; comes up without one."""

    def __init__(self) -> None:
        super().__init__(names.Node.SAFETY_MONITOR)
        self._log_to = Node.get_logger(self)
        parameters = declare_parameters(self, MonitorParameters)
        path = Path(parameters.policy_file) if parameters.policy_file else default_policy_file()
        policy = load_policy(path)
        self._rule_inputs = RuleInputs(self, policy.rules, path, self._hear_signal, HEARD)
        transforms = transform_type(policy.zones)
        self._monotonic = MonotonicClock()
        self._stop_inlets = StopInlets(self, policy.stop_inputs, self._monotonic)
        folder = (
            chosen_folder(parameters.state_dir, self.get_namespace()) / names.Node.SAFETY_MONITOR
        )
        self._lock = FolderLock(folder)
        self._boot_id = read_boot_id()
        lifetime_s = policy.permit_lifetime_s
        self._teller = StateTeller(self, self._monotonic, self._boot_id, lifetime_s)
        self._turned_ns = self._looked_ns = self._monotonic.now_ns()
        self._is_closed = self._has_crashed = False
        self._supervisor = self._make_supervisor(policy, folder)
        self._make_outlets()
        self._make_inlets()
        if transforms is not None:
            inbox = Inbox(self, transforms, names.Topic.TF, qos.HEARTBEAT)
            self._inboxes.append((inbox, self._hear_transforms))
        if policy.rules.formulas:
            self._diagnostics.add('rules', self._diagnose_rules)
        self._markers = MarkerPublisher(self, lambda: self._draw(policy))
        self._log_to.info(f'policy {path}, state in {folder}')
        self._turn()

    def note_crash(self, error: Exception) -> None:
        """Latch a stop that names the exception that ends the node; no orderly end follows."""
        self._has_crashed = True
        self._supervisor.crash(error)
        self._tell()

    def destroy_node(self) -> None:
        """End, unless after a crash in good order: log it, forbid motion, let the folder go."""
        if not self._is_closed:
            self._is_closed = True
            if not self._has_crashed:
                self._verdicts.close()
                self._supervisor.shut_down()
                self._teller.publish(self._supervisor.state())
            self._lock.release()
            for inbox, _ in self._inboxes:
                inbox.close()
            self._verdict_inbox.close()
            self._rule_inputs.close()
            self._stop_inlets.close()
        Node.destroy_node(self)

    def _make_supervisor(self, policy: Policy, folder: Path) -> Supervisor:
        log = AuditLog(folder, policy.audit.max_file_bytes, policy.audit.keep_files)
        journal = Journal(log)
        try:
            self._lock.take()
        except BlockingIOError:
            raise
        except OSError as error:
            journal.problem = f'state_dir {folder} cannot be written: {error.strerror}'
        if not journal.problem:
            journal.open()
        store = StateStore(folder, lambda: log.last)
        begin = beginning(store, log.last, log.broken)
        panel = self._stop_inlets.panel
        return Supervisor(policy, self._monotonic, journal, store, begin, self._boot_id, panel)

    def _make_outlets(self) -> None:
        self._heartbeat = HeartbeatPublisher(self, health=self._health)
        self._diagnostics = DiagnosticPublisher(self)
        self._diagnostics.add('safety', self._diagnose)
        self._diagnostics.add('causes', self._diagnose_causes)
        self._desk = MonitorServices(self, self._supervisor, self._tell, self._read_plans)

    def _make_inlets(self) -> None:
        topic = names.Topic
        self._verdicts = VerdictQueue(self._supervisor, self._monotonic)
        self._verdict_inbox = Inbox(self, SafetyVerdict, topic.VERDICT, qos.VERDICT_INBOX)
        self._plans = Inbox(self, ActionPlan, topic.PLAN, qos.COMMAND)
        self._inboxes: list[tuple[Inbox[Any], Callable[[Any, int], None]]] = [
            (Inbox(self, Bool, topic.HARDWARE_STOP, qos.STOP_INPUT), self._hear_hardware_stop),
            (Inbox(self, Odometry, topic.ODOM, qos.SENSOR), self._hear_odometry),
            (Inbox(self, LaserScan, topic.SCAN, qos.SENSOR), self._hear_scan),
            (Inbox(self, SceneContext, topic.SCENE, qos.SENSOR), self._hear_scene),
            (Inbox(self, Heartbeat, topic.HEARTBEAT, qos.HEARTBEAT), self._hear_heartbeat),
            (self._plans, self._hear_plan),
        ]
        self._timer = self.create_timer(TURN_PERIOD_S, self._turn, clock=STEADY)

    def _turn(self) -> None:
        # What is taken now came after the last turn: it is counted as that old. While nothing is
        # permitted anyway, a busy start must not look like a lost sensor.
        since_ns, self._turned_ns = self._turned_ns, self._monotonic.now_ns()
        if not self._supervisor.is_armed:
            since_ns = max(since_ns, self._turned_ns - UNARMED_AGE_NS)
        is_urgent = self._stop_inlets.take(since_ns)
        for inbox, hear in self._inboxes:
            for message in inbox.take():
                hear(message, since_ns)
                self._rule_inputs.pass_on(inbox.topic, message, since_ns)
                is_urgent |= inbox.topic in URGENT
        self._rule_inputs.take(since_ns)
        if is_urgent or self._is_look_due():
            self._looked_ns = self._turned_ns
            self._supervisor.tick()
            self._tell()
        self._write_verdicts()

    def _is_look_due(self) -> bool:
        due_s = LOOK_PERIOD_S - TURN_PERIOD_S / 2
        is_due = seconds(self._turned_ns - self._looked_ns) >= due_s
        return is_due or self._teller.is_due(TURN_PERIOD_S / 2)

    def _tell(self) -> None:
        self._teller.tell(self._supervisor, TURN_PERIOD_S / 2)

    def _hear_signal(self, name: str, value: float, received_ns: int) -> None:
        self._supervisor.surroundings.rules.hear(name, value, received_ns)

    def _hear_hardware_stop(self, message: Bool, received_ns: int) -> None:
        self._supervisor.surroundings.hear_hardware_stop(message.data, received_ns)

    def _hear_odometry(self, message: Odometry, received_ns: int) -> None:
        reading = conversions.odometry_from(message)
        self._supervisor.surroundings.hear_odometry(reading, received_ns)

    def _hear_scan(self, message: LaserScan, received_ns: int) -> None:
        self._supervisor.surroundings.hear_scan(conversions.scan_from(message), received_ns)

    def _hear_scene(self, message: SceneContext, received_ns: int) -> None:
        self._supervisor.surroundings.hear_scene(conversions.scene_from(message), received_ns)

    def _hear_transforms(self, message: Any, received_ns: int) -> None:
        for link in conversions.links_from(message):
            self._supervisor.surroundings.hear_link(link, received_ns)

    def _hear_heartbeat(self, message: Heartbeat, received_ns: int) -> None:
        beat = conversions.beat_from(message)
        is_own = beat.instance_id == self._heartbeat.instance_id
        if beat.node == names.Node.SAFETY_MONITOR and not is_own:
            self._supervisor.hear_other_monitor()
        self._supervisor.hear_beat(beat, received_ns)

    def _write_verdicts(self) -> None:
        for message in self._verdict_inbox.take():
            self._verdicts.hear(conversions.verdict_from(message))
        self._verdicts.write()

    def _hear_plan(self, message: ActionPlan, received_ns: int = 0) -> None:
        self._supervisor.hear_plan(conversions.plan_from(message))

    def _read_plans(self) -> None:
        for message in self._plans.take():
            self._hear_plan(message)

    def _health(self) -> tuple[bool, str]:
        problem = self._supervisor.problem
        return not problem, problem

    def _diagnose(self) -> Diagnosis:
        return diagnose_state(self._supervisor.state())

    def _diagnose_causes(self) -> Diagnosis:
        return diagnose_causes(self._supervisor.cause_figures(), self._monotonic.now_ns())

    def _draw(self, policy: Policy) -> list[Shape]:
        state, here = self._supervisor.state(), self._supervisor.surroundings
        return draw(state, here.odometry, here.scene, policy.zones, policy.robot.radius_m)

    def _diagnose_rules(self) -> Diagnosis:
        figures = self._supervisor.surroundings.rules.figures()
        return diagnose_rules(figures, self._monotonic.now_ns())


def main() -> int:
    """Run the node; return 2 with one line on stderr when a set value cannot be used."""
    raise_priority()
    return run_node(
        SafetyMonitorNode, make_executor=make_executor, on_crash=SafetyMonitorNode.note_crash
    )


if __name__ == '__main__':
    raise SystemExit(main())
