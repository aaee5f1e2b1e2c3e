"""Whether a text is a formula, before `rtamt` sees it, which is too kind.

It drops what it does not understand and binds `not x > 1` as `(not x) > 1`. So this grammar asks
for brackets wherever a reader could doubt, and tells numbers from truths:

    joined   = compared, then the same one of and, or, repeated; or once xor, since, implies, iff
    compared = number, then perhaps < <= > >= and a number
    number   = operand, then repeated + or *, or one - or /, with an operand
    operand  = name, constant, - constant, ( joined ), abs sqrt exp ( number ),
               not once historically prev rise fall ( joined ), the second two with [from:to],
               or before each other without brackets
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ['RESERVED', 'CheckedFormula', 'check_formula']

NUMBER_WORDS = frozenset(('abs', 'sqrt', 'exp'))
TRUTH_WORDS = frozenset(('not', 'once', 'historically', 'prev', 'rise', 'fall'))
BOUNDED = ('once', 'historically', 'since')
JOINING = {
    **{'and': 'and', 'or': 'or', 'xor': 'xor', 'since': 'since'},
    **{'implies': 'implies', '->': 'implies', 'iff': 'iff', '<->': 'iff'},
}
REPEATED = ('and', 'or')
COMPARING = frozenset(('<', '<=', '>', '>='))
COUNTING = frozenset('+-*/')
AHEAD = frozenset(('always', 'eventually', 'until', 'unless', 'next', 'G', 'F', 'X', 'U'))
OTHERS = """pow s ms us ns ps topic import input output internal const real float long complex int
    bool assertion specification from true false TRUE FALSE True False S O H Y P W"""
NOT_OFFERED = frozenset(OTHERS.split())
RESERVED = NUMBER_WORDS | TRUTH_WORDS | AHEAD | NOT_OFFERED | frozenset(JOINING)
TOKEN = re.compile(
    r'\s*([A-Za-z_]\w*|\d+\.?\d*(?:[eE][-+]?\d+)?|\[[^\]]*\]|<->|->|<=|>=|[-+*/()<>])'
)
DEEPEST = 30


@dataclass(frozen=True)
class CheckedFormula:
    """The text with every bracket written, in which each mention of a signal has its own name.

    `mentions` are those names and their signals. `rtamt` tells two parts apart by their words
    alone; the same words twice would share one past and be stepped twice for each sample.
    """

    mentions: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class _Part:
    text: str
    is_truth: bool


def check_formula(text: str) -> CheckedFormula:
    """Return what the formula says; raises ValueError with the remedy."""
    reader = _Reader(list(_tokens(text)))
    whole = reader.joined(0)
    if not whole.is_truth:
        raise ValueError('formula compares nothing, use <, <=, > or >=')
    reader.expect('')
    return CheckedFormula(reader.mentions, whole.text)


def _tokens(text: str) -> Iterator[str]:
    position, text = 0, text.rstrip()
    if not text:
        raise ValueError('formula is empty, compare a signal with a number')
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            rest = text[position:].strip()[:10]
            if rest.startswith(('=', '!')):
                raise ValueError(
                    'formula compares for equality, which has no robustness; use <, <=, > or >='
                )
            raise ValueError(f'formula has {rest!r}, which is no name, number or operator')
        yield match.group(1)
        position = match.end()


class _Reader:
    """Descends the grammar; each rule returns what it read, brackets added."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, '']
        self._at = 0
        self.mentions: dict[str, str] = {}

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def expect(self, token: str) -> None:
        if self._next != token:
            wanted = token or 'an operator'
            raise ValueError(f'formula has {self._next or "its end"} where {wanted} must stand')
        self._at += 1

    def joined(self, depth: int) -> _Part:
        if depth > DEEPEST:
            raise ValueError(f'formula is deeper than {DEEPEST} brackets, split the rule')
        before = len(self.mentions)
        left, joined_by = self._compared(depth), ''
        while self._next in JOINING:
            word = JOINING[self._next]
            if joined_by and (joined_by != word or word not in REPEATED):
                raise ValueError(f'formula mixes {joined_by} and {word}, add brackets')
            token, joined_by = self._take(), word
            bounds = self._bounds() if token in BOUNDED else ''
            right = self._compared(depth)
            if word == 'since':
                self._check_memory(word, before)
            left = _both(left, token, right, True, f'{word}{bounds}', True)
        return left

    def _compared(self, depth: int) -> _Part:
        left = self._counted(depth)
        if self._next not in COMPARING:
            return left
        token = self._take()
        left = _both(left, token, self._counted(depth), False, token, True)
        if self._next in COMPARING:
            raise ValueError('formula compares twice, join two comparisons by and')
        return left

    def _counted(self, depth: int) -> _Part:
        left, counted_by = self._operand(depth), ''
        while self._next in COUNTING:
            token = self._take()
            if counted_by and (token != counted_by or token not in '+*'):
                raise ValueError(f'formula mixes {counted_by} and {token}, add brackets')
            counted_by = token
            left = _both(left, token, self._operand(depth), False, token, False)
        return left

    def _operand(self, depth: int) -> _Part:
        token = self._take()
        if token == '-':
            if not self._next[:1].isdigit():
                raise ValueError('formula has - before no constant, write -1 * or 0 -')
            return _Part(f'-{self._take()}', False)
        if token == '(':
            inner = self.joined(depth + 1)
            self.expect(')')
            return inner
        if token in NUMBER_WORDS or token in TRUTH_WORDS:
            return self._worded(token, depth)
        self._check_operand(token)
        if token[0].isdigit():
            return _Part(token, False)
        mention = f'{token}__{len(self.mentions)}'
        self.mentions[mention] = token
        return _Part(mention, False)

    def _worded(self, word: str, depth: int) -> _Part:
        bounds = self._bounds() if word in BOUNDED else ''
        is_truth = word in TRUTH_WORDS
        before = len(self.mentions)
        if is_truth and self._next in TRUTH_WORDS:
            if depth > DEEPEST:
                raise ValueError(f'formula is deeper than {DEEPEST} words, split the rule')
            inner = self._worded(self._take(), depth + 1)
        elif self._next == '(':
            self._at += 1
            inner = self.joined(depth + 1)
            self.expect(')')
        else:
            raise ValueError(f'formula has {word} without brackets, write {word}(…)')
        _want(inner, is_truth, f'in {word}(…)')
        if word != 'not' and is_truth:
            self._check_memory(word, before)
        return _Part(f'{word}{bounds}({inner.text})', is_truth)

    def _check_memory(self, word: str, before: int) -> None:
        # Without a mention its words could be those of another part.
        if len(self.mentions) == before:
            raise ValueError(f'formula has {word} where no signal is named, leave it out')

    def _check_operand(self, token: str) -> None:
        if token in AHEAD:
            raise ValueError(
                f'formula uses {token}, which looks ahead; use once, historically or since'
            )
        if token in NOT_OFFERED:
            raise ValueError(f'formula uses {token}, which is not offered, rename the signal')
        if not token[:1].isalnum() and token[:1] != '_':
            raise ValueError(
                f'formula has {token or "its end"} where a signal or number must stand'
            )
        if token in RESERVED:
            raise ValueError(f'formula has {token} where a signal or number must stand')

    def _bounds(self) -> str:
        return self._take() if self._next.startswith('[') else ''

    def _take(self) -> str:
        token = self._next
        self._at += bool(token)
        return token


def _both(
    left: _Part, token: str, right: _Part, of_truths: bool, word: str, is_truth: bool
) -> _Part:
    _want(left, of_truths, f'left of {token}')
    _want(right, of_truths, f'right of {token}')
    return _Part(f'({left.text} {word} {right.text})', is_truth)


def _want(part: _Part, wanted: bool, where: str) -> None:
    if part.is_truth is not wanted:
        what = 'a comparison' if wanted else 'a number'
        raise ValueError(f'formula needs {what} {where}, add one or brackets')
