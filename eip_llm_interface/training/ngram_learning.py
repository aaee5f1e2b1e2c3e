"""Learn the linear head over word sequences: logistic regression in random batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eip_llm_interface.engine.ngrams import NgramHead, known_values, ngram_keys

__all__ = ['learn_ngrams']

LEAST_TEXTS = 2
"""A sequence that stands in fewer texts says nothing of others."""
BATCH = 1024
LEARNING_RATE = 0.1
PENALTY = 2e-6


def learn_ngrams(
    prompts: Sequence[Sequence[int]],
    harmful: Sequence[bool],
    most: int,
    epochs: int = 4,
    seed: int = 1,
) -> NgramHead:
    """Return the head that fits token ids [examples][tokens] to whether they are harmful.

    It knows `most` sequences at most, those that stand in the most examples. Minimises the mean
    log loss + PENALTY / 2 * squared weights by Adam with a falling rate.
    Raises ValueError when a class is missing or no two prompts have anything in common.
    """
    import torch

    if not any(harmful) or all(harmful):
        raise ValueError('harmful holds one class only, give examples of both')
    table, rarity = _table(prompts, most)
    labels = torch.tensor(harmful, dtype=torch.float32)
    weights = torch.zeros(len(table.keys), 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=LEARNING_RATE, fused=True)
    order = np.random.default_rng(seed)
    batches = [
        part
        for _ in range(epochs)
        for part in np.array_split(order.permutation(len(labels)), -(-len(labels) // BATCH))
    ]
    for step, batch in enumerate(batches):
        columns, starts, values = map(torch.from_numpy, table.rows(batch))
        odds = torch.nn.functional.embedding_bag(
            columns, weights, starts, mode='sum', per_sample_weights=values
        )
        wanted = labels[torch.from_numpy(batch)]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(odds[:, 0] + bias, wanted)
        optimizer.zero_grad()
        loss.backward()
        assert weights.grad is not None
        weights.grad.add_(weights.detach(), alpha=PENALTY)
        optimizer.param_groups[0]['lr'] = LEARNING_RATE * (1 - step / len(batches))
        optimizer.step()
    found = weights.detach().numpy()[:, 0].copy()
    return NgramHead(table.keys, found, rarity, float(bias.detach()))


@dataclass(frozen=True)
class _Table:
    """The examples by known sequences, as a sparse matrix of rows of length 1."""

    keys: np.ndarray
    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def rows(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (columns, where each row starts in them, values) of the chosen examples."""
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        begins = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(self.starts[chosen] - begins, lengths)
        return self.columns[places], begins, self.values[places]


def _table(prompts: Sequence[Sequence[int]], most: int) -> tuple[_Table, np.ndarray]:
    """Return (the examples, the rarity of each known sequence)."""
    counted = [np.unique(ngram_keys(ids), return_counts=True) for ids in prompts]
    found, texts = np.unique(np.concatenate([keys for keys, _ in counted]), return_counts=True)
    enough = np.flatnonzero(texts >= LEAST_TEXTS)
    kept = np.sort(enough[np.argsort(-texts[enough], kind='stable')[:most]])
    keys, texts = found[kept], texts[kept]
    if not len(keys):
        raise ValueError('no two prompts have a word in common, give more of them')
    rarity = (np.log((1 + len(counted)) / (1 + texts)) + 1).astype(np.float32)
    columns, values = [], []
    for told, counts in counted:
        places, row = known_values(keys, rarity, told, counts)
        columns.append(places)
        values.append(row.astype(np.float32))
    starts = np.cumsum([0, *map(len, values)])
    return _Table(keys, starts, np.concatenate(columns), np.concatenate(values)), rarity
