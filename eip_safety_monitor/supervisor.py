"""The one entry of the monitor's core: readings and requests in, state and events out."""

from __future__ import annotations

from collections.abc import Sequence

from eip_safety_monitor.audit.journal import Journal
from eip_safety_monitor.authorizer import Authorizer, StepAnswer
from eip_safety_monitor.cause_statistics import CauseFigures, CauseStatistics
from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.events import Answer, Event, Severity, State
from eip_safety_monitor.latch.latch_keeper import LatchKeeper
from eip_safety_monitor.latch.refusals import LONGEST_TEXT, Refusals
from eip_safety_monitor.latch.standing import StandingCauses
from eip_safety_monitor.latch.state_store import Beginning, Moment, StateStore
from eip_safety_monitor.latch.stop_latch import Input
from eip_safety_monitor.permits import Mode, SpeedLimits, StopCategory
from eip_safety_monitor.policy import Policy, Reaction
from eip_safety_monitor.readings import Beat, VerdictHeard
from eip_safety_monitor.step_permits import PlanHeard, StepAsked
from eip_safety_monitor.stop_inputs.panel import StopPanel
from eip_safety_monitor.surroundings import Assessment, Surroundings
from eip_safety_monitor.watch.node_watches import NodeWatches

__all__ = ['Supervisor']

AUDIT_RETRY_S = 1.0


class Supervisor:
    """Joins latch, watchdogs and surroundings into one state; call `tick` often."""

    def __init__(
        self,
        policy: Policy,
        clock: Clock,
        journal: Journal,
        store: StateStore,
        begin: Beginning,
        boot_id: str = '',
        stop_panel: StopPanel | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._nodes = NodeWatches(policy.nodes, clock, boot_id)
        self.surroundings = Surroundings(policy, clock)
        self._stop_panel = stop_panel or StopPanel()
        self._authorizer = Authorizer(policy.step_permits, clock, journal)
        self._standing = StandingCauses()
        self._cause_statistics = CauseStatistics(clock)
        self._refusals = Refusals(
            clock,
            policy.operator.cooldown_s,
            self._nodes,
            self.surroundings,
            self._standing,
            boot_id,
        )
        self._protective_ns = clock.now_ns()
        self._ticked_ns = clock.now_ns()
        self._retried_ns = clock.now_ns()
        self._assessment = self.surroundings.assess()
        self._keeper = LatchKeeper(journal, store, begin, lambda: Moment(boot_id, clock.now_ns()))
        self.settle()

    # What is heard beside the surroundings.

    def hear_beat(self, beat: Beat, received_ns: int | None = None) -> None:
        """Take a heartbeat; one of a node that is not watched changes nothing."""
        self._nodes.hear(beat, received_ns)

    def hear_other_monitor(self) -> None:
        """Note that another safety monitor speaks for this robot."""
        self._nodes.hear_other_monitor()

    def hear_verdict(self, verdict: VerdictHeard) -> None:
        """Log a verdict of the guard."""
        rules = ', '.join(verdict.rules)
        message = f'{verdict.decision}: {_short(verdict.text)}'
        severity = Severity.INFO if verdict.decision == 'allow' else Severity.WARNING
        self._keeper.record(
            severity,
            'verdict',
            rules or verdict.decision,
            message,
            reason=_short(verdict.reason),
            request_id=verdict.request_id,
            stage=verdict.stage,
            step_index=verdict.step_index,
            safety_score=round(verdict.safety_score, 6),
        )

    def hear_skipped_verdicts(self, count: int) -> None:
        """Log that verdicts came faster than they can be written."""
        message = f'verdicts not written: {count}; they came faster than the monitor writes'
        self._keeper.record(Severity.WARNING, 'warning', 'verdict.skipped', message)

    def hear_plan(self, plan: PlanHeard) -> None:
        """Take a plan; its steps may be asked for once it is approved."""
        self._authorizer.hear_plan(plan, self.mode)

    def authorize(self, asked: StepAsked) -> StepAnswer:
        """Return whether a skill server may do a step now; any stop ends what was permitted."""
        return self._authorizer.authorize(asked, self.mode, self._why())

    # What a person asks.

    def emergency_stop(self, message: str = 'an operator asked for an emergency stop') -> Answer:
        """Latch a stop at once."""
        self._keeper.stop(Cause('operator.emergency_stop', Reaction.STOP, message))
        return Answer(True, 'stopped; reset, then arm to go on')

    def reset(self, operator_name: str, reason: str) -> Answer:
        """Clear the latch, which ends in DISARMED; refused for the reasons of the house rules."""
        refusal = self._refusals.of_request(operator_name, reason)
        if refusal := refusal or self._why_no_reset():
            return self._refuse('reset', refusal, operator_name, reason)
        message = f'reset of {", ".join(self._keeper.latched) or "a stop"}'
        if not self._relax(Input.RESET, 'reset', message, operator_name, reason):
            return Answer(False, f'refused: {self.problem}')
        return Answer(True, 'the stop is cleared; arm to permit motion')

    def arm(self, operator_name: str, reason: str) -> Answer:
        """Permit motion; refused while a stop is latched, a cause stands or a need is unknown."""
        refusal = self._refusals.of_request(operator_name, reason)
        if refusal := refusal or self._refusals.of_arm(self.mode, self._keeper.latched):
            return self._refuse('arm', refusal, operator_name, reason)
        if self.is_armed:
            return Answer(True, 'already armed')
        if not self._relax(Input.ARM, 'arm', 'motion is permitted', operator_name, reason):
            return Answer(False, f'refused: {self.problem}')
        self.surroundings.note_armed(operator_name)
        self._look()
        held = self.state().cause
        return Answer(True, f'armed; held: {held}' if held else 'armed')

    def disarm(self) -> Answer:
        """Withdraw the permission to move."""
        if self.mode is Mode.STOPPED:
            return Answer(True, 'a stop is latched and stays; motion is not permitted')
        return Answer(True, 'disarmed' if self._keeper.disarm() else 'already disarmed')

    # Time.

    def tick(self) -> None:
        """Look at everything anew; call at 25 Hz at the least."""
        now_ns = self._clock.now_ns()
        stall_s = seconds(now_ns - self._ticked_ns)
        self._ticked_ns = now_ns
        if stall_s > self._policy.longest_stall_s and self.is_armed:
            message = f'the monitor itself did not run for {stall_s:.1f} s'
            self._keeper.stop(Cause('monitor.stalled', Reaction.STOP, message))
        if self.problem and seconds(now_ns - self._retried_ns) > AUDIT_RETRY_S:
            self._retried_ns = now_ns
            self._keeper.try_again()
        self._look()

    def settle(self) -> None:
        """Save the latch if it changed; call after the state was published."""
        self._keeper.settle()

    def shut_down(self) -> None:
        """End in good order: an armed robot comes up disarmed."""
        self._keeper.close()

    def crash(self, error: Exception) -> None:
        """End by an exception that nothing caught: the monitor comes up stopped by it."""
        message = _short(f'the monitor crashed: {type(error).__name__}: {error}')
        self._keeper.crash(Cause('monitor.crashed', Reaction.STOP, message))

    @property
    def mode(self) -> Mode:
        """Return the mode now."""
        return self._keeper.mode

    @property
    def problem(self) -> str:
        """Return why the monitor cannot do its job, empty when it can."""
        return self._keeper.problem

    @property
    def is_armed(self) -> bool:
        """Tell whether motion is permitted, or would be but for a self-clearing cause."""
        return self._keeper.is_armed

    def take_events(self) -> list[Event]:
        """Return the changes since the last call."""
        return self._keeper.take_events()

    def state(self) -> State:
        """Return the state now."""
        seen = self._assessment
        is_armed = self.mode is Mode.ARMED
        robot = self._policy.robot
        linear_mps = min(robot.max_linear_speed_mps, max(0.0, seen.permitted_mps))
        causes = dict.fromkeys((*self._keeper.latched, *self._standing))
        return State(
            mode=self.mode,
            limits=SpeedLimits(linear_mps, robot.max_angular_speed_radps)
            if is_armed
            else SpeedLimits(),
            stop_category=self._category(),
            is_resettable=not self._why_no_reset(),
            cause='' if is_armed else self._why(),
            active_causes=tuple(causes),
            nearest_person_m=seen.nearest_person_m,
            nearest_obstacle_m=seen.nearest_obstacle_m,
            protective_distance_m=seen.protective_m,
        )

    def cause_figures(self) -> tuple[CauseFigures, ...]:
        """Return how often and how long each cause stood since the start, the longest first."""
        return self._cause_statistics.figures()

    def _look(self) -> None:
        if not self.is_armed:
            self.surroundings.note_disarmed()
        if self.mode is Mode.ARMED:
            self.surroundings.note_permitted()
        else:
            self._authorizer.revoke_all(self.mode)
        self._assessment = self.surroundings.assess()
        for note in self._assessment.notes:
            self._keeper.record(Severity.INFO, 'zone', note.identifier, note.message)
        new, gone = self._standing.replace(self._causes(self._assessment))
        self._cause_statistics.note(self._standing)
        for cause in new:
            self._begin(cause)
        for cause in gone:
            if cause.reaction is Reaction.WARN or self._only_refuses_arming(cause):
                message = f'no longer: {cause.message}'
                self._keeper.record(Severity.INFO, 'clear', cause.identifier, message)
        self._protect()

    def _causes(self, seen: Assessment) -> Sequence[Cause]:
        causes = [*self._stop_panel.causes(), *seen.causes, *self._nodes.causes()]
        if self.problem:
            causes.append(Cause('audit.failed', Reaction.STOP, self.problem))
        return causes

    def _begin(self, cause: Cause) -> None:
        kind = ''
        if cause.reaction is Reaction.WARN or self._only_refuses_arming(cause):
            kind = 'warning'
        elif cause.reaction is Reaction.STOP:
            self._keeper.stop(cause)
        elif self.mode is Mode.PROTECTIVE:
            kind = 'protective_stop'
        if kind:
            self._keeper.record(Severity.WARNING, kind, cause.identifier, cause.message)

    def _only_refuses_arming(self, cause: Cause) -> bool:
        return (
            cause.reaction is Reaction.STOP
            and not cause.latches_disarmed
            and self.mode is Mode.DISARMED
        )

    def _protect(self) -> None:
        if self.is_armed and (fault := self._standing.first(Reaction.STOP)):
            self._keeper.stop(fault)
        held = self._standing.first(Reaction.PROTECTIVE)
        now_ns = self._clock.now_ns()
        if held is not None:
            self._protective_ns = now_ns
            self._keeper.protect(held)
        clear_s = seconds(now_ns - self._protective_ns)
        if self.mode is Mode.PROTECTIVE and clear_s >= self._policy.people.clear_time_s:
            self._relax(Input.CLEAR, 'clear', 'nothing holds the robot any more')

    def _relax(
        self, what: Input, kind: str, message: str, operator_name: str = '', reason: str = ''
    ) -> bool:
        # However quickly one stop was cleared: nothing permitted before it holds after it.
        self._authorizer.revoke_all(self.mode)
        return self._keeper.relax(what, kind, message, operator_name, reason)

    def _refuse(self, what: str, why: str, operator_name: str, reason: str) -> Answer:
        message = f'{what} refused: {why}'
        name, text = _short(operator_name), _short(reason)
        self._keeper.record(
            Severity.WARNING, 'refused', f'operator.{what}', message, self.mode, name, text
        )
        return Answer(False, f'refused: {why}')

    def _why(self) -> str:
        if self.mode is Mode.DISARMED:
            return '; '.join(filter(None, ('not armed', self._standing.told(Reaction.STOP))))
        if self.mode is Mode.PROTECTIVE:
            return self._standing.told(Reaction.PROTECTIVE) or 'clear, about to go on'
        return '; '.join(self._keeper.latched.values()) or 'a stop is latched'

    def _why_no_reset(self) -> str:
        return self._refusals.of_reset(self.mode, self._keeper.last_reset)

    def _category(self) -> StopCategory:
        if self.mode is Mode.ARMED:
            return StopCategory.NONE
        if self.mode is Mode.STOPPED:
            return self._policy.stop.emergency
        return self._policy.stop.protective


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + '…'
