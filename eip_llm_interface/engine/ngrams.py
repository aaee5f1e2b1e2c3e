"""A linear head over a command's word sequences, beside the language model's verdict.

A small model learns slowly which few words stand together in harmful commands; a linear model
over sequences of one to three tokens learns just that at once, and knows nothing else. Their log
odds are added ("wide and deep", Cheng et al. 2016). Sequences are weighted by how rare they are
(TF-IDF), and a text's values are scaled to length 1. A sequence is known by a 32-bit hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ['NGRAM_FILE', 'NgramHead', 'known_values', 'ngram_keys']

NGRAM_FILE = 'model.ngrams.safetensors'
LONGEST = 3
MULTIPLIERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64
)


def ngram_keys(ids: Sequence[int]) -> np.ndarray:
    """Return the 32-bit key of every sequence of one to three of the token ids."""
    tokens = np.asarray(ids, dtype=np.uint64) + np.uint64(1)
    found = []
    for length in range(1, min(LONGEST, len(tokens)) + 1):
        keys = np.zeros(len(tokens) - length + 1, dtype=np.uint64)
        for place in range(length):
            keys += tokens[place : len(tokens) - length + 1 + place] * MULTIPLIERS[place]
        keys ^= keys >> np.uint64(31)
        found.append((keys * MULTIPLIERS[1]) >> np.uint64(32))
    return np.concatenate(found).astype(np.uint32) if found else np.zeros(0, dtype=np.uint32)


def known_values(
    keys: np.ndarray, rarity: np.ndarray, told: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (places in `keys`, TF-IDF values scaled to length 1) of the known ones of `told`.

    `keys` [n] are sorted, `rarity` [n] goes with them; `told` [m] stand `counts` [m] times.
    """
    places = np.minimum(np.searchsorted(keys, told), len(keys) - 1)
    known = keys[places] == told
    places = places[known]
    values = (1.0 + np.log(counts[known])) * rarity[places]
    return places, values / (np.sqrt(values @ values) or 1.0)


class NgramHead:
    """What each known sequence speaks for.

    `keys` [n] are sorted, `weights` [n] log odds of harm per unit, `rarity` [n] the inverse
    document frequencies, `bias` the log odds of a text of which nothing is known.
    """

    def __init__(
        self, keys: np.ndarray, weights: np.ndarray, rarity: np.ndarray, bias: float
    ) -> None:
        if not len(keys) == len(weights) == len(rarity) > 0:
            raise ValueError(
                f'{len(keys)} keys, {len(weights)} weights and {len(rarity)} rarities: '
                'give one of each for every sequence'
            )
        self._keys = keys
        self._weights = weights
        self._rarity = rarity
        self._bias = bias

    def margin(self, ids: Sequence[int]) -> float:
        """Return the log odds of harm that the tokens `ids` of one prompt speak for."""
        found = np.unique(ngram_keys(ids), return_counts=True)
        places, values = known_values(self._keys, self._rarity, *found)
        return self._bias + float(values @ self._weights[places])

    def save(self, folder: Path) -> Path:
        """Write the head into a model's folder, weights as 8-bit integers; return the path."""
        from safetensors.numpy import save_file

        scale = max(float(np.abs(self._weights).max()), 1e-12) / 127
        path = folder / NGRAM_FILE
        tensors = {
            'keys': self._keys,
            'weights': np.round(self._weights / scale).astype(np.int8),
            'rarity': self._rarity.astype(np.float16),
            'scale_and_bias': np.array([scale, self._bias], dtype=np.float32),
        }
        save_file(tensors, path)
        path.chmod(0o644)
        return path

    @classmethod
    def load(cls, folder: Path) -> NgramHead | None:
        """Return the head in a model's folder, None where there is none; raises ValueError."""
        from safetensors.numpy import load_file

        path = folder / NGRAM_FILE
        if not path.is_file():
            return None
        try:
            stored = load_file(path)
            scale, bias = map(float, stored['scale_and_bias'])
            weights = stored['weights'].astype(np.float32) * scale
            return cls(stored['keys'], weights, stored['rarity'].astype(np.float32), bias)
        except Exception as error:
            raise ValueError(f'{path} cannot be used ({error!r}); copy it again') from None
