"""Number the things a command speaks of, so that a small model plans with numbers, not names.

"take the mug to the sink" becomes "take the @1 mug to the @2 sink" with the note
"@1 object@3;@2 place;@3 place": @1 is an object that stands at @3. A plan then says
`pick(object=@1)`, and any name, known or never heard of, is as easy as any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner import render
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import Named, SkillsManifest, slug

__all__ = ['MOST_MENTIONS', 'Numbered', 'marks', 'number_mentions']

MOST_MENTIONS = 20
KINDS = ('object', 'appliance', 'place', 'person')
SPEAKER = 'user'
WORD = re.compile(r'[a-z0-9]+|[^a-z0-9]+')


def marks() -> tuple[str, ...]:
    """Return all marks that may stand for a thing, '@1' first."""
    return tuple(f'@{number}' for number in range(1, MOST_MENTIONS + 1))


@dataclass(frozen=True)
class Numbered:
    """A command with its things numbered; `names` maps each mark to its name per kind."""

    text: str
    note: str
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def planner(self, planner: Planner) -> Planner:
        """Return a planner whose only names are the marks and the speaker.

        Skills for which there is no name at all are left out: no plan could use them.
        """
        manifest = planner.manifest
        groups: dict[str, dict[str, Named]] = {kind: {} for kind in KINDS}
        for mark, kinds in self.names.items():
            for kind in kinds:
                groups[kind][mark] = Named(mark)
        if SPEAKER in manifest.people:
            groups['person'][SPEAKER] = manifest.people[SPEAKER]
        skills = {
            skill.name: skill
            for skill in manifest.skills.values()
            if all(groups.get(p.type, True) for p in skill.parameters)
        }
        return Planner(
            replace(
                manifest,
                skills=skills,
                objects=groups['object'],
                appliances=groups['appliance'],
                places=groups['place'],
                people=groups['person'],
            )
        )

    def mark_of(self, kind: str, name: str) -> str | None:
        """Return the mark of a name, None when it has none."""
        return next((m for m, kinds in self.names.items() if kinds.get(kind) == name), None)

    def numbered_plan(self, plan: Plan, manifest: SkillsManifest) -> Plan | None:
        """Return `plan` in marks, None when a name in it has none."""
        return self._mapped(plan, manifest, self.mark_of)

    def named_plan(self, plan: Plan, manifest: SkillsManifest) -> Plan:
        """Return a plan in marks with the names back; raises ValueError for an unknown mark."""
        named = self._mapped(plan, manifest, lambda kind, mark: self.names.get(mark, {}).get(kind))
        if named is None:
            raise ValueError('the plan speaks of a thing that the command does not')
        return named

    def _mapped(self, plan: Plan, manifest: SkillsManifest, of) -> Plan | None:  # type: ignore[no-untyped-def]
        steps = []
        for step in plan.steps:
            values = dict(step.parameters)
            for parameter in manifest.skills[step.skill].parameters:
                if parameter.type not in KINDS or values[parameter.name] == SPEAKER:
                    continue
                value = of(parameter.type, values[parameter.name])
                if value is None:
                    return None
                values[parameter.name] = value
            steps.append(PlanStep(step.skill, values, render.sentence(step.skill, values)))
        return Plan(tuple(steps))


def number_mentions(command: str, scene: SceneFacts, manifest: SkillsManifest) -> Numbered:
    """Return `command`, already in lower case, with its things numbered in order of mention.

    Where things stand, what is held and where the robot is get numbers, too.
    """
    items = {kind: manifest.names(kind, scene) for kind in KINDS}
    names: dict[str, dict[str, str]] = {}
    text = _marked(command, _wordings(items), names)
    homes = {slug(thing.name): slug(thing.place) for thing in scene.objects if thing.place}
    held, at = slug(scene.held_object), slug(scene.zone)
    held_mark = _number(names, {'object': held}) if held in items['object'] else ''
    parts = []
    for mark in list(names):
        kinds = []
        for kind, name in names[mark].items():
            home = (homes.get(name, '') if kind == 'object' else '') or items[kind][name].at
            stands = (
                kind in ('object', 'appliance') and home in items['place'] and mark != held_mark
            )
            kinds.append(kind + (_number(names, {'place': home}) if stands else ''))
        parts.append(f'{mark} {" ".join(kinds)}')
    if held_mark:
        parts.append(f'held {held_mark}')
    if at in items['place']:
        known = next((m for m, kinds in names.items() if kinds.get('place') == at), '')
        parts.append(f'at {known}' if known else '')
    return Numbered(text, ';'.join(filter(None, parts)), names)


def _marked(
    command: str,
    wordings: Mapping[tuple[str, ...], dict[str, str]],
    names: dict[str, dict[str, str]],
) -> str:
    tokens = WORD.findall(command)
    words = [(i, token) for i, token in enumerate(tokens) if token[0].isalnum()]
    longest = max(map(len, wordings), default=0)
    before: dict[int, str] = {}
    start = 0
    while start < len(words):
        for length in range(min(longest, len(words) - start), 0, -1):
            said = tuple(word for _, word in words[start : start + length])
            found = wordings.get(said) or wordings.get((*said[:-1], said[-1].removesuffix('s')))
            if found and len(names) < MOST_MENTIONS:
                before[words[start][0]] = _number(names, found)
                start += length
                break
        else:
            start += 1
    return ''.join(f'{before[i]} {t}' if i in before else t for i, t in enumerate(tokens))


def _number(names: dict[str, dict[str, str]], kinds: Mapping[str, str]) -> str:
    """Return the mark of these kinds of one thing, a new one when there is none."""
    for mark, known in names.items():
        if all(known.get(kind) == name for kind, name in kinds.items()):
            return mark
    mark = f'@{len(names) + 1}'
    names[mark] = dict(kinds)
    return mark


def _wordings(items: Mapping[str, Mapping[str, Named]]) -> dict[tuple[str, ...], dict[str, str]]:
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for kind, group in items.items():
        for item in group.values():
            if item.name == SPEAKER and kind == 'person':
                continue
            for wording in item.wordings:
                words = tuple(re.findall(r'[a-z0-9]+', wording.lower()))
                if words:
                    found.setdefault(words, {}).setdefault(kind, item.name)
    return found
