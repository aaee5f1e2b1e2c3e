"""Vectors of words from what WordNet and the project's own knowledge say of them.

A word's row holds what it is a kind of, the words of its glosses, what it is related to, and the
properties that `knowledge/` gives it, weighted by how rare each fact is (TF-IDF); the rows are
reduced by a truncated singular value decomposition (latent semantic analysis, Deerwester 1990).
So "kerosene" comes to lie beside "turpentine" though only one of them stands in the corpus.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training.wordnet import WORD, Key, WordNet

__all__ = ['WordFacts', 'word_vectors']

FARTHER = 0.85  # what each step up the kinds takes off
RELATED = 0.4
GLOSS = 0.5
KNOWN = 1.5
PHRASE = 0.3  # of a property known of a phrase, for its last word
LEAST_WORDS = 3  # a fact that holds of fewer says nothing of others

Facts = defaultdict[Hashable, float]


@dataclass(frozen=True)
class WordFacts:
    """Which facts hold of which word and how much: a sparse table [words, facts].

    `places` [n, 2] hold (row, column), `values` [n] go with them; a row has the length 1.
    """

    words: tuple[str, ...]
    facts: tuple[Hashable, ...]
    places: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, wordnet: WordNet, knowledge: Knowledge) -> WordFacts:
        """Return what is known of every word; the same sources number words and facts alike."""
        by_synset = {key: _facts(wordnet, key) for key in wordnet.synsets}
        known = _known(knowledge)
        frequency: Counter[Hashable] = Counter()
        for facts in (*by_synset.values(), *known.values()):
            frequency.update(facts.keys())
        telling = [fact for fact, number in frequency.items() if number >= LEAST_WORDS]
        columns = {fact: column for column, fact in enumerate(telling)}
        rarity = {fact: math.log(len(by_synset) / frequency[fact]) for fact in columns}
        words = sorted({*wordnet.senses, *known})
        where: list[tuple[int, int]] = []
        values: list[float] = []
        for row, word in enumerate(words):
            facts = _of_word(wordnet, word, by_synset, known)
            scaled = {fact: n * rarity[fact] for fact, n in facts.items() if fact in columns}
            length = math.sqrt(sum(value * value for value in scaled.values())) or 1.0
            where.extend((row, columns[fact]) for fact in scaled)
            values.extend(value / length for value in scaled.values())
        return cls(tuple(words), tuple(telling), np.array(where), np.array(values, np.float32))

    @property
    def digest(self) -> str:
        """Return a short hash of which facts hold of which word, in the table's order.

        The amounts are left out: in their last digits machines differ.
        """
        total = hashlib.sha256(repr((self.words, self.facts)).encode())
        total.update(self.places.astype('<i8').tobytes())
        return total.hexdigest()[:16]


def word_vectors(
    table: WordFacts, dimensions: int = 256, seed: int = 1
) -> tuple[dict[str, int], np.ndarray]:
    """Return (row by word, vectors [words, dimensions] of unit length); the seed settles it."""
    import torch

    size = (len(table.words), len(table.facts))
    places, values = torch.from_numpy(table.places).T, torch.from_numpy(table.values)
    sparse = torch.sparse_coo_tensor(places, values, size, check_invariants=True).coalesce()
    torch.manual_seed(seed)
    left, sizes, _ = torch.svd_lowrank(sparse, q=min(dimensions, *size), niter=4)
    vectors = torch.nn.functional.normalize(left * sizes.sqrt(), dim=1).numpy()
    return {word: row for row, word in enumerate(table.words)}, vectors


def _facts(wordnet: WordNet, key: Key) -> Facts:
    synset = wordnet.synsets[key]
    facts: Facts = defaultdict(float, {('field', synset.field, key[0]): 1.0})
    for kind, distance in wordnet.kinds(key):
        facts['kind', *kind] += FARTHER**distance
    for other in synset.related:
        facts['kind', *other] += RELATED
    for word in WORD.findall(synset.gloss.lower()):
        lemma = wordnet.lemma(word) if len(word) > 2 else None
        if lemma is not None:
            facts['gloss', lemma] += GLOSS
    return facts


def _known(knowledge: Knowledge) -> Mapping[str, Facts]:
    """Return the properties of things and the senses of verbs by word.

    Sets are read sorted: their own order is another in every process, and the facts' order here
    numbers the table's columns.
    """
    known: dict[str, Facts] = defaultdict(lambda: defaultdict(float))
    for name, entity in knowledge.entities.items():
        for wording in knowledge.wordings.get(name, (name,)):
            words = wording.split()
            share = 1.0 if len(words) == 1 else PHRASE
            for item in sorted(entity.properties):
                known[words[-1]]['is', item] += share
    for sense, wordings in knowledge.verbs:
        for wording in wordings:
            for item in (sense.name, *sorted(sense.effects)):
                known[wording.split()[0]]['does', item] += 1.0
    return {word: facts for word, facts in known.items() if WORD.fullmatch(word)}


def _of_word(
    wordnet: WordNet, word: str, by_synset: Mapping[Key, Facts], known: Mapping[str, Facts]
) -> Facts:
    total: Facts = defaultdict(float)
    for sense in wordnet.senses.get(word, ()):
        for fact, amount in by_synset[sense.synset].items():
            total[fact] += sense.weight * amount
    for fact, amount in known.get(word, {}).items():
        total[fact] += KNOWN * amount
    return total
