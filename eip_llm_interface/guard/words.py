"""Cut a text into words that know what they can mean."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from eip_llm_interface.knowledge.lexicon import Entry, endings_apart
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = [
    'MIXED_CASE',
    'NOTHING',
    'Word',
    'alternates',
    'base_letters',
    'camel_apart',
    'cut',
    'humps',
    'spaced_out',
]

CAMEL = re.compile(r'(?<=[a-z])(?=[A-Z])')
MIXED_CASE = re.compile(r'(?<![A-Za-z])[A-Za-z]*[a-z][A-Z][A-Za-z]*')
SHORT_WORDS = 'a ac at by do go id in is it me my no of on pc so to tv up we'
SHORT_PARTS = frozenset(SHORT_WORDS.split())
TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)*|[§,;:.!?()\n\"%]|°c?")
QUOTES = str.maketrans(
    {'’': "'", '‘': "'", '`': "'", '“': '"', '”': '"', '_': ' ', '-': ' ', '–': ' '}
)
NO_ACCENT = str.maketrans('ØøÆæŁłĐđÐðŒœßẞıÞþ', 'OoAaLlDdDdOossiTt')
CONTRACTIONS = re.compile(r"\b(?:don't|dont|do not|doesn't|mustn't|shouldn't|can't|cannot|won't)\b")
NOTHING = Entry()
TITLES = frozenset(
    {
        'mr',
        'mrs',
        'ms',
        'dr',
        'miss',
        'sir',
        'madam',
        'frau',
        'herr',
        'uncle',
        'aunt',
        'auntie',
        'sister',
    }
)


@dataclass
class Word:
    """A word or phrase with its entry; `capital` when it stood with a capital letter inside."""

    text: str
    entry: Entry
    start: int
    end: int
    capital: bool = False
    number: float | None = None


def cut(text: str, knowledge: Knowledge) -> list[Word]:
    """Return the words of `text`; positions count in the text with CamelCase spaced out."""
    spaced = base_letters(spaced_out(text))
    low = endings_apart(spaced.lower())
    matches = [(match[0], match.start(), match.end()) for match in TOKEN.finditer(low)]
    tokens = [match[0] for match in matches]
    words: list[Word] = []
    index = 0
    while index < len(tokens):
        idiom = knowledge.idioms.match(tokens, index)
        if idiom is not None:
            length, entry = idiom
            _append_all(words, entry.value.split(), matches, index, length, knowledge)
            index += length
            continue
        index += _append_one(words, tokens, matches, index, spaced, knowledge)
    return words


def spaced_out(text: str) -> str:
    """Return `text` with CamelCase, hyphens and underscores as spaces."""
    return camel_apart(text).translate(QUOTES)


def base_letters(text: str) -> str:
    """Return `text` of the same length with accents taken off its Latin letters: Åsa is Asa."""
    if text.isascii():
        return text
    return ''.join(_base_letter(letter) for letter in text.translate(NO_ACCENT))


def _base_letter(letter: str) -> str:
    base = letter if letter.isascii() else unicodedata.normalize('NFKD', letter)[0]
    return base if base.isascii() and base.isalpha() else letter


def camel_apart(text: str) -> str:
    """Return `text` with CamelCase as words; a word wRiTtEn LiKe this becomes lower case."""

    def apart(match: re.Match[str]) -> str:
        word = match[0]
        return word.lower() if alternates(word) else CAMEL.sub(' ', word)

    return MIXED_CASE.sub(apart, text)


def alternates(word: str) -> bool:
    """Return whether the case of `word` alternates rather than parts it: kIlL, sTAB, not PickUp."""
    parts = humps(word)
    odd = [part for part in parts if len(part) < 3 and part.lower() not in SHORT_PARTS]
    return len(odd) > 1 or (len(parts) == 2 and len(parts[0]) == 1 and parts[1].isupper())


def humps(word: str) -> list[str]:
    """Return the parts of a CamelCase word."""
    return CAMEL.split(word)


def _append_one(
    words: list[Word],
    tokens: list[str],
    matches: list[tuple[str, int, int]],
    index: int,
    spaced: str,
    knowledge: Knowledge,
) -> int:
    start = matches[index][1]
    found = knowledge.lexicon.match(tokens, index)
    if found is None or _titled(tokens, index, spaced[start]):
        token = tokens[index]
        number = _number(token)
        capital = spaced[start].isupper() and index > 0 and tokens[index - 1] not in '.!?\n":'
        words.append(Word(token, NOTHING, start, matches[index][2], capital, number))
        return 1
    length, entry = found
    end = matches[index + length - 1][2]
    words.append(Word(' '.join(tokens[index : index + length]), entry, start, end))
    return length


def _titled(tokens: list[str], index: int, letter: str) -> bool:
    """Return whether a capital letter after a title starts a surname: 'Mrs Wright'."""
    place = index - 2 if index > 1 and tokens[index - 1] == '.' else index - 1
    return place >= 0 and letter.isupper() and tokens[place] in TITLES


def _append_all(
    words: list[Word],
    meaning: list[str],
    matches: list[tuple[str, int, int]],
    index: int,
    length: int,
    knowledge: Knowledge,
) -> None:
    start, end = matches[index][1], matches[index + length - 1][2]
    position = 0
    while position < len(meaning):
        found = knowledge.lexicon.match(meaning, position)
        size, entry = found if found is not None else (1, NOTHING)
        words.append(Word(' '.join(meaning[position : position + size]), entry, start, end))
        position += size


def _number(token: str) -> float | None:
    if not token[0].isdigit():
        return None
    try:
        return float(token.replace(',', ''))
    except ValueError:
        return None
