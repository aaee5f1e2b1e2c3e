"""Read which states a scene plainly asserts; only these may take a hazard away."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from eip_llm_interface.guard.words import Word, cut, spaced_out
from eip_llm_interface.knowledge.lexicon import OWNER
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['Assurance', 'assurance_of']

# One letter a word: D the, d any other determiner, N noun, C is, A now, S off, P in, & and, x else.
STATE = re.compile(r'(D?N(?:&D?N)*)CA*(S(?:&A*S)*)A*(?=&|$)')
PLACE = re.compile(r'[Dd]?N(?:&[Dd]?N)*CA*P[Dd]?N(?=&|$)')
DEFINITE = frozenset({'the', 'my', 'your', 'our', 'this', 'that', 'these', 'those', 'both', 'all'})
IS = frozenset({'is', 'are', 'has been', 'remains', 'stays', ':', OWNER})
PLAINLY = frozenset({'now', 'still', 'already', 'currently', 'also', 'completely', 'fully'})
AND = frozenset({'and', '&', 'but', ',', ';'})
ENDS = frozenset('.!?\n')
SWITCHED = frozenset({'on', 'off', 'hot', 'cold', 'burning', 'unlit'})


@dataclass
class Assurance:
    """What a scene plainly says of each thing, and its text with such statements apart."""

    text: str = ''
    marks: dict[str, frozenset[str]] = field(default_factory=dict)


def assurance_of(text: str, knowledge: Knowledge, names: Collection[str] = ()) -> Assurance:
    """Return the states that plain statements of `text` give to nouns and to `names`.

    'The stove is off and cold' is plain; what denies, doubts, asks, reports, looks back, sets a
    condition or tells of 'the left burner' is not, and takes away what is plainly said elsewhere.
    """
    spaced = spaced_out(text)
    apart = list(spaced)
    found: dict[str, frozenset[str]] = {}
    doubted: set[str] = set()
    for words, is_clear in _sentences(spaced, cut(text, knowledge)):
        letters = ''.join(
            _letter(word, words[index + 1 : index + 2], names) for index, word in enumerate(words)
        )
        clauses = _clauses(letters) if is_clear else None
        if clauses is None:
            if _marks(words, letters) & SWITCHED:
                doubted |= _nouns(words, letters)
            continue
        for clause in clauses:
            for word in words[clause.end() : clause.end() + 1]:
                apart[word.start : word.end] = '.'.ljust(word.end - word.start)
            if clause.re is STATE:
                said = words[clause.start() : clause.end()], clause[0]
                for name in _nouns(*said):
                    found[name] = found.get(name, frozenset()) | _marks(*said)
    kept = {name: marks for name, marks in found.items() if name not in doubted}
    return Assurance(''.join(apart), kept)


def _sentences(text: str, words: list[Word]) -> Iterator[tuple[list[Word], bool]]:
    """Return each sentence's words, and whether it is no question and holds nothing but words."""
    sentence: list[Word] = []
    is_clear, place = True, 0
    for word in words:
        is_clear &= not text[place : word.start].strip()
        place = max(place, word.end)
        if word.text not in ENDS:
            sentence.append(word)
            continue
        yield sentence, is_clear and word.text != '?'
        sentence, is_clear = [], True
    yield sentence, is_clear and not text[place:].strip()


def _clauses(letters: str) -> list[re.Match[str]] | None:
    """Return the plain clauses of a sentence, None unless it consists of them."""
    clauses = []
    place = 0
    while place < len(letters):
        clause = STATE.match(letters, place) or PLACE.match(letters, place)
        if clause is None:
            return None
        clauses.append(clause)
        place = clause.end()
        while letters[place : place + 1] == '&':
            place += 1
    return clauses


def _letter(word: Word, after: list[Word], names: Collection[str]) -> str:
    entry = word.entry
    if word.text in ('on', 'off'):
        phrase = any(w.entry.little in ('det', 'possessive') or w.entry.noun for w in after)
        return 'S' if not phrase else 'P' if word.text == 'on' else 'x'
    for letter, texts in (('C', IS), ('A', PLAINLY), ('D', DEFINITE), ('&', AND)):
        if word.text in texts:
            return letter
    if entry.noun is not None or word.text in names:
        return 'N'
    if entry.states:
        return 'S'
    return {'det': 'd', 'prep': 'P'}.get(entry.little, 'x')


def _nouns(words: list[Word], letters: str) -> set[str]:
    named = [word for word, letter in zip(words, letters, strict=True) if letter == 'N']
    return {word.entry.noun.name if word.entry.noun else word.text for word in named}


def _marks(words: list[Word], letters: str) -> frozenset[str]:
    marks: frozenset[str] = frozenset()
    for word, letter in zip(words, letters, strict=True):
        if letter == 'S':
            marks |= {word.text} if word.text in ('on', 'off') else word.entry.states
    return marks
