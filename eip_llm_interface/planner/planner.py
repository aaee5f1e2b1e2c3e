"""The one entry to planning: prompts, parsing, grounding and a plain rule planner."""

from __future__ import annotations

import re

from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Violation
from eip_llm_interface.planner import render
from eip_llm_interface.planner.errands import propose_errand
from eip_llm_interface.planner.grammar import MAX_STEPS, TEXT_CHARACTERS, Grammar
from eip_llm_interface.planner.grounding import ungrounded
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import Parameter, Skill, SkillsManifest, slug

__all__ = ['PlanError', 'Planner']

CALL = re.compile(r'([a-zA-Z_]\w*)\((.*)\)')
PAIR = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*(?:"([^"]*)"|([^,"]*?))\s*(?:,|$)')


class PlanError(ValueError):
    """A plan text that is no plan of this robot; the text names line and thing."""


class Planner:
    """Turns text into plans of one robot's skills; nothing unknown is ever dropped."""

    def __init__(self, manifest: SkillsManifest) -> None:
        self.manifest = manifest

    def grammar(self, scene: SceneFacts | None = None) -> Grammar:
        """Return the grammar of plans in this scene."""
        return Grammar(self.manifest, scene)

    def parse(self, plan_text: str, scene: SceneFacts | None = None) -> Plan:
        """Return the plan written in `plan_text`, unjudged; raises PlanError."""
        lines = [line.strip() for line in plan_text.strip().splitlines()]
        lines = [line for line in lines if line]
        if not lines or lines[-1] != 'end':
            raise PlanError('the plan does not finish with the line "end", it was cut short')
        if len(lines) - 1 > MAX_STEPS:
            raise PlanError(f'the plan has {len(lines) - 1} steps, at most {MAX_STEPS} are allowed')
        return Plan(
            tuple(self._step(index, line, scene) for index, line in enumerate(lines[:-1], 1))
        )

    def write(self, plan: Plan) -> str:
        """Return the plan as text that `parse` reads back."""
        lines = [
            render.call(step.skill, step.parameters, self._texts(step.skill)) for step in plan.steps
        ]
        return ''.join(f'{line}\n' for line in (*lines, 'end'))

    def check_grounding(
        self, command: str, plan: Plan, scene: SceneFacts | None = None
    ) -> tuple[Violation, ...]:
        """Return a violation `plan.ungrounded` for each name that nobody spoke of."""
        return ungrounded(self.manifest, command, plan, scene or SceneFacts())

    def propose(self, command: str, scene: SceneFacts | None = None) -> Plan | None:
        """Return a plan made by plain rules for a simple errand, or None when they do not fit.

        It is no model: fixed patterns over the manifest's names, to cross-check and for corpora.
        """
        return propose_errand(self.manifest, normalise(command).folded, scene or SceneFacts())

    def prompt(self, command: str, scene: SceneFacts | None = None) -> str:
        """Return the compact prompt of the shipped model."""
        scene = scene or SceneFacts()
        lines = [f'command: {_one_line(command)}']
        if scene.held_object:
            lines.append(f'held: {slug(scene.held_object)}')
        if scene.zone:
            lines.append(f'at: {slug(scene.zone)}')
        if scene.people:
            lines.append('people: ' + ' '.join(slug(p.name) or slug(p.kind) for p in scene.people))
        return '\n'.join((*lines, 'plan:\n'))

    def instruct_prompt(self, command: str, scene: SceneFacts | None = None) -> str:
        """Return a longer prompt for general instruct models: skills, names, format, example."""
        scene = scene or SceneFacts()
        lines = ['You plan for a robot. Use only these skills, one call a line, then "end".']
        lines += [f'- {_signature(skill)}: {skill.description}' for skill in self._skills()]
        for kind in ('place', 'object', 'appliance', 'person'):
            names = ', '.join(self.manifest.names(kind, scene)) or 'none'
            lines.append(f'{kind} names: {names}')
        if scene.held_object:
            lines.append(f'The robot holds: {slug(scene.held_object)}')
        if scene.description:
            lines.append(f'Scene: {_one_line(scene.description)}')
        lines.append('If the command cannot be done with these skills, write only "end".')
        lines.append(f'Command: {_one_line(command)}\nPlan:\n')
        return '\n'.join(lines)

    def _skills(self) -> list[Skill]:
        return list(self.manifest.skills.values())

    def _texts(self, skill: str) -> frozenset[str]:
        known = self.manifest.skills.get(skill)
        return (
            frozenset(p.name for p in known.parameters if p.type == 'text')
            if known
            else frozenset()
        )

    def _step(self, index: int, line: str, scene: SceneFacts | None) -> PlanStep:
        where = f'line {index}'
        match = CALL.fullmatch(line)
        if match is None:
            raise PlanError(f'{where} is {line[:80]!r}, write skill(parameter=value)')
        name, inner = match[1], match[2]
        skill = self.manifest.skills.get(name)
        if skill is None:
            raise PlanError(
                f'{where}: skill {name} is unknown, use one of {list(self.manifest.skills)}'
            )
        given = _pairs(where, inner)
        expected = {parameter.name: parameter for parameter in skill.parameters}
        for key in given:
            if key not in expected:
                raise PlanError(f'{where}: {name} has no parameter {key}, use {list(expected)}')
        for key, parameter in expected.items():
            if key not in given:
                raise PlanError(f'{where}: {name} lacks the parameter {key}')
            given[key] = self._value(where, name, parameter, given[key], scene)
        ordered = {key: given[key] for key in expected}
        return PlanStep(name, ordered, render.sentence(name, ordered))

    def _value(
        self, where: str, skill: str, parameter: Parameter, value: str, scene: SceneFacts | None
    ) -> str:
        field = f'{where}: {skill} parameter {parameter.name} is {value[:80]!r}'
        if parameter.type == 'text':
            if not value.strip() or len(value) > parameter.maximum_characters:
                raise PlanError(f'{field}, give 1 to {parameter.maximum_characters} characters')
            if not set(value) <= TEXT_CHARACTERS:
                raise PlanError(f'{field}, use letters, digits and plain punctuation only')
            return value
        if parameter.type == 'number':
            if not re.fullmatch(r'\d{1,9}(\.\d{1,9})?', value):
                raise PlanError(f'{field}, give a plain number')
            if not parameter.minimum <= float(value) <= parameter.maximum:
                raise PlanError(f'{field}, must be {parameter.minimum:g} to {parameter.maximum:g}')
            return value
        names = self.manifest.names(parameter.type, scene)
        if value not in names:
            raise PlanError(f'{field}, no such {parameter.type} is known; use one of {list(names)}')
        return value


def _pairs(where: str, inner: str) -> dict[str, str]:
    given: dict[str, str] = {}
    position = 0
    while position < len(inner):
        match = PAIR.match(inner, position)
        if match is None or match.end() == position:
            raise PlanError(f'{where}: cannot read {inner[position : position + 60]!r}')
        if match[1] in given:
            raise PlanError(f'{where}: parameter {match[1]} is given twice')
        given[match[1]] = match[3] if match[2] is None else match[2]
        position = match.end()
    return given


def _signature(skill: Skill) -> str:
    return f'{skill.name}({", ".join(f"{p.name}={p.type}" for p in skill.parameters)})'


def _one_line(text: str) -> str:
    return ' '.join(text.split())[:1000]
