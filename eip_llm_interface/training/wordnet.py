"""Read the WordNet database: senses of words, their kinds and their glosses."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ['WORDNET_FOLDER', 'Sense', 'Synset', 'WordNet', 'WordNetError']

WORDNET_FOLDER = Path('/usr/share/wordnet')
PARTS = {'noun': 'n', 'verb': 'v', 'adj': 'a', 'adv': 'r'}
PART_NUMBERS = {'n': '1', 'v': '2', 'a': '3', 'r': '4'}
KIND_OF = ('@', '@i')
ENDINGS = (
    ('ies', 'y'), ('es', 'e'), ('es', ''), ('s', ''), ('ing', ''), ('ing', 'e'), ('ed', ''),
    ('ed', 'e'), ('er', ''), ('ly', ''),
)  # fmt: skip
WORD = re.compile('[a-z]+')

Key = tuple[str, str]  # part of speech, offset


class WordNetError(ValueError):
    """The database cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class Synset:
    """One meaning: its lexicographer file, what it is a kind of, what it points to, its gloss."""

    field: int
    kinds: tuple[Key, ...]
    related: tuple[Key, ...]
    gloss: str


@dataclass(frozen=True)
class Sense:
    """One meaning of a word and how much it counts: often tagged ones more, later ones less."""

    synset: Key
    weight: float


@dataclass(frozen=True)
class WordNet:
    """Words (one word, lower case) with their senses; see wndb(5WN) for the files' form.

    `irregular` leads forms to their word; `names` are the words always written with a capital.
    """

    synsets: dict[Key, Synset]
    senses: dict[str, tuple[Sense, ...]]
    irregular: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path = WORDNET_FOLDER) -> WordNet:
        """Return the database in `folder`; raises WordNetError."""
        try:
            synsets: dict[Key, Synset] = {}
            written: set[str] = set()
            for key, synset, words in _synsets(folder):
                synsets[key] = synset
                written.update(words)
            irregular = {
                fields[0]: fields[1]
                for part in PARTS
                for line in _lines(folder / f'{part}.exc')
                if len(fields := line.split()) > 1
            }
            senses = _senses(folder)
            return cls(synsets, senses, irregular, frozenset(senses.keys() - written))
        except (OSError, UnicodeDecodeError) as error:
            raise WordNetError(
                f'WordNet in {folder} cannot be read ({error}); install the Debian package '
                'wordnet-base, or name the folder of its data files'
            ) from None
        except (IndexError, ValueError) as error:
            raise WordNetError(
                f'WordNet in {folder} is not in the form of wndb(5WN) ({error}); '
                'install the Debian package wordnet-base'
            ) from None

    def lemma(self, word: str) -> str | None:
        """Return the dictionary form of a lower-case word, None when it is unknown."""
        if word in self.irregular and self.irregular[word] in self.senses:
            return self.irregular[word]
        if word in self.senses:
            return word
        for ending, instead in ENDINGS:
            if not word.endswith(ending):
                continue
            stem = word[: -len(ending)]
            if stem + instead in self.senses:
                return stem + instead
            doubled = len(stem) > 2 and stem[-1] == stem[-2] and ending in ('ing', 'ed')
            if doubled and stem[:-1] in self.senses:
                return stem[:-1]
        return None

    def kinds(self, key: Key) -> Iterator[tuple[Key, int]]:
        """Yield a meaning and everything it is a kind of, each once, with its distance."""
        seen: set[Key] = set()
        rank, distance = [key], 0
        while rank:
            following: list[Key] = []
            for item in rank:
                if item not in seen:
                    seen.add(item)
                    yield item, distance
                    following.extend(self.synsets[item].kinds)
            rank, distance = following, distance + 1


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding='utf-8') as file:
        yield from (line for line in file if not line.startswith(' '))


def _synsets(folder: Path) -> Iterator[tuple[Key, Synset, list[str]]]:
    """Yield each meaning with its words as they are written."""
    for part, letter in PARTS.items():
        for line in _lines(folder / f'data.{part}'):
            facts, _, gloss = line.partition('|')
            fields = facts.split()
            start = 4 + 2 * int(fields[3], 16)
            pointers = [
                (fields[at], (fields[at + 2].replace('s', 'a'), fields[at + 1]))
                for at in range(start + 1, start + 1 + 4 * int(fields[start]), 4)
            ]
            kinds = tuple(key for sign, key in pointers if sign in KIND_OF)
            related = tuple(key for sign, key in pointers if sign not in (*KIND_OF, '!', '~', '~i'))
            # An adjective may carry its place, as in ajar(p).
            words = [word.partition('(')[0] for word in fields[4:start:2]]
            synset = Synset(int(fields[1]), kinds, related, gloss.strip())
            yield (letter, fields[0]), synset, words


def _senses(folder: Path) -> dict[str, tuple[Sense, ...]]:
    tagged: Counter[tuple[str, str, int]] = Counter()
    for line in _lines(folder / 'cntlist.rev'):
        key, rank, times = line.split()
        word, _, rest = key.partition('%')
        tagged[word, rest[0], int(rank)] += int(times)
    found: dict[str, list[Sense]] = defaultdict(list)
    for part, letter in PARTS.items():
        for line in _lines(folder / f'index.{part}'):
            fields = line.split()
            word, count = fields[0], int(fields[2])
            if not WORD.fullmatch(word):
                continue
            for number, offset in enumerate(fields[-count:], 1):
                seen = tagged[word, PART_NUMBERS[letter], number]
                found[word].append(Sense((letter, offset), (seen + 0.5) / number**0.5))
    return {word: tuple(senses) for word, senses in found.items()}
