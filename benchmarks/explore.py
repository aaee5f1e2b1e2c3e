"""Random exploration of latch, monitor and gate together: no motion without a fresh permit."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping

from rich.progress import track

from eip_safety_monitor.gate import Reason
from eip_safety_monitor.permits import StopCategory
from eip_safety_monitor.policy import Policy, StopPolicy
from eip_safety_monitor.trial.play import RULES, Play

DESCRIPTION = 'random faults on latch, monitor and gate; counts motion without a fresh permit'
OPTIONS = ('steps', 'seed')

STEPS_PER_PLAY = 400
BAD_NUMBERS = (math.nan, math.inf, -math.inf, 0.0)


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return counts; options: steps (200000), seed (1)."""
    steps = int(options.get('steps', '200000'))
    seed = int(options.get('seed', '1'))
    began = time.monotonic()
    moving = violations = resets = 0
    for number in track(range(max(1, steps // STEPS_PER_PLAY)), description='explore'):
        dice = random.Random(seed * 1_000_003 + number)
        category = StopCategory(dice.randint(0, 1))
        play = Play(Policy(stop=StopPolicy(emergency=category), rules=RULES))
        for _ in range(STEPS_PER_PLAY):
            try:
                dice.choices(ACTIONS, WEIGHTS)[0](play, dice)
                play.check()
            except AssertionError as error:
                violations += 1
                print(f'play {seed}/{number}: {error}')
                break
            moving += play.gate.last.reason in (Reason.PASSING, Reason.LIMITED)
        resets += play.resets
    return {
        'steps': float(steps),
        'steps_moving': float(moving),
        'resets': float(resets),
        'violations': float(violations),
        'duration_s': time.monotonic() - began,
    }


def _run_well(play: Play, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 8)):
        play.advance(0.04)
        play.sense()
        play.tick()
        play.command(dice.uniform(-1.0, 1.0), dice.uniform(-1.0, 1.0))
        play.deliver(-1)
        play.check()


def _go(play: Play, dice: random.Random) -> None:
    play.person_m, play.load = None, 1.0
    play.log.is_full = play.store.is_full = False
    play.advance(1.1)
    for _ in range(2):
        play.sense()
        play.tick()
        play.deliver(-1)
        play.check()
        play.advance(0.04)
    play.reset()
    play.check()
    play.arm()
    play.deliver(-1)


def _person(play: Play, dice: random.Random) -> None:
    play.person_m = dice.choice([None, math.nan, dice.uniform(0.0, 4.0)])


def _load(play: Play, dice: random.Random) -> None:
    play.load = dice.choice([1.0, 50.0, -50.0, math.nan, None])


def _disk(play: Play, dice: random.Random) -> None:
    play.log.is_full = dice.random() < 0.3
    play.store.is_full = play.log.is_full


def _speed(dice: random.Random) -> float:
    return dice.choice([dice.uniform(-3.0, 3.0), dice.choice(BAD_NUMBERS)])


Action = Callable[[Play, random.Random], object]
TABLE: tuple[tuple[float, Action], ...] = (
    (8.0, lambda play, dice: play.advance(dice.uniform(0.0, 0.12))),
    (0.5, lambda play, dice: play.advance(dice.uniform(0.1, 3.0))),
    (4.0, lambda play, dice: play.sense(0.0, dice.random() < 0.02)),
    (0.2, lambda play, dice: play.sense(_speed(dice))),
    (0.2, lambda play, dice: play.bad_scan(dice.choice(BAD_NUMBERS))),
    (0.5, _person),
    (0.4, _load),
    (6.0, lambda play, dice: play.tick()),
    (6.0, lambda play, dice: play.deliver(dice.randint(0, 30), dice.random() < 0.3)),
    (2.0, lambda play, dice: play.lose(dice.randint(0, 30))),
    (6.0, _run_well),
    (3.0, lambda play, dice: play.command(_speed(dice), _speed(dice))),
    (2.5, _go),
    (0.5, lambda play, dice: play.reset()),
    (0.5, lambda play, dice: play.arm()),
    (0.3, lambda play, dice: play.emergency_stop()),
    (0.2, lambda play, dice: play.disarm()),
    (0.3, lambda play, dice: play.start_monitor()),
    (0.3, lambda play, dice: play.start_gate()),
    (0.1, _disk),
    (0.2, lambda play, dice: play.impostor(dice.randint(1, 5))),
    (0.1, lambda play, dice: play.malformed(dice.choice([0.1, 0.2, -1.0, math.nan]))),
)
WEIGHTS = [weight for weight, _ in TABLE]
ACTIONS = [action for _, action in TABLE]
