"""A grammar of plans, character by character, made from the manifest and the scene.

A plan is one call a line, e.g. `go_to(place=sink)`, and ends with the line `end`. Names come from
the manifest or the scene, numbers lie in their range, text is quoted, short and plain.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner.skills import Parameter, SkillsManifest

__all__ = ['MAX_STEPS', 'TEXT_CHARACTERS', 'Grammar', 'State']

MAX_STEPS = 16
TEXT_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?'-:"
)
DIGITS = frozenset('0123456789')
DECIMALS = 2


class State(NamedTuple):
    """Where a plan's text stands; immutable and hashable, meaningful to its grammar only."""

    node: int
    memo: str = ''
    lines: int = 0


class _Free(NamedTuple):
    """A place for a number or a text, with the node that follows its closing character."""

    parameter: Parameter
    following: int


class Grammar:
    """All plans that the manifest allows, as an automaton over characters."""

    def __init__(self, manifest: SkillsManifest, scene: SceneFacts | None = None) -> None:
        self._edges: list[dict[str, int]] = [{}]
        self._free: dict[int, _Free] = {}
        self._line = 0
        self._final = self._node()
        self._end = self._literal(self._line, 'end')
        self._edges[self._end]['\n'] = self._final
        for skill in manifest.skills.values():
            heads = [self._literal(self._line, f'{skill.name}(')]
            for index, parameter in enumerate(skill.parameters):
                start = f'{", " if index else ""}{parameter.name}='
                heads = [self._literal(head, start) for head in heads]
                heads = self._value(heads, parameter, manifest, scene)
            for head in heads:
                close = self._literal(head, ')')
                self._edges[close]['\n'] = self._line
        self._advance = lru_cache(maxsize=16384)(self._advance_uncached)

    def start(self) -> State:
        """Return the state before the first character."""
        return State(self._line)

    def advance(self, state: State, text: str) -> State | None:
        """Return the state after `text`, or None when no plan goes on like that."""
        now: State | None = state
        for character in text:
            now = self._advance(now, character)
            if now is None:
                return None
        return now

    def is_final(self, state: State) -> bool:
        """Return whether the text so far is a whole plan."""
        return state.node == self._final

    def allowed(self, state: State) -> frozenset[str]:
        """Return the characters that may come next; empty only in the final state."""
        candidates = set(self._edges[state.node])
        if state.node in self._free:
            candidates |= TEXT_CHARACTERS | {'"'} | DIGITS | {'.'}
            following = self._free[state.node].following
            candidates |= set(self._edges[following])
        return frozenset(c for c in candidates if self._advance(state, c) is not None)

    def _node(self) -> int:
        self._edges.append({})
        return len(self._edges) - 1

    def _literal(self, node: int, text: str) -> int:
        for character in text:
            following = self._edges[node].get(character)
            if following is None:
                following = self._edges[node][character] = self._node()
            node = following
        return node

    def _value(
        self,
        heads: list[int],
        parameter: Parameter,
        manifest: SkillsManifest,
        scene: SceneFacts | None,
    ) -> list[int]:
        if parameter.type == 'text':
            return [self._free_place(self._literal(head, '"'), parameter) for head in heads]
        if parameter.type == 'number':
            return [self._free_place(head, parameter) for head in heads]
        names = manifest.names(parameter.type, scene)
        return [self._literal(head, name) for head in heads for name in names]

    def _free_place(self, node: int, parameter: Parameter) -> int:
        following = self._node()
        self._free[node] = _Free(parameter, following)
        return following

    def _advance_uncached(self, state: State, character: str) -> State | None:
        free = self._free.get(state.node)
        if free is not None:
            if free.parameter.type == 'text':
                return _advance_text(state, character, free)
            return self._advance_number(state, character, free)
        node = self._edges[state.node].get(character)
        if node is None:
            return None
        if state.node == self._line and state.lines >= MAX_STEPS and character != 'e':
            return None
        if node == self._line:
            return State(node, '', state.lines + 1)
        if state.lines >= MAX_STEPS and not self._leads_to_end(node):
            return None
        return State(node, '', state.lines)

    def _leads_to_end(self, node: int) -> bool:
        walk = self._line
        for character in 'end\n':
            walk = self._edges[walk][character]
            if walk == node:
                return True
        return False

    def _advance_number(self, state: State, character: str, free: _Free) -> State | None:
        following = self._edges[free.following].get(character)
        if following is not None:
            value = _number(state.memo)
            if value is None or not free.parameter.minimum <= value <= free.parameter.maximum:
                return None
            return State(following, '', state.lines)
        memo = state.memo + character
        if character not in DIGITS and character != '.':
            return None
        return State(state.node, memo, state.lines) if _viable(memo, free.parameter) else None


def _advance_text(state: State, character: str, free: _Free) -> State | None:
    if character == '"':
        return State(free.following, '', state.lines) if state.memo.strip() else None
    if character not in TEXT_CHARACTERS or len(state.memo) >= free.parameter.maximum_characters:
        return None
    if not state.memo and character == ' ':
        return None
    return State(state.node, state.memo + character, state.lines)


def _number(memo: str) -> float | None:
    if not memo or memo.endswith('.'):
        return None
    return float(memo)


def _viable(memo: str, parameter: Parameter) -> bool:
    """Return whether some number in range starts with `memo`."""
    whole, point, decimals = memo.partition('.')
    if not whole or len(decimals) > DECIMALS or '.' in decimals:
        return False
    if len(whole) > 1 and whole[0] == '0':
        return False
    value = float(whole)
    if point:
        low = float(f'{whole}.{decimals or 0}')
        width = 10.0 ** -len(decimals)
        return low <= parameter.maximum and low + width > parameter.minimum
    longest = len(str(int(parameter.maximum)))
    if len(whole) > longest:
        return False
    scales = [1.0] if whole == '0' else [10.0**k for k in range(longest - len(whole) + 1)]
    return any(
        value * scale <= parameter.maximum and (value + 1) * scale > parameter.minimum
        for scale in scales
    )
