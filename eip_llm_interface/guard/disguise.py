"""Undo what hides a word from a reader of words: case, spaces, digits, stretched letters."""

from __future__ import annotations

import re
from itertools import product

from eip_llm_interface.guard.vocabulary import Vocabulary
from eip_llm_interface.guard.words import MIXED_CASE, alternates, humps

__all__ = ['undo_disguise']

LEET = str.maketrans('013457@$!|', 'oieastasil')
LEET_READINGS = {
    '0': 'o', '1': 'il', '3': 'e', '4': 'a', '5': 's', '6': 'gb', '7': 't', '8': 'b', '9': 'g',
    '@': 'a', '$': 's', '!': 'i', '|': 'il',
}  # fmt: skip
LEET_WORD = re.compile(r'(?<![\w@$!|])(?=[\w@$!|]*[a-zA-Z])(?=[\w@$!|]*[0134-9@$!|])[\w@$!|]{3,}')
LEET_INSIDE = re.compile(r'[a-zA-Z][013457@$!|]+[a-zA-Z]|^[@$0137!|]+[a-zA-Z]{2}')
LEET_K = re.compile(r'\|<(?=[a-zA-Z])|(?<=[a-zA-Z])\|<')
UNIT_LIKE = re.compile(
    r'^\d+[a-z]{1,3}$|^[a-zA-Z]+\d+$|^\d+(?:st|nd|rd|th)$|^[a-z]\d[a-z]$|^\d+[a-z]+\d*$', re.I
)
ALWAYS_UNIT = re.compile(r'[a-z]\d+|\d+[a-z]{1,2}', re.I)
LABEL = re.compile(r'(?P<before>[a-z]+)\d+|\d+(?P<after>[a-z]+)', re.I)
MOST_SIGNS = 6
SPACED = re.compile(r'(?<!\w)(?:[a-zA-Z][ .\-_*+]{1,2}){3,}[a-zA-Z](?!\w)')
TWO_PARTS = re.compile(r"(?<![\w'])([a-zA-Z]+) (?=([a-zA-Z]+)(?![\w']))")
STRETCHED = re.compile(r'([a-zA-Z])\1{2,}')
STRETCHED_WORD = re.compile(r'(?<![a-zA-Z])[a-zA-Z]*?([a-zA-Z])\1{2,}[a-zA-Z]*')
ENCODED = re.compile(r'(?<![\w/+])[A-Za-z0-9+/]{32,}={0,2}(?![\w/+])')


def undo_disguise(text: str, findings: list[str], vocabulary: Vocabulary | None = None) -> str:
    """Return `text` with disguised words in plain letters; adds to `findings` what was undone.

    Without a vocabulary only disguises are undone that show without knowing any word.
    """
    if ENCODED.search(text) and not text.islower():
        findings.append('encoded')
    undoing = _Undoing(findings, vocabulary)
    folded = undoing.one_case(text)
    folded = SPACED.sub(undoing.unspaced, folded)
    folded = LEET_K.sub(undoing.with_k, folded)
    folded = LEET_WORD.sub(undoing.unleeted, folded)
    folded = STRETCHED_WORD.sub(undoing.unstretched, folded)
    return TWO_PARTS.sub(undoing.rejoined, folded) if vocabulary is not None else folded


class _Undoing:
    """The replacements of one text."""

    def __init__(self, findings: list[str], vocabulary: Vocabulary | None) -> None:
        self._findings = findings
        self._vocabulary = vocabulary

    def one_case(self, text: str) -> str:
        """Return the text with known words in one case whose capitals stand anywhere."""
        odd = [word for word in MIXED_CASE.findall(text) if alternates(word) and self._known(word)]
        if sum(len(humps(word)) for word in odd) > 2:  # WiFi, PhD and iOS have two
            self._findings.append('alternating_case')
            return text.lower()
        return MIXED_CASE.sub(lambda match: self._even(match[0]), text)

    def _even(self, word: str) -> str:
        apart = all(self._known(part) for part in humps(word))
        return word if apart or not self._known(word) else word.lower()

    def unspaced(self, match: re.Match[str]) -> str:
        """Return k i l l without the signs between its letters."""
        self._findings.append('spacing')
        return re.sub(r'[^a-zA-Z]', '', match[0])

    def with_k(self, match: re.Match[str]) -> str:
        """Return the letter that |< draws."""
        self._findings.append('leetspeak')
        return 'k'

    def unleeted(self, match: re.Match[str]) -> str:
        """Return a word with letters for the digits and signs in it."""
        word = match[0]
        core = word.rstrip('!|')
        known = self._leet_reading(core)
        if not known and (UNIT_LIKE.match(core) or not LEET_INSIDE.search(core)):
            return word
        self._findings.append('leetspeak')
        return known or core.translate(LEET)

    def _leet_reading(self, word: str) -> str:
        """Return the known word that `word` hides, empty for none and for units and labels."""
        vocabulary = self._vocabulary
        low = word.lower()
        if vocabulary is None or vocabulary.knows(low) or ALWAYS_UNIT.fullmatch(low):
            return ''
        if sum(not sign.isalpha() for sign in low) > MOST_SIGNS:
            return ''
        label = LABEL.fullmatch(low)
        if label is not None:
            short_code = word.isupper() and len(word) < 4
            if short_code or vocabulary.knows(label['before'] or label['after']):
                return ''
        fits = vocabulary.knows if label is None else vocabulary.is_verb
        letters = [sign if sign.isalpha() else LEET_READINGS.get(sign, '') for sign in low]
        readings = map(''.join, product(*letters))
        return next((reading for reading in readings if len(reading) > 2 and fits(reading)), '')

    def unstretched(self, match: re.Match[str]) -> str:
        """Return a word with one or two letters for three and more, as makes a known word."""
        word = match[0]
        vocabulary = self._vocabulary
        if vocabulary is not None and vocabulary.knows(word):
            return word
        self._findings.append('stretching')
        single = STRETCHED.sub(r'\1', word)
        if vocabulary is None or len(STRETCHED.findall(word)) > MOST_SIGNS:
            return single
        pieces = re.split(r'([a-zA-Z])\1{2,}', word)
        choices = [
            (piece + piece, piece) if index % 2 else (piece,) for index, piece in enumerate(pieces)
        ]
        readings = map(''.join, product(*choices))
        return next((reading for reading in readings if vocabulary.knows(reading)), single)

    def rejoined(self, match: re.Match[str]) -> str:
        """Return the first of two words, without the space when both make one known verb."""
        first, second = match[1], match[2]
        vocabulary = self._vocabulary
        assert vocabulary is not None
        if vocabulary.knows(first) or vocabulary.knows(second):
            return match[0]
        if not vocabulary.is_verb(first + second):
            return match[0]
        self._findings.append('spacing')
        return first

    def _known(self, word: str) -> bool:
        return self._vocabulary is None or self._vocabulary.knows(word)
