"""The node `safety_llm`: sentences in, verdicts and approved plans out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import fields
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from eip.msg import ActionPlan, RequestRecord, SafetyVerdict, SceneContext
from eip.srv import ReclaimMemory
from eip_llm_interface import conversions
from eip_llm_interface.command_desk import CommandDesk, one_line
from eip_llm_interface.confirm_desk import ConfirmDesk
from eip_llm_interface.confirmations import ConfirmationStore
from eip_llm_interface.engine.wording import fault
from eip_llm_interface.outcome import Outcome, Request
from eip_llm_interface.safety_llm_config import SafetyLlmConfig
from eip_llm_interface.safety_llm_services import SafetyLlmServices
from eip_llm_interface.scene_board import SceneBoard
from eip_llm_interface.work_queue import BusyError, WorkQueue
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, Level
from eip_ros.lifecycle_node import ManagedNode
from eip_ros.names import Service, Topic
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY

__all__ = ['SafetyLlmNode', 'load_llm', 'main']

THREADS = 6
"""One per callback group that may wait (services, answers, action, lifecycle) and two to spare."""


def load_llm(config: SafetyLlmConfig) -> Any:
    """Return the language model that `config` asks for; torch is imported only here."""
    from eip_llm_interface.gpu_optimized_llm import GPUOptimizedSafetyLLM
    from eip_llm_interface.knowledge.ontology import Knowledge

    return GPUOptimizedSafetyLLM(
        gpu_config=config.gpu_config(),
        model=config.model or None,
        skills=config.skills_file or None,
        knowledge=Knowledge.load(config.knowledge_files),
        policy=config.policy_file or None,
        robot_kind=config.robot_kind,
    )


class SafetyLlmNode(ManagedNode):
    """Wires topics, services and the action to a CommandDesk behind a bounded queue."""

    def __init__(self, make_llm: Callable[[SafetyLlmConfig], Any] = load_llm) -> None:
        super().__init__(names.Node.SAFETY_LLM)
        self.config = declare_parameters(self, SafetyLlmConfig, read_only=False)
        self._make_llm = make_llm
        self._llm: Any = None
        self._load_s = 0.0
        self._last_busy_s = -60.0
        self.queue = WorkQueue(self.config.queue_size, 'safety_llm_work')
        self.desk = CommandDesk(
            outbox=self,
            scenes=SceneBoard(self.config.scene_timeout_s),
            max_wait_s=self.config.answer_timeout_s,
            why_closed=lambda: self.health()[1] or 'the node is not active',
            part_size=2 * self.config.batch_size,
        )
        self.confirm_desk = ConfirmDesk(
            self.desk,
            ConfirmationStore(self.config.confirm_timeout_s, self.config.confirm_capacity),
        )
        # Plain publishers: also an inactive node says that it rejects, and why.
        self._verdicts = Node.create_publisher(self, SafetyVerdict, Topic.VERDICT, qos.EVENT)
        self._records = Node.create_publisher(self, RequestRecord, Topic.REQUESTS, qos.EVENT)
        self._plans = Node.create_publisher(self, ActionPlan, Topic.PLAN, qos.COMMAND)
        self._open_doors()
        for name, task in (
            ('model', self._diagnose_model),
            ('queue', self._diagnose_queue),
            ('scene', self._diagnose_scene),
        ):
            self.diagnostics.add(name, task)

    def _open_doors(self) -> None:
        intake, upkeep = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        self.create_subscription(
            String, Topic.COMMAND, self._on_command, qos.COMMAND, callback_group=intake
        )
        self.create_subscription(
            SceneContext, Topic.SCENE, self._on_scene, qos.SENSOR, callback_group=intake
        )
        self.create_service(
            ReclaimMemory, f'~/{Service.RECLAIM}', self._on_reclaim, callback_group=upkeep
        )
        self.create_timer(0.5, self.confirm_desk.expire, callback_group=upkeep, clock=STEADY)
        self._front = SafetyLlmServices(self)

    def set_up(self) -> None:
        """Load the model and let it answer once."""
        started_s = time.monotonic()
        try:
            self._llm = self._make_llm(self._config_now())
            if self.config.warm_up:
                first = self._llm.generate_safe_response('go to the table', None)
                if why := fault(first.verdict):
                    raise RuntimeError(why)
        except Exception as error:
            self._llm = None
            raise RuntimeError(one_line(error)) from None
        # What was loaded stays: collecting it again and again would only delay heartbeats.
        gc.collect()
        gc.freeze()
        self._load_s = time.monotonic() - started_s
        Node.get_logger(self).info(f'model {self._llm.model_name} loaded in {self._load_s:.1f} s')

    def _config_now(self) -> SafetyLlmConfig:
        """Return the parameters as they are now, so that a remedy needs no restart."""
        values = {item.name: self.get_parameter(item.name).value for item in fields(self.config)}
        return SafetyLlmConfig(**values)

    def start(self) -> None:
        """Begin to answer."""
        self.desk.llm = self._llm

    def stop(self) -> None:
        """Reject from now on, also what waits for a person."""
        self.desk.llm = None
        self.confirm_desk.drop_all('the node was deactivated')

    def clean_up(self) -> None:
        """Let the model go."""
        llm, self._llm = self._llm, None
        if llm is not None:
            llm.close()
            gc.unfreeze()

    def destroy_node(self) -> None:
        """End the worker, then the node."""
        self.desk.llm = None
        if self.queue.close() and self._llm is not None:
            self._llm.close()
        self._front.destroy()
        super().destroy_node()  # type: ignore[no-untyped-call]

    def send_verdict(self, outcome: Outcome) -> None:
        """Publish the verdict on `safety/verdict`."""
        request = outcome.request
        self._verdicts.publish(
            conversions.verdict_to_message(
                outcome.verdict, request.request_id, request.text, self.now()
            )
        )

    def send_record(self, outcome: Outcome) -> None:
        """Publish the request's record on `llm/requests`."""
        self._records.publish(conversions.record_to_message(outcome, self.now()))

    def send_plan(self, outcome: Outcome) -> None:
        """Publish an approved plan on `plan`."""
        self._plans.publish(conversions.result_to_message(outcome, self.now()).plan)

    def _on_scene(self, message: Any) -> None:
        self.desk.scenes.put(conversions.scene_from_message(message))

    def _on_command(self, message: Any) -> None:
        request = Request(message.data, 'command', execute=True)
        try:
            future = self.queue.submit(lambda: self.desk.generate(request))
        except BusyError as error:
            self.refuse_busy(request, error)
        else:
            future.add_done_callback(self._log_if_failed)

    def _log_if_failed(self, future: Future[Outcome]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.log_failure(error)

    def log_failure(self, error: BaseException) -> None:
        """Log that an answer could not be published."""
        Node.get_logger(self).error(f'an answer could not be published: {one_line(error)}')

    def _on_reclaim(self, asked: Any, answer: Any) -> Any:
        if self._llm is None:
            answer.message = f'nothing to give back: {self.health()[1]}'
            return answer
        try:
            answer.freed_mib = max(0.0, float(self._llm.release_memory()))
            answer.message = 'dropped remembered answers and grammar states, trimmed the heap'
            answer.success = True
        except Exception as error:  # a failed attempt must not end the node
            answer.message = conversions.safe_text(f'could not shrink: {one_line(error)}')
        return answer

    def refuse_busy(self, request: Request, error: BusyError) -> Outcome:
        """Reject a request for which there was no room."""
        self._last_busy_s = time.monotonic()
        return self.desk.refuse(request, 'system.busy', str(error))

    def now(self) -> Any:
        """Return the ROS time as a message."""
        return self.get_clock().now().to_msg()

    def _diagnose_model(self) -> Diagnosis:
        if self._llm is None:
            return Diagnosis(Level.ERROR, self.health()[1] or 'no model is loaded')
        values = {
            'model': self._llm.model_name,
            'device': self._llm.device,
            'memory_mib': round(self._llm.memory_mib(), 1),
            'load_s': round(self._load_s, 2),
        }
        if self.desk.failures:
            message = f'{self.desk.failures} failed in a row: {self.desk.last_failure}'
            return Diagnosis(Level.WARN, message, values)
        return Diagnosis(Level.OK, f'{self._llm.model_name} on {self._llm.device}', values)

    def _diagnose_queue(self) -> Diagnosis:
        values = {
            'waiting': self.queue.depth,
            'capacity': self.queue.capacity,
            'rejected_as_busy': self.queue.rejected,
            'waiting_for_confirmation': len(self.confirm_desk.store),
        }
        if time.monotonic() - self._last_busy_s < 5.0:
            return Diagnosis(Level.WARN, 'commands come faster than they can be answered', values)
        return Diagnosis(Level.OK, f'{self.queue.depth} waiting', values)

    def _diagnose_scene(self) -> Diagnosis:
        age_s = self.desk.scenes.age_s()
        if age_s is None:
            return Diagnosis(Level.WARN, 'no scene has come: nothing is known of who is near')
        values = {'age_s': round(age_s, 2)}
        if age_s > self.config.scene_timeout_s:
            return Diagnosis(Level.WARN, 'the scene is stale and counts as unknown', values)
        return Diagnosis(Level.OK, 'fresh', values)


def main() -> int:
    """Run the node until it is told to end."""
    return run_node(SafetyLlmNode, THREADS)


if __name__ == '__main__':
    raise SystemExit(main())
