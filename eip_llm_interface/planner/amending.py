"""Put measures into a plan: steps of the robot's own skills, before and after what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.measures import Measure
from eip_llm_interface.planner import render
from eip_llm_interface.planner.grammar import MAX_STEPS
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import SkillsManifest, slug

__all__ = ['WAIT', 'Amender', 'Surroundings', 'Wanted']

GO, OFF, WAIT = 'go_to', 'turn_off', 'wait_until_clear'
NEVER_SWITCH_ON = frozenset({OFF, 'open', 'close'})


@dataclass(frozen=True)
class Wanted:
    """One measure that a plan needs; `index` is the step it is for, None for the whole plan."""

    measure: Measure
    index: int | None


@dataclass(frozen=True)
class Surroundings:
    """The robot's appliances with their properties now, and where it stands ('' if unknown)."""

    manifest: SkillsManifest
    properties: Mapping[str, frozenset[str]]
    position: str

    @classmethod
    def of(
        cls, manifest: SkillsManifest, scene: SceneFacts, properties: Mapping[str, frozenset[str]]
    ) -> Surroundings:
        """Return the surroundings in `scene`."""
        zone = slug(scene.zone)
        return cls(manifest, properties, zone if zone in manifest.places else '')

    def concerned(self, measure: Measure, plan: Plan, index: int | None) -> list[str]:
        """Return the appliances that `measure` is about at a step of `plan`."""
        if measure.appliance is None:
            return []
        if measure.when == 'after':
            steps = plan.steps if index is None else plan.steps[: index + 1]
            named = [name for step in steps for name in self.switched_on(step)]
        elif index is None:
            return []
        else:
            named = self.acted_on(plan.steps[index])
        matches = measure.appliance.matches
        return [name for name in dict.fromkeys(named) if matches(self.properties[name])]

    def acted_on(self, step: PlanStep) -> list[str]:
        """Return the appliances at which a step acts: those it names, or that its place is."""
        found = self._named(step, 'appliance')
        for place in self._named(step, 'place'):
            standing = [name for name, item in self.manifest.appliances.items() if item.at == place]
            found += [place] if place in self.manifest.appliances else standing
        return [name for name in found if name in self.properties]

    def switched_on(self, step: PlanStep) -> list[str]:
        """Return the appliances that a step may switch on."""
        return [] if step.skill in NEVER_SWITCH_ON else self._named(step, 'appliance')

    def stays_off(self, name: str, plan: Plan, index: int) -> bool:
        """Return whether `plan` turns an appliance off before a step, and never on after that."""
        off = _last_off(name, plan, 0, index)
        return off is not None and not self._on_after(name, plan, off)

    def ends_off(self, name: str, plan: Plan, index: int | None) -> bool:
        """Return whether `plan` turns an appliance off after a step, and never on after that."""
        off = _last_off(name, plan, 0 if index is None else index + 1, len(plan.steps))
        return off is not None and not self._on_after(name, plan, off)

    def _on_after(self, name: str, plan: Plan, index: int) -> bool:
        return any(name in self.switched_on(step) for step in plan.steps[index + 1 :])

    def _named(self, step: PlanStep, kind: str) -> list[str]:
        skill = self.manifest.skills.get(step.skill)
        parameters = skill.parameters if skill else ()
        return [step.parameters.get(p.name, '') for p in parameters if p.type == kind]


class Amender:
    """Adds what measures ask for to one plan; None whenever the robot cannot do it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._manifest = around.manifest

    def can(self, wanted: Wanted, plan: Plan) -> bool:
        """Return whether this robot can take the measure in this plan, or ask a person instead."""
        measure = wanted.measure
        if measure.when == 'confirm':
            return True
        if measure.action == WAIT:
            known = wanted.index is not None and self._call(WAIT) is not None
            return known or (WAIT not in self._manifest.skills and bool(measure.check))
        names = self._around.concerned(measure, plan, wanted.index)
        if measure.when == 'after' and self._around.switched_on(plan.steps[-1]):
            return False  # Switched on and off again at once, it would not be used at all.
        return bool(names) and all(self._call(OFF, name) for name in names)

    def amended(self, plan: Plan, wanted: Sequence[Wanted]) -> Plan | None:
        """Return `plan`, unjudged, with all measures in it, or None."""
        first: dict[str, None] = {}
        last: dict[str, None] = {}
        waits: set[int] = set()
        for item in wanted:
            if item.measure.action == WAIT and WAIT in self._manifest.skills:
                waits.add(-1 if item.index is None else item.index)
            elif item.measure.action == OFF:
                names = self._around.concerned(item.measure, plan, item.index)
                (first if item.measure.when == 'before' else last).update(dict.fromkeys(names))
        body: list[PlanStep | None] = []
        for index, step in enumerate(plan.steps):
            body += [self._call(WAIT), step] if index in waits else [step]
        steps = [*self._before(plan, first), *body, *self._after(plan, last)]
        sure = tuple(step for step in steps if step is not None)
        if len(sure) < len(steps) or len(sure) > MAX_STEPS:
            return None
        return replace(plan, steps=sure)

    def _before(self, plan: Plan, names: Mapping[str, None]) -> list[PlanStep | None]:
        """Turn things off with a free gripper, and come back to where the plan begins."""
        if not names:
            return []
        start = at = self._around.position
        steps: list[PlanStep | None] = []
        for name in names:
            steps += self._turn_off(name, at)
            at = self._manifest.appliances[name].at or at
        if at != start and plan.steps[0].skill != GO:
            steps.append(self._call(GO, start) if start else None)
        return steps

    def _after(self, plan: Plan, names: Mapping[str, None]) -> list[PlanStep | None]:
        at = self._around.position
        for step in plan.steps:
            at = next(iter(step.parameters.values()), at) if step.skill == GO else at
        steps: list[PlanStep | None] = []
        for name in names:
            steps += self._turn_off(name, at)
            at = self._manifest.appliances[name].at or at
        return steps

    def _turn_off(self, name: str, at: str) -> list[PlanStep | None]:
        place = self._manifest.appliances[name].at
        moves = [self._call(GO, place)] if place and place != at else []
        return [*moves, self._call(OFF, name)]

    def _call(self, skill: str, *values: str) -> PlanStep | None:
        """Return one step, or None when the robot has no such skill in this form."""
        known = self._manifest.skills.get(skill)
        kinds = {GO: ['place'], OFF: ['appliance'], WAIT: []}[skill]
        if known is None or [parameter.type for parameter in known.parameters] != kinds:
            return None
        names = [parameter.name for parameter in known.parameters]
        parameters = dict(zip(names, values, strict=True))
        return PlanStep(skill, parameters, render.sentence(skill, parameters))


def _last_off(name: str, plan: Plan, start: int, stop: int) -> int | None:
    found = [
        index
        for index in range(start, stop)
        if plan.steps[index].skill == OFF and name in plan.steps[index].parameters.values()
    ]
    return found[-1] if found else None
