"""What the sensors say, joined: what is wrong with them, and what speed they permit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eip_safety_monitor.causes import Cause, silence, slowness
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.people.people_guard import PeopleGuard, Separation
from eip_safety_monitor.policy import PeopleSource, Policy, Reaction, WatchedSignal
from eip_safety_monitor.readings import Odometry, Scan, Scene
from eip_safety_monitor.rules.rule_monitor import RuleMonitor
from eip_safety_monitor.watch.scan_check import ScanChecker, ScanFinding, obstacle_speed
from eip_safety_monitor.watch.stamp_check import StampCheck
from eip_safety_monitor.watch.watchdog import Condition, Watchdog, WatchdogConfig
from eip_safety_monitor.zones.frames import FrameLink
from eip_safety_monitor.zones.zone_guard import Note, ZoneGuard

__all__ = ['STANDING_S', 'Assessment', 'Surroundings']

STANDING_S = 0.1
"""For so long odometry must say standstill: the newest may be from before the robot set off."""


@dataclass(frozen=True)
class Assessment:
    """Causes that hold the robot now, and what it may do otherwise."""

    causes: tuple[Cause, ...]
    permitted_mps: float
    nearest_person_m: float
    nearest_obstacle_m: float
    protective_m: float
    notes: tuple[Note, ...] = ()


class Surroundings:
    """Takes readings, watches that they keep coming, and assesses them."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._checker = ScanChecker(policy.obstacles)
        self._people = PeopleGuard(policy)
        self._zones = ZoneGuard(policy, clock)
        self.rules = RuleMonitor(policy.rules, clock)
        self._signals = _signals(policy)
        self._watchdogs = {
            name: Watchdog(_watchdog_config(signal), clock)
            for name, signal in self._signals.items()
        }
        self._clock = clock
        self._stamps = {name: StampCheck() for name in ('scan', 'odom', 'scene')}
        self._stamp_problems: dict[str, str] = {}
        self._may_settle = True
        self._finding: ScanFinding | None = None
        self.odometry: Odometry | None = None
        self._moved_ns = clock.now_ns()
        self._scene: Scene | None = None
        self._scene_ns = clock.now_ns()
        self._is_pressed = self._was_pressed = False

    def hear_scan(self, scan: Scan, received_ns: int | None = None) -> None:
        """Take one turn of the lidar."""
        self._watchdogs['scan'].feed(received_ns)
        self._check_stamp('scan', scan.stamp_ns)
        self._finding = self._checker.check(scan, self.odometry)

    def hear_odometry(self, odometry: Odometry, received_ns: int | None = None) -> None:
        """Take pose and speed of the base."""
        self._watchdogs['odom'].feed(received_ns)
        self._check_stamp('odom', odometry.stamp_ns)
        self.odometry = odometry
        if not self._says_standing(odometry):
            self._moved_ns = self._clock.now_ns()

    def hear_scene(self, scene: Scene, received_ns: int | None = None) -> None:
        """Take who is near; heard and not used when people come from the lidar.

        A scene without a stamp is as old as its receipt; a stamp, once given, must go with time.
        """
        if 'scene' in self._watchdogs:
            self._watchdogs['scene'].feed(received_ns)
            if scene.stamp_ns > 0:
                self._check_stamp('scene', scene.stamp_ns)
        now_ns = self._clock.now_ns()
        self._scene_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        self._scene = scene

    def hear_link(self, link: FrameLink, received_ns: int | None = None) -> None:
        """Take where one frame lies in another."""
        self._zones.frames.hear(link, received_ns)

    def hear_hardware_stop(self, is_pressed: bool, received_ns: int | None = None) -> None:
        """Take the state of the hardware stop."""
        if 'hardware_stop' in self._watchdogs:
            self._watchdogs['hardware_stop'].feed(received_ns)
        self._is_pressed = is_pressed
        self._was_pressed |= is_pressed

    @property
    def scene(self) -> Scene | None:
        """Return who is near, None when that is not known now."""
        watchdog = self._watchdogs.get('scene')
        is_fresh = watchdog is not None and watchdog.condition() is Condition.OK
        return self._scene if is_fresh else None

    @property
    def is_standing(self) -> bool:
        """Tell whether the robot has stood for a while by odometry; false when not known."""
        if self.odometry is None or self._watchdogs['odom'].condition() is not Condition.OK:
            return False
        return seconds(self._clock.now_ns() - self._moved_ns) >= STANDING_S

    def missing(self) -> list[str]:
        """Return the signals needed for motion of which nothing has come yet."""
        return [
            name
            for name, watchdog in self._watchdogs.items()
            if not watchdog.has_come and self._signals[name].reaction is Reaction.STOP
        ]

    def assess(self) -> Assessment:
        """Return what holds the robot now and what it may do otherwise.

        A press of the hardware stop counts once however short it was.
        """
        causes = [cause for name in self._signals if (cause := self._silence(name))]
        causes += self._implausible()
        if self._is_pressed or self._was_pressed:
            causes.append(Cause('hardware_stop', Reaction.STOP, 'the hardware stop is pressed'))
        self._was_pressed = False
        separation = self._separate()
        if separation.cause is not None:
            causes.append(separation.cause)
        zones = self._zones.judge(self._placed())
        rules = self.rules.look()
        causes += (*zones.causes, *rules.causes)
        zone_mps = min(zones.permitted_mps, rules.permitted_mps)
        finding = self._finding
        nearest = math.inf if finding is None or finding.problem else finding.nearest_m
        return Assessment(
            tuple(causes),
            min(separation.permitted_mps, self._obstacle_limit(), zone_mps),
            _known(separation.nearest_m),
            _known(nearest),
            separation.protective_m,
            zones.notes,
        )

    def note_armed(self, operator_name: str) -> None:
        """Take it that a person permitted motion where the robot is now."""
        # A person who arms answers for what is heard then; nobody does for what is odd later.
        self._may_settle = False
        self._zones.admit(operator_name)
        self.rules.release()

    def note_permitted(self) -> None:
        """Take it that the robot may move now, whatever odometry says yet."""
        self._moved_ns = self._clock.now_ns()

    def note_disarmed(self) -> None:
        """Take it that motion is not permitted any more."""
        self._zones.expel()
        self._may_settle = True

    def _says_standing(self, odometry: Odometry) -> bool:
        robot = self._policy.robot
        return (
            odometry.is_finite()
            and odometry.speed_mps <= robot.standstill_mps
            and abs(odometry.turn_radps) <= robot.standstill_radps
        )

    def _placed(self) -> Odometry | None:
        # Where the loss of odometry stops the robot anyway, one cause is enough.
        is_kept = self._signals['odom'].reaction is Reaction.STOP
        is_fresh = self._watchdogs['odom'].condition() in (
            Condition.OK,
            Condition.SLOW,
            Condition.FLOODING,
        )
        return self.odometry if is_kept or is_fresh else None

    def _silence(self, name: str) -> Cause | None:
        watchdog, reaction = self._watchdogs[name], self._signals[name].reaction
        condition = watchdog.condition()
        if condition is Condition.LOST:
            message = f'{name} is silent for {watchdog.silence_s():.1f} s'
            return silence(name, reaction, message)
        if condition is Condition.NEVER_CAME:
            return Cause(f'watchdog.{name}', reaction, f'{name} never came')
        if condition is Condition.STARTING and reaction is Reaction.PROTECTIVE:
            return silence(name, reaction, f'{name} has not come yet')
        if condition is Condition.SLOW:
            least_hz = self._signals[name].least_rate_hz
            message = (
                f'{name} comes {watchdog.rate_hz():.0f} times a second, less than {least_hz:g}'
            )
            return slowness(name, reaction, message)
        if condition is Condition.FLOODING:
            message = f'{name} comes {watchdog.rate_hz():.0f} times a second, too often to be read'
            return Cause(f'flood.{name}', reaction, message)
        return None

    def _implausible(self) -> list[Cause]:
        causes = []
        if self._finding is not None and self._finding.problem:
            causes.append(Cause('scan.implausible', Reaction.STOP, self._finding.problem))
        for name, problem in self._stamp_problems.items():
            if problem:
                reaction = self._signals[name].reaction
                causes.append(Cause(f'stamp.{name}', reaction, f'{name} {problem}'))
        if self.odometry is not None and (problem := self.odometry.problem):
            causes.append(Cause('odom.implausible', Reaction.STOP, f'odom: {problem}'))
        return causes

    def _check_stamp(self, name: str, stamp_ns: int) -> None:
        now_ns = self._clock.now_ns()
        self._stamp_problems[name] = self._stamps[name].check(stamp_ns, now_ns, self._may_settle)

    def _separate(self) -> Separation:
        odometry = self.odometry
        if odometry is None or not odometry.is_finite():
            return Separation(permitted_mps=0.0)
        if self._policy.people.source is PeopleSource.LIDAR:
            if self._finding is None or self._finding.problem:
                return Separation(permitted_mps=0.0)
            return self._people.judge_lidar(self._finding.nearest_m, odometry)
        if self._scene is None:
            return Separation(permitted_mps=0.0)
        age_s = seconds(self._clock.now_ns() - self._scene_ns)
        return self._people.judge_scene(self._scene, odometry, age_s)

    def _obstacle_limit(self) -> float:
        full_mps = self._policy.robot.max_linear_speed_mps
        if self._finding is None or self._finding.problem or self.odometry is None:
            return 0.0
        standstill_mps = self._policy.robot.standstill_mps
        is_backward = self.odometry.forward_mps < -standstill_mps
        range_m = self._finding.behind_m if is_backward else self._finding.ahead_m
        if abs(self.odometry.sideways_mps) > standstill_mps:
            range_m = min(range_m, self._finding.nearest_m)
        hull_m = range_m - self._policy.robot.radius_m
        return obstacle_speed(self._policy.obstacles, hull_m, full_mps)


def _signals(policy: Policy) -> dict[str, WatchedSignal]:
    """Return the watched signals that are used, by name."""
    given = policy.signals
    signals = {'scan': given.scan, 'odom': given.odom}
    if policy.stop_inputs.default_topic:
        signals['hardware_stop'] = given.hardware_stop
    if policy.people.source is PeopleSource.SCENE:
        signals['scene'] = given.scene
    return signals


def _watchdog_config(signal: WatchedSignal) -> WatchdogConfig:
    return WatchdogConfig(
        signal.timeout_s, signal.grace_s, signal.max_rate_hz, signal.least_rate_hz
    )


def _known(distance_m: float) -> float:
    return distance_m if math.isfinite(distance_m) else -1.0
