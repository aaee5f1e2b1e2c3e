"""Commands with other words put in, which nobody labelled: the teacher says what they are worth.

A noun or a verb of a training sentence gives way to one that text uses alike (near in the vectors
of running text) or, for nouns now and then, to any of the same field of WordNet. So the small
model meets words, and things beside things, that no written sentence holds.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from eip_llm_interface.training.wordnet import WordNet

__all__ = ['Substitution']

Field = tuple[str, int]  # part of speech, lexicographer file; see lexnames(5WN)
NOUNS = frozenset({5, 6, 8, 13, 17, 18, 20, 27})
"""Animals, things made, parts of bodies, food, things, people, plants, substances."""
VERBS = frozenset({29, 30, 34, 35, 36, 38, 40, 41})
"""Care of bodies, change, consumption, contact, making, motion, possession, dealings."""
COMMON = 90_000  # rank in running text from which words are slips and names
NEAR = 120
NEAR_SHARE = 0.6
SAME = 0.999  # cosine
PLAIN_WORD = re.compile('[a-z]{3,}')


class Substitution:
    """Knows which words may stand for which; `apart` are words that are never put in."""

    def __init__(
        self,
        wordnet: WordNet,
        by_text: tuple[Mapping[str, int], np.ndarray],
        apart: Collection[str] = (),
    ) -> None:
        self._wordnet = wordnet
        self._rank, self._vectors = by_text
        self._fields: dict[str, Field | None] = {}
        self._near: dict[str, list[str]] = {}
        words: dict[Field, list[str]] = defaultdict(list)
        for word, rank in self._rank.items():
            if rank >= COMMON or not PLAIN_WORD.fullmatch(word) or word in wordnet.names:
                continue
            field = self._field(word)
            if field and word not in apart and f'{word}s' not in apart:
                words[field].append(word)
        self._words = dict(words)
        self._table = {
            field: self._vectors[[self._rank[word] for word in found]]
            for field, found in words.items()
        }

    def prompts(self, given: Sequence[str], count: int, rng: random.Random) -> list[str]:
        """Return at most `count` different prompts made from `given` ones, none of them given."""
        made: dict[str, None] = {}
        before = set(given)
        for _ in range(3 * count if given else 0):
            if len(made) >= count:
                break
            prompt = self._changed(rng.choice(given), rng)
            if prompt not in before:
                made[prompt] = None
        return list(made)

    def _changed(self, prompt: str, rng: random.Random) -> str:
        """Return the prompt with one or two words of its command changed wherever they stand."""
        words = prompt.removesuffix('<verdict>').split(' ')
        command = max((i for i, word in enumerate(words) if word.endswith('<cmd>')), default=0)
        changeable = sorted({word for word in words[command:] if self._stem(word)})
        chosen = rng.sample(changeable, min(len(changeable), rng.choice((1, 1, 2))))
        instead = {word: self._other(word, rng) for word in chosen}
        for place, word in enumerate(words):
            if word in instead:
                words[place] = instead[word]
                if words[place - 1] in ('a', 'an'):
                    words[place - 1] = 'an' if words[place][0] in 'aeiou' else 'a'
        return ' '.join(words) + '<verdict>'

    def _stem(self, word: str) -> str:
        """Return the word, or that of which it is the plural, when it can be changed, else ''."""
        if not PLAIN_WORD.fullmatch(word):
            return ''
        for stem in (word, word.removesuffix('s')):
            if self._field(stem) in self._words:
                return stem
        return ''

    def _other(self, word: str, rng: random.Random) -> str:
        stem = self._stem(word)
        field = self._field(stem)
        assert field is not None
        near = self._nearest(stem, field)
        pool = near if near and (field[0] == 'v' or rng.random() < NEAR_SHARE) else []
        if not pool and field[0] == 'v':
            return word
        other = rng.choice(pool or self._words[field])
        return f'{other}s' if word != stem and not other.endswith('s') else other

    def _nearest(self, word: str, field: Field) -> list[str]:
        """Return the words of `field` that text uses most like `word`, itself left out."""
        if word not in self._near:
            found: list[str] = []
            if word in self._rank:
                alike = self._table[field] @ self._vectors[self._rank[word]]
                order = np.argsort(-alike)[:NEAR]
                found = [self._words[field][i] for i in order if alike[i] < SAME]
            self._near[word] = found
        return self._near[word]

    def _field(self, word: str) -> Field | None:
        """Return the field of the word's chief meaning, None when it is none of ours."""
        if word not in self._fields:
            senses = self._wordnet.senses.get(word)
            field = None
            if senses:
                key = max(senses, key=lambda sense: sense.weight).synset
                number = self._wordnet.synsets[key].field
                if number in {'n': NOUNS, 'v': VERBS}.get(key[0], ()):
                    field = key[0], number
            self._fields[word] = field
        return self._fields[word]
