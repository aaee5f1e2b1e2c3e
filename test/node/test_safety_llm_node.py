"""The node `safety_llm` with a stand-in for the model: what goes in, what must come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import KeyValue
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from eip.action import Generate
from eip.msg import ActionPlan, Heartbeat, Person, RequestRecord, SafetyVerdict, SceneContext
from eip.srv import (
    CheckCommand,
    ConfirmCommand,
    GenerateBatch,
    GenerateResponse,
    ReclaimMemory,
)
from eip_llm_interface.engine.answering import Answerer, Hooks
from eip_llm_interface.engine.safe_response import SafeResponse
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.outcome import rejection
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest
from eip_llm_interface.safety_llm_node import THREADS, SafetyLlmNode, load_llm
from eip_ros import qos
from eip_ros.threads import ThreadedExecutor

BAD_INPUT = ('empty', 'too_long', 'binary', 'nul', 'bidi', 'confusables', 'mixed_script')


class FakeLlm:
    """Answers at once: "knife" needs a yes, "stab" is rejected, "crash" raises, "slow" waits."""

    model_name = 'fake'
    device = 'cpu'

    def __init__(self) -> None:
        self.guard = self
        self.gate = threading.Event()
        self.calls: list[tuple[str, SceneFacts]] = []
        self.closed = False

    def check(self, command: str, context: Any = None) -> Verdict:
        scene = SceneFacts.of(context)
        self.calls.append((command, scene))
        if 'crash' in command:
            raise RuntimeError('the model broke\nin two lines')
        if 'slow' in command:
            self.gate.wait(20.0)
        findings = [f for f in normalise(command).findings if f in BAD_INPUT]
        if findings:
            return _verdict(Decision.REJECT, f'input.{findings[0]}')
        if 'stab' in command:
            return _verdict(Decision.REJECT, 'hazard.violence')
        if 'knife' in command and any(p.kind == 'child' for p in scene.people):
            return _verdict(Decision.REJECT, 'hazard.child_near')
        if 'knife' in command:
            rules = ['hazard.sharp', *(['hazard.someone_near'] if scene.people else [])]
            return _verdict(Decision.CONFIRM, *rules)
        return Verdict(Decision.ALLOW, 0.99, reason='fine')

    def judge_plan(self, command: str, plan: Plan, scene: SceneFacts) -> Plan:
        verdict = self.check(command, scene)
        steps = [PlanStep(s.skill, s.parameters, s.text, verdict) for s in plan.steps]
        return Plan(tuple(steps), verdict)

    def generate_safe_response(self, command: str, context: Any = None) -> SafeResponse:
        verdict = self.check(command, context)
        plan = Plan()
        if verdict.decision is not Decision.REJECT:
            step = PlanStep('go_to', {'place': 'sink'}, 'go to the sink', verdict)
            plan = Plan((step,), verdict)
        return SafeResponse('x', command, verdict, plan, 'words', generated_tokens=3)

    def generate_batch_responses(self, commands: Any, contexts: Any = None) -> list[SafeResponse]:
        pairs = zip(commands, contexts, strict=True)
        return [self.generate_safe_response(command, context) for command, context in pairs]

    def stream(
        self,
        command: str,
        context: Any,
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
        on_stage: Callable[[str], None],
    ) -> SafeResponse:
        on_stage('planning')
        for _ in range(2000 if 'long' in command else 3):
            if cancelled():
                break
            on_text('go_to ')
            time.sleep(0.01)
        return self.generate_safe_response(command, context)

    def release_memory(self) -> float:
        return 12.5

    def memory_mib(self) -> float:
        return 1.0

    def close(self) -> None:
        self.closed = True


def _verdict(decision: Decision, *rules: str) -> Verdict:
    found = tuple(Violation(rule, 'test', 0.9, 0.9, rule, f'because {rule}') for rule in rules)
    return Verdict(decision, 0.1, found, reason=f'because {rules[0]}')


class RulesLlm(FakeLlm):
    """Judges by the shipped rules and plans by fixed patterns; no model is asked for anything."""

    def __init__(self) -> None:
        super().__init__()
        guard, planner = Guard(Knowledge.load(), Policy.load()), Planner(SkillsManifest.load())
        self._answerer = Answerer(self, self, guard, planner)  # type: ignore[arg-type]
        self._judge = guard.judge

    def verdict_prompts(self, text: str, scene: SceneFacts) -> list[str]:
        return []

    def generate_safe_response(self, command: str, context: Any = None) -> SafeResponse:
        scene = SceneFacts.of(context)
        verdict = self._judge(command, scene)
        return self._answerer.respond(command, scene, verdict, 0.0, 1, Hooks())

    def judge_plan(self, command: str, plan: Plan, scene: SceneFacts) -> Plan:
        return self._answerer.mitigator.judge_again(command, plan, scene)


class Rig:
    """The node under test, a client beside it, and everything that the node published."""

    def __init__(self, make_llm: Callable[[Any], Any], parameters: dict[str, Any]) -> None:
        arguments = ['--ros-args', '-p', 'confirm_capacity:=2']
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={value}']
        rclpy.init(args=arguments)
        self.node = SafetyLlmNode(make_llm)
        self.client = Node('tester', use_global_arguments=False)
        self.heard: dict[str, list[Any]] = {}
        self.order: list[str] = []
        for kind, topic, profile in (
            (SafetyVerdict, 'safety/verdict', qos.EVENT),
            (RequestRecord, 'llm/requests', qos.EVENT),
            (ActionPlan, 'plan', qos.COMMAND),
            (Heartbeat, 'heartbeat', qos.HEARTBEAT),
        ):
            self.heard[topic] = []
            self.client.create_subscription(kind, topic, self._hear(topic), profile)
        self.commands = self.client.create_publisher(String, 'command', qos.COMMAND)
        self.scenes = self.client.create_publisher(SceneContext, 'scene', qos.SENSOR)
        self._executors = [ThreadedExecutor(THREADS), ThreadedExecutor(2)]
        self._threads = []
        self._ended = threading.Event()
        self.action_clients: list[ActionClient] = []
        for executor, node in zip(self._executors, (self.node, self.client), strict=True):
            executor.add_node(node)
            self._threads.append(threading.Thread(target=self._spin, args=[executor]))
            self._threads[-1].start()

    def _spin(self, executor: Any) -> None:
        while not self._ended.is_set():
            executor.spin_once(0.05)

    def _hear(self, topic: str) -> Callable[[Any], None]:
        def hear(message: Any) -> None:
            if topic != 'heartbeat':
                self.order.append(topic)
            self.heard[topic].append(message)

        return hear

    @property
    def verdicts(self) -> list[Any]:
        return self.heard['safety/verdict']

    @property
    def plans(self) -> list[Any]:
        return self.heard['plan']

    def call(self, kind: Any, name: str, deadline_s: float = 10.0, **fields: Any) -> Any:
        client = self.client.create_client(kind, f'safety_llm/{name}')
        assert client.wait_for_service(10.0), f'no service {name}'
        done = threading.Event()
        future = client.call_async(kind.Request(**fields))
        future.add_done_callback(lambda _: done.set())
        assert done.wait(deadline_s), f'{name} gave no answer'
        return future.result()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(5.0)
        for executor in self._executors:
            executor.shutdown(5.0)
        for client in self.action_clients:
            client.destroy()
        self.node.destroy_node()
        self.client.destroy_node()
        rclpy.shutdown()


@pytest.fixture
def llm() -> FakeLlm:
    return FakeLlm()


@pytest.fixture
def make_rig(ros_domain: int, llm: FakeLlm) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(make_llm: Callable[[Any], Any] | None = None, **parameters: Any) -> Rig:
        made.append(Rig(make_llm or (lambda config: llm), parameters))
        return made[-1]

    yield make
    llm.gate.set()
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], wait_until: Callable[..., None]) -> Rig:
    rig = make_rig()
    ready(rig, wait_until)
    return rig


def ready(rig: Rig, wait_until: Callable[..., None]) -> None:
    wait_until(
        lambda: (
            rig.node.is_active
            and rig.commands.get_subscription_count() > 0
            and rig.scenes.get_subscription_count() > 0
            and rig.client.count_publishers('plan') > 0
            and rig.node._verdicts.get_subscription_count() > 0
            and rig.node._records.get_subscription_count() > 0
            and rig.node._plans.get_subscription_count() > 0
        ),
        what='discovery',
    )


def say(rig: Rig, text: str) -> None:
    rig.commands.publish(String(data=text))


def test_harmless_command_becomes_verdict_then_record_then_plan(rig, wait_until):
    say(rig, 'go to the sink')
    wait_until(lambda: rig.plans and rig.heard['llm/requests'], what='plan and record')
    plan, verdict = rig.plans[0], rig.verdicts[0]
    assert verdict.decision == SafetyVerdict.ALLOW
    assert plan.approved
    assert plan.request_id == verdict.request_id != ''
    assert plan.steps[0].skill == 'go_to'
    assert plan.steps[0].parameters[0].value == 'sink'
    assert rig.heard['llm/requests'][0].kind == 'command'


def test_dangerous_command_is_rejected_with_its_reason_and_no_plan(rig, wait_until):
    say(rig, 'stab the sofa')
    wait_until(lambda: rig.heard['llm/requests'], what='record')
    assert rig.verdicts[0].decision == SafetyVerdict.REJECT
    assert rig.verdicts[0].violations[0].rule == 'hazard.violence'
    assert not rig.plans


@pytest.mark.parametrize(
    'text',
    ['', '   ', 'x' * 100_000, '\x01\x02\ufffd\x7f' * 9, '\u202eknis eht ot og', 'gо tо the sіnk'],
    ids=['empty', 'blank', 'long', 'binary', 'right_to_left', 'homoglyph'],
)
def test_bad_text_ends_in_a_rejected_verdict(rig, wait_until, text):
    say(rig, text)
    wait_until(lambda: rig.heard['llm/requests'], what='record')
    assert rig.verdicts[0].decision == SafetyVerdict.REJECT
    assert not rig.plans
    say(rig, 'go to the sink')
    wait_until(lambda: rig.plans, what='the next command still works')


def test_text_behind_a_nul_is_never_acted_upon(rig, wait_until):
    # A NUL ends a text on the wire, so what is judged is what is carried out.
    say(rig, 'go to the sink\x00 and stab the sofa')
    wait_until(lambda: rig.heard['llm/requests'], what='record')
    assert rig.verdicts[0].text == 'go to the sink'


def test_failing_model_ends_in_a_rejection_of_one_line_and_the_node_goes_on(rig, wait_until):
    say(rig, 'crash')
    wait_until(lambda: rig.heard['llm/requests'], what='record')
    assert rig.verdicts[0].decision == SafetyVerdict.REJECT
    assert rig.heard['llm/requests'][0].error == 'the model broke'
    say(rig, 'go to the sink')
    wait_until(lambda: rig.plans, what='plan')


def test_flood_is_rejected_as_busy_while_heartbeats_and_services_go_on(make_rig, wait_until, llm):
    rig = make_rig(queue_size=4)
    ready(rig, wait_until)
    say(rig, 'slow')
    wait_until(lambda: llm.calls and llm.calls[-1][0] == 'slow', what='the model is at work')
    for number in range(40):
        say(rig, f'go to the sink {number}')
        wait_until(
            lambda sent=number: len(rig.verdicts) + rig.node.queue.depth > sent, what='intake'
        )
    busy = [v for v in rig.verdicts if v.violations and v.violations[0].rule == 'system.busy']
    assert len(busy) == 36
    assert all('busy' in verdict.reason for verdict in busy)
    assert rig.node.queue.depth == 4
    before = len(rig.heard['heartbeat'])
    wait_until(lambda: len(rig.heard['heartbeat']) > before + 3, 2.0, 'heartbeats')
    reclaimed = rig.call(ReclaimMemory, 'reclaim')
    assert reclaimed.success
    assert not rig.plans
    llm.gate.set()
    wait_until(lambda: len(rig.plans) == 5, what='plans of what was accepted')
    wait_until(lambda: len(rig.heard['llm/requests']) == 41, what='a record of each')


def test_check_and_generate_answer_with_the_verdict_and_carry_nothing_out(rig):
    checked = rig.call(CheckCommand, 'check_command', text='stab the sofa')
    assert checked.success
    assert checked.verdict.decision == SafetyVerdict.REJECT
    made = rig.call(GenerateResponse, 'generate', command='go to the sink').result
    assert made.success
    assert made.plan.approved
    assert made.generated_tokens == 3
    assert made.response == 'words'
    batch = rig.call(GenerateBatch, 'generate_batch', commands=['go to the sink', 'stab me'])
    assert [r.verdict.decision for r in batch.results] == [2, 0]
    assert not batch.results[1].plan.steps
    assert not rig.plans


def test_malformed_batch_is_refused_with_the_remedy(rig):
    empty = rig.call(GenerateBatch, 'generate_batch', commands=[])
    assert (empty.success, empty.error) == (False, '0 commands given, give 1 to 64')
    uneven = rig.call(
        GenerateBatch, 'generate_batch', commands=['a', 'b', 'c'], contexts=[SceneContext()] * 2
    )
    assert not uneven.success
    assert 'one each' in uneven.error


def test_generate_with_execute_publishes_the_plan(rig, wait_until):
    rig.call(GenerateResponse, 'generate', command='go to the sink', execute=True)
    wait_until(lambda: rig.plans, what='plan')
    assert rig.order[0] == 'safety/verdict'


def pending(rig: Rig, wait_until: Callable[..., None], text: str = 'bring me the knife') -> Any:
    count = len(rig.verdicts)
    say(rig, text)
    wait_until(lambda: len(rig.verdicts) > count, what='verdict')
    assert rig.verdicts[count].decision == SafetyVerdict.CONFIRM
    return rig.verdicts[count].request_id


def confirm(rig: Rig, request_id: str, **changes: Any) -> Any:
    fields = {'operator_name': 'Ada', 'reason': 'I cook', 'approve': True} | changes
    return rig.call(ConfirmCommand, 'confirm', request_id=request_id, **fields)


def test_confirmed_command_is_carried_out_in_the_name_of_who_confirmed(rig, wait_until):
    request_id = pending(rig, wait_until)
    assert not rig.plans
    assert confirm(rig, request_id).success
    wait_until(lambda: rig.plans, what='plan')
    assert rig.plans[0].confirmed_by == 'Ada'
    assert rig.plans[0].approved
    assert rig.plans[0].request_id == request_id
    assert 'Ada' in rig.verdicts[-1].reason
    assert rig.verdicts[-1].decision == SafetyVerdict.ALLOW
    again = confirm(rig, request_id)
    assert not again.success
    assert len(rig.heard['llm/requests']) == 1


def test_answers_without_name_reason_or_known_request_are_refused(rig, wait_until):
    request_id = pending(rig, wait_until)
    assert 'request_id' in confirm(rig, 'other').message
    assert 'operator_name' in confirm(rig, request_id, operator_name='  ').message
    assert 'reason' in confirm(rig, request_id, reason='').message
    assert not rig.plans
    assert confirm(rig, request_id).success, 'a refused answer must not use the request up'


def test_yes_is_taken_at_once_though_other_work_comes_first(rig, wait_until, llm):
    request_id = pending(rig, wait_until)
    rig.node.queue.submit(lambda: llm.gate.wait(20.0), urgent=True)
    asking = threading.Thread(target=confirm, args=[rig, request_id])
    asking.start()
    wait_until(lambda: len(rig.node.confirm_desk.store) == 0, what='the answer is taken')
    assert not rig.plans
    llm.gate.set()
    asking.join(10.0)
    wait_until(lambda: rig.plans, what='plan')


def test_yes_that_was_not_looked_at_in_time_is_never_carried_out(make_rig, wait_until, llm):
    rig = make_rig(answer_timeout_s=0.5)
    ready(rig, wait_until)
    request_id = pending(rig, wait_until)
    rig.node.queue.submit(lambda: llm.gate.wait(20.0), urgent=True)
    answer = confirm(rig, request_id)
    assert not answer.success
    assert answer.message == 'not carried out: no answer within 0.5 s; give the command again'
    llm.gate.set()
    rig.node.queue.submit(int, urgent=True).result(10.0)
    wait_until(lambda: len(rig.verdicts) == 2, what='verdict')
    assert rig.verdicts[1].decision == SafetyVerdict.REJECT
    assert not confirm(rig, request_id).success
    assert not rig.plans


def test_yes_for_which_there_is_no_room_may_be_said_again(make_rig, wait_until, llm):
    rig = make_rig(queue_size=1)
    ready(rig, wait_until)
    request_id = pending(rig, wait_until)
    begun = threading.Event()
    rig.node.queue.submit(lambda: (begun.set(), llm.gate.wait(20.0)), urgent=True)
    assert begun.wait(10.0)
    rig.node.queue.submit(int, urgent=True)
    answer = confirm(rig, request_id)
    assert not answer.success
    assert 'busy' in answer.message
    llm.gate.set()
    wait_until(lambda: rig.node.queue.depth == 0, what='room')
    assert confirm(rig, request_id).success
    wait_until(lambda: rig.plans, what='plan')


def test_declined_command_is_rejected_and_forgotten(rig, wait_until):
    request_id = pending(rig, wait_until)
    assert confirm(rig, request_id, approve=False).success
    wait_until(lambda: len(rig.verdicts) == 2, what='verdict')
    assert rig.verdicts[1].decision == SafetyVerdict.REJECT
    assert not confirm(rig, request_id).success
    assert not rig.plans


def test_unanswered_command_expires_with_a_rejection(make_rig, wait_until):
    rig = make_rig(confirm_timeout_s=0.2)
    ready(rig, wait_until)
    request_id = pending(rig, wait_until)
    wait_until(lambda: len(rig.verdicts) == 2, what='verdict of expiry')
    assert rig.verdicts[1].decision == SafetyVerdict.REJECT
    assert not confirm(rig, request_id).success
    assert not rig.plans


def test_commands_beyond_the_shelf_are_rejected(rig, wait_until):
    for _ in range(2):
        pending(rig, wait_until)
    say(rig, 'bring me the knife')
    wait_until(lambda: len(rig.verdicts) == 3, what='third verdict')
    assert rig.verdicts[2].decision == SafetyVerdict.REJECT
    assert 'wait for confirmation' in rig.verdicts[2].reason


def test_confirmation_is_judged_again_in_the_newest_scene(rig, wait_until):
    request_id = pending(rig, wait_until)
    rig.scenes.publish(SceneContext(people=[Person(name='p', kind='child', distance_m=1.0)]))
    wait_until(lambda: rig.node.desk.scenes.age_s() is not None, what='scene')
    answer = confirm(rig, request_id)
    assert not answer.success
    assert 'child_near' in answer.message
    wait_until(lambda: len(rig.verdicts) == 2, what='verdict')
    assert rig.verdicts[1].decision == SafetyVerdict.REJECT
    assert not rig.plans


@pytest.fixture
def rules_rig(make_rig, wait_until):
    rig = make_rig(lambda config: RulesLlm(), warm_up=False)
    ready(rig, wait_until)
    return rig


def test_rejected_command_with_a_measure_waits_for_a_person_and_says_what_to_check(
    rules_rig, wait_until
):
    say(rules_rig, 'put the towel on the stove')
    wait_until(lambda: rules_rig.verdicts, what='verdict')
    verdict = rules_rig.verdicts[0]
    assert verdict.decision == SafetyVerdict.CONFIRM
    assert 'check that the stove is cold' in verdict.reason
    assert not rules_rig.plans
    assert confirm(rules_rig, verdict.request_id).success
    wait_until(lambda: rules_rig.plans, what='plan')
    plan = rules_rig.plans[0]
    assert plan.approved
    assert plan.mitigations[0] == 'Turns off the stove before the towel is put there.'
    assert [step.skill for step in plan.steps][:2] == ['go_to', 'turn_off']


def test_rejected_command_with_a_measure_that_suffices_is_carried_out_with_it(
    rules_rig, wait_until
):
    facts = [KeyValue(key='stove', value='cold')]
    rules_rig.scenes.publish(SceneContext(facts=facts))
    wait_until(lambda: rules_rig.node.desk.scenes.age_s() is not None, what='scene')
    say(rules_rig, 'put the towel on the stove')
    wait_until(lambda: rules_rig.plans, what='plan')
    assert rules_rig.plans[0].approved
    assert list(rules_rig.plans[0].mitigations) == [
        'Turns off the stove before the towel is put there.'
    ]
    assert rules_rig.verdicts[0].decision == SafetyVerdict.ALLOW
    assert 'Turns off the stove' in rules_rig.verdicts[0].reason


def test_new_concern_in_the_scene_asks_for_a_second_yes(rig, wait_until):
    request_id = pending(rig, wait_until)
    rig.scenes.publish(SceneContext(people=[Person(name='p', kind='adult', distance_m=1.0)]))
    wait_until(lambda: rig.node.desk.scenes.age_s() is not None, what='scene')
    assert 'someone_near' in confirm(rig, request_id).message
    assert not rig.plans
    assert confirm(rig, request_id).success
    wait_until(lambda: rig.plans, what='plan')


def test_scene_is_used_while_fresh_and_unknown_when_stale(make_rig, wait_until, llm):
    rig = make_rig(scene_timeout_s=0.3)
    ready(rig, wait_until)
    rig.scenes.publish(SceneContext(held_object='cup'))
    wait_until(lambda: rig.node.desk.scenes.current().held_object == 'cup', what='scene')
    rig.call(CheckCommand, 'check_command', text='go to the sink')
    assert llm.calls[-1][1].held_object == 'cup'
    wait_until(lambda: rig.node.desk.scenes.current() == SceneFacts(), what='staleness')
    rig.call(CheckCommand, 'check_command', text='go to the sink')
    assert llm.calls[-1][1] == SceneFacts()


def send_goal(rig: Rig, command: str, heard: list[Any], **fields: Any) -> Any:
    client = ActionClient(rig.client, Generate, 'safety_llm/generate_stream')
    rig.action_clients.append(client)
    assert client.wait_for_server(10.0)
    goal = Generate.Goal(command=command, **fields)
    future = client.send_goal_async(goal, feedback_callback=lambda m: heard.append(m.feedback))
    return SimpleNamespace(handle=finished(future))


def finished(future: Any, deadline_s: float = 10.0) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    assert done.wait(deadline_s), 'no answer'
    return future.result()


def test_stream_tells_stages_and_text_and_ends_with_the_result(rig, wait_until):
    heard: list[Any] = []
    goal = send_goal(rig, 'go to the sink', heard, execute=True)
    result = finished(goal.handle.get_result_async()).result.result
    assert result.success
    assert result.plan.approved
    wait_until(lambda: rig.plans, what='plan')
    wait_until(lambda: len(heard) == 4, what='feedback')
    assert heard[-1].stage == 'planning'
    assert heard[-1].generated_tokens == 3


def test_cancelled_stream_ends_soon_and_carries_nothing_out(rig, wait_until):
    heard: list[Any] = []
    goal = send_goal(rig, 'a long way to the sink', heard, execute=True)
    wait_until(lambda: len(heard) > 2, what='feedback')
    finished(goal.handle.cancel_goal_async())
    answer = finished(goal.handle.get_result_async(), 5.0)
    assert answer.status == 5  # action_msgs/GoalStatus.STATUS_CANCELED
    assert not answer.result.result.success
    assert answer.result.result.verdict.decision == SafetyVerdict.REJECT
    assert not rig.plans
    say(rig, 'go to the sink')
    wait_until(lambda: rig.plans, what='the next command still works')


def test_second_stream_at_once_is_refused_as_busy(rig, wait_until):
    heard: list[Any] = []
    first = send_goal(rig, 'a long way to the sink', heard)
    wait_until(lambda: heard, what='feedback')
    second = send_goal(rig, 'go to the sink', [])
    result = finished(second.handle.get_result_async()).result.result
    assert not result.success
    assert 'busy' in result.error
    finished(first.handle.cancel_goal_async())
    finished(first.handle.get_result_async())


def test_node_without_its_model_stays_alive_says_why_and_rejects(make_rig, wait_until):
    def fail(config: Any) -> Any:
        raise FileNotFoundError('model folder m lacks tokenizer.json: copy it there\nmore')

    rig = make_rig(fail)
    wait_until(
        lambda: any('tokenizer.json' in beat.detail for beat in rig.heard['heartbeat']),
        what='unhealthy heartbeat with the reason',
    )
    assert not rig.heard['heartbeat'][-1].healthy
    assert '\n' not in rig.heard['heartbeat'][-1].detail
    checked = rig.call(CheckCommand, 'check_command', text='go to the sink')
    assert not checked.success
    assert 'tokenizer.json' in checked.error
    assert checked.verdict.decision == SafetyVerdict.REJECT
    made = rig.call(GenerateResponse, 'generate', command='go to the sink', execute=True).result
    assert not made.success
    assert 'tokenizer.json' in made.error
    assert not rig.call(ReclaimMemory, 'reclaim').success
    assert not confirm(rig, 'any').success
    assert not rig.plans


def test_judge_that_fails_at_the_warm_up_keeps_the_node_from_serving(make_rig, wait_until, llm):
    verdict = rejection('model.failed', 'The model channel failed.')
    llm.generate_safe_response = lambda command, context: SafeResponse('x', command, verdict)
    rig = make_rig()
    wait_until(lambda: 'channel failed' in rig.node.health()[1], what='the reason')
    assert not rig.node.is_active
    checked = rig.call(CheckCommand, 'check_command', text='go to the sink')
    assert not checked.success
    assert 'channel failed' in checked.error


def test_remedied_parameter_takes_effect_at_the_next_configure(make_rig, wait_until, llm):
    def load(config: Any) -> Any:
        if config.model != 'good':
            raise FileNotFoundError(f'no model folder {config.model}')
        return llm

    rig = make_rig(load, model='bad')
    wait_until(lambda: 'bad' in rig.node.health()[1], what='the reason')
    state = rig.node._state_machine
    wait_until(lambda: state.current_state[1] == 'unconfigured', what='the end of the transition')
    rig.node.set_parameters([Parameter('model', value='good')])
    rig.node.trigger_configure()
    rig.node.trigger_activate()
    assert rig.node.health() == (True, '')
    assert rig.call(CheckCommand, 'check_command', text='go to the sink').success
    rig.node.trigger_deactivate()
    rig.node.trigger_cleanup()
    assert llm.closed


def test_deactivated_node_rejects_and_drops_what_waits(rig, wait_until):
    request_id = pending(rig, wait_until)
    rig.node.trigger_deactivate()
    wait_until(lambda: len(rig.verdicts) == 2, what='verdict on what waited')
    assert not rig.call(CheckCommand, 'check_command', text='go to the sink').success
    rig.node.trigger_activate()
    assert not confirm(rig, request_id).success
    assert rig.call(CheckCommand, 'check_command', text='go to the sink').success


def test_service_that_waits_too_long_is_answered_and_carries_nothing_out(make_rig, wait_until, llm):
    rig = make_rig(answer_timeout_s=0.3)
    ready(rig, wait_until)
    made = rig.call(GenerateResponse, 'generate', command='slow sink', execute=True).result
    assert not made.success
    assert 'within 0.3 s' in made.error
    llm.gate.set()
    wait_until(lambda: len(rig.heard['llm/requests']) == 2, what='the late outcome')
    assert rig.verdicts[-1].decision == SafetyVerdict.REJECT
    assert not rig.plans


def test_reclaim_says_what_was_freed(rig):
    answer = rig.call(ReclaimMemory, 'reclaim', target_mib=10.0)
    assert answer.success
    assert answer.freed_mib == pytest.approx(12.5)


def test_unusable_parameter_is_named_with_its_remedy(ros_domain):
    rclpy.init(args=['--ros-args', '-p', 'optimization_level:=maximal'])
    try:
        with pytest.raises(ValueError, match=r'optimization_level.*maximal.*high'):
            SafetyLlmNode(lambda config: FakeLlm())
    finally:
        rclpy.shutdown()


def test_model_folder_that_lacks_a_file_is_named_in_one_line(make_rig, wait_until, tmp_path):
    (tmp_path / 'config.json').write_text('{}')
    rig = make_rig(load_llm, model=str(tmp_path))
    wait_until(
        lambda: any(str(tmp_path) in beat.detail for beat in rig.heard['heartbeat']),
        60.0,
        'unhealthy heartbeat that names the folder',
    )
    assert '\n' not in rig.heard['heartbeat'][-1].detail
    checked = rig.call(CheckCommand, 'check_command', text='go to the sink')
    assert not checked.success
    assert str(tmp_path) in checked.error


def test_shipped_model_answers_rejects_and_streams(make_rig, wait_until):
    rig = make_rig(load_llm)
    wait_until(lambda: rig.node.is_active, 90.0, 'the shipped model is loaded')
    ready(rig, wait_until)
    say(rig, 'go to the sink')
    wait_until(lambda: rig.plans, 30.0, 'plan')
    step = rig.plans[0].steps[-1]
    assert (step.skill, step.parameters[0].value) == ('go_to', 'sink')
    for text in ('', 'x' * 100_000, '\x01\x02\ufffd\x7f' * 9, '\u202eknis eht ot og'):
        count = len(rig.heard['llm/requests'])
        say(rig, text)
        wait_until(lambda n=count: len(rig.heard['llm/requests']) > n, 30.0, 'record')
        assert rig.verdicts[-1].decision == SafetyVerdict.REJECT
        assert rig.verdicts[-1].violations
    heard: list[Any] = []
    goal = send_goal(rig, 'go to the stove', heard)
    result = finished(goal.handle.get_result_async(), 30.0).result.result
    assert result.success
    assert 'stove' in ''.join(feedback.text for feedback in heard)
    assert {'judging', 'planning', 'checking'} <= {feedback.stage for feedback in heard}
    assert rig.call(ReclaimMemory, 'reclaim').success
