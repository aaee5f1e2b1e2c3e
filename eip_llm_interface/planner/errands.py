"""A rule planner for simple errands: fixed patterns over the manifest's names, no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner import render
from eip_llm_interface.planner.durations import SECONDS
from eip_llm_interface.planner.plan import Plan, PlanStep
from eip_llm_interface.planner.skills import Named, Parameter, Skill, SkillsManifest, slug

__all__ = ['propose_errand']

POLITE = re.compile(
    r'^(?:(?:hey|hi|hello|ok|okay|robot|please|now|then|and|kindly|could you|can you|would you|'
    r'will you|i want you to|i need you to|i would like you to|you should|you must|go and)'
    r'[ ,]+)+|[ ,]*(?:please|thanks|thank you|right now|for me)?[ .!?]*$',
)
SPLIT = re.compile(r'\s*(?:[.;!]\s+|,?\s*\band then\b|,?\s*\bthen\b|,\s*|\band\b)\s*')
DETERMINER = re.compile(r'^(?:the|a|an|my|your|some|that|this|his|her|our) ')
PRONOUNS = ('it', 'this', 'that', 'them')
TYPES = {'duration_s': 'number'}  # of the parameters given here; others are called as their type


class _Errand:
    """One command being turned into steps; knows what is held and where the robot stands."""

    def __init__(self, manifest: SkillsManifest, scene: SceneFacts) -> None:
        self.manifest = manifest
        self.scene = scene
        self.held = slug(scene.held_object)
        self.at = slug(scene.zone)
        self.last = self.held
        self.owed: tuple[str, str] | None = None
        self.steps: list[PlanStep] = []
        self.known = {
            kind: _wordings(manifest.names(kind, scene))
            for kind in ('place', 'object', 'person', 'appliance')
        }
        self.homes = {name: item.at for name, item in manifest.names('object', scene).items()}
        self.homes |= {slug(o.name): slug(o.place) for o in scene.objects if slug(o.place)}

    def name(self, kind: str, words: str | None) -> str | None:
        """Return the manifest's name for `words`, or None."""
        words = DETERMINER.sub('', (words or '').strip())
        if kind == 'object' and words in PRONOUNS:
            return self.last or None
        return self.known[kind].get(words)

    def add(self, skill: str, **parameters: str) -> bool:
        """Append a step; False when the robot lacks the skill or asks otherwise for it."""
        known = self.manifest.skills.get(skill)
        if known is None or not _fits(known, parameters):
            return False
        if skill != 'go_to' and not self.settle():
            return False
        self.steps.append(PlanStep(skill, parameters, render.sentence(skill, parameters)))
        return True

    def go(self, place: str) -> bool:
        if place == self.at:
            return True
        self.at = place
        return self.add('go_to', place=place)

    def fetch(self, thing: str | None, source: str | None = None) -> bool:
        """Go to where `thing` is and pick it, unless it is held already."""
        if thing is None:
            return False
        self.last = thing
        if self.owed is not None and self.owed[0] == thing:
            self.owed = None
        if not self.settle():
            return False
        if self.held == thing:
            return True
        home = source or self.homes.get(thing)
        if self.held or not home or home not in self.manifest.places:
            return False
        self.held = thing
        return self.go(home) and self.add('pick', object=thing)

    def put(self, thing: str, place: str) -> bool:
        self.held = ''
        self.homes[thing] = place
        return self.go(place) and self.add('place', object=thing, place=place)

    def give(self, thing: str, person: str) -> bool:
        self.held = ''
        return self.add('hand_over', object=thing, person=person)

    def owe(self, thing: str, person: str) -> bool:
        """Hand `thing` over later, unless what follows says where it goes: 'get the cup and …'."""
        self.owed = (thing, person)
        return True

    def settle(self) -> bool:
        """Hand over what is owed, if anything is."""
        owed, self.owed = self.owed, None
        return owed is None or self.give(*owed)


def _fits(skill: Skill, given: Mapping[str, str]) -> bool:
    """Return whether `given` are the parameters that the manifest names, within its bounds."""
    if {parameter.name for parameter in skill.parameters} != set(given):
        return False
    return all(_takes(parameter, given[parameter.name]) for parameter in skill.parameters)


def _takes(parameter: Parameter, value: str) -> bool:
    if parameter.type != TYPES.get(parameter.name, parameter.name):
        return False
    if parameter.type == 'number':
        return parameter.minimum <= float(value) <= parameter.maximum
    return parameter.type != 'text' or len(value) <= parameter.maximum_characters


def propose_errand(manifest: SkillsManifest, command: str, scene: SceneFacts) -> Plan | None:
    """Return a plan for `command`, or None when any part of it fits no pattern."""
    errand = _Errand(manifest, scene)
    text = ' '.join(command.lower().split())
    for part in _parts(text):
        if not _do(errand, part):
            return None
    if not errand.settle():
        return None
    return Plan(tuple(errand.steps)) if errand.steps else None


def _parts(text: str) -> Iterator[str]:
    said = re.search(r'\b(?:say|announce) ["\'](.+?)["\']', text)
    if said:
        yield from _parts(text[: said.start()])
        yield f'say {said[1]}'
        yield from _parts(text[said.end() :])
        return
    if re.match(r'(?:please )?(?:say|announce) ', text):
        yield POLITE.sub('', text)
        return
    for part in SPLIT.split(text):
        part = POLITE.sub('', POLITE.sub('', part)).strip()
        if part:
            yield part


def _do(errand: _Errand, part: str) -> bool:
    for pattern, action in PATTERNS:
        match = pattern.fullmatch(part)
        if match and action(errand, match):
            return True
    return False


def _bring(errand: _Errand, match: re.Match[str]) -> bool:
    groups = match.groupdict()
    thing = errand.name('object', groups['object'])
    person = errand.name('person', groups.get('person') or 'me')
    source = errand.name('place', groups.get('source')) if groups.get('source') else None
    if groups.get('source') and source is None:
        return False
    if thing is None or person is None or not errand.fetch(thing, source):
        return False
    return (errand.give if groups.get('person') else errand.owe)(thing, person)


def _take_to(errand: _Errand, match: re.Match[str]) -> bool:
    groups = match.groupdict()
    thing = errand.name('object', groups['object'])
    place = errand.name('place', groups['place'])
    source = errand.name('place', groups.get('source')) if groups.get('source') else None
    if thing is None or place is None or not errand.fetch(thing, source):
        return False
    return errand.put(thing, place)


def _pick(errand: _Errand, match: re.Match[str]) -> bool:
    source = match.groupdict().get('source')
    place = errand.name('place', source) if source else None
    if source and place is None:
        return False
    return errand.fetch(errand.name('object', match['object']), place)


def _go(errand: _Errand, match: re.Match[str]) -> bool:
    place = errand.name('place', match['place'])
    return place is not None and errand.go(place)


def _operate(errand: _Errand, match: re.Match[str]) -> bool:
    appliance = errand.name('appliance', match['appliance'])
    if appliance is None:
        return False
    skills = {'open': 'open', 'close': 'close', 'shut': 'close', 'on': 'turn_on', 'off': 'turn_off'}
    word = next(
        word for word in (match['how'].split()[-1], match['how'].split()[0]) if word in skills
    )
    at = errand.manifest.appliances[appliance].at
    if not errand.settle():
        return False
    return (not at or errand.go(at)) and errand.add(skills[word], appliance=appliance)


def _follow(errand: _Errand, match: re.Match[str]) -> bool:
    person = errand.name('person', match['person'])
    return person is not None and errand.add('follow', person=person)


def _wait(errand: _Errand, match: re.Match[str]) -> bool:
    seconds = float(match['number']) * SECONDS[match['unit']]
    return errand.add('wait', duration_s=f'{seconds:g}')


def _say(errand: _Errand, match: re.Match[str]) -> bool:
    text = re.sub(r"[^a-zA-Z0-9 .,!?'\-:]", '', match['text']).strip()
    return bool(text) and errand.add('say', text=text)


def _stop(errand: _Errand, match: re.Match[str]) -> bool:
    return errand.add('stop')


def _wordings(names: dict[str, Named]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, item in names.items():
        for words in item.wordings:
            found.setdefault(words.lower(), name)
    return found


FROM = r'(?: from (?P<source>.+?))?'
ONTO = r'(?:back )?(?:on to|onto|on|in|into|inside|at|to|by|near|next to) (?P<place>.+)'
Action = Callable[[_Errand, re.Match[str]], bool]
PATTERNS: tuple[tuple[re.Pattern[str], Action], ...] = tuple(
    (re.compile(pattern), action)
    for pattern, action in (
        (rf'(?:bring|fetch|get|give|hand|pass) (?P<person>me) (?P<object>.+?){FROM}', _bring),
        (
            r'(?:bring|give|hand|hand over|take|deliver|pass) (?P<object>.+?)'
            rf'{FROM} to (?P<person>.+)',
            _bring,
        ),
        (rf'(?:bring|fetch|get|hand over) (?P<object>.+?){FROM}', _bring),
        (
            rf'(?:bring|take|carry|move|put|place|set|deliver|return) (?P<object>.+?){FROM} {ONTO}',
            _take_to,
        ),
        (rf'(?:pick up|pick|grab|take|grasp) (?P<object>.+?){FROM}', _pick),
        (
            r'(?:go|drive|navigate|move|head|return|come)(?: back| over)? (?:to|towards?) '
            r'(?P<place>.+)',
            _go,
        ),
        (
            r'(?P<how>open|close|shut|turn on|turn off|switch on|switch off) (?P<appliance>.+)',
            _operate,
        ),
        (r'(?P<how>turn|switch) (?P<appliance>.+) (?:on|off)', lambda e, m: _operate_after(e, m)),
        (r'follow (?P<person>.+)', _follow),
        (
            r'wait(?: for)? (?P<number>\d+(?:\.\d+)?) ?(?P<unit>seconds?|secs?|s|minutes?|mins?)',
            _wait,
        ),
        (r'(?:say|announce) (?P<text>.+)', _say),
        (r'(?:stop|halt|stand still)', _stop),
    )
)


def _operate_after(errand: _Errand, match: re.Match[str]) -> bool:
    words = match[0].split()
    turned = re.fullmatch(
        r'(?P<how>turn (?:on|off)) (?P<appliance>.+)', f'turn {words[-1]} {" ".join(words[1:-1])}'
    )
    return turned is not None and _operate(errand, turned)
