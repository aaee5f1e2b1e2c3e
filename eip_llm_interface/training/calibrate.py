"""Turn the model's margins into probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = [
    'Calibration',
    'Margin',
    'expected_calibration_error',
    'fit_calibration',
    'for_prior',
    'for_use',
    'probabilities',
    'share_weights',
]

MARGIN_LIMIT = 40.0
LARGEST_TEMPERATURE = 50.0
NEWTON_STEPS = 25
RIDGE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """p_harm = sigmoid(model / temperature + ngram_weight * ngrams + bias), both log odds."""

    temperature: float = 1.0
    bias: float = 0.0
    ngram_weight: float = 0.0


@dataclass(frozen=True)
class Margin:
    """Log odds of harm of one text by the model's next token and by its word sequences."""

    model: float
    ngrams: float
    harmful: bool


def probabilities(margins: Sequence[Margin], calibration: Calibration) -> np.ndarray:
    """Return the calibrated probability of harm for each margin."""
    odds = _features(margins) @ np.array(
        [1.0 / calibration.temperature, calibration.ngram_weight, calibration.bias]
    )
    return 1.0 / (1.0 + np.exp(-odds))


def fit_calibration(margins: Sequence[Margin]) -> Calibration:
    """Return the calibration with the least log loss.

    Logistic regression on both log odds by Newton's method (Platt 1999 with one more feature);
    what would count against itself is left out. The identity when one class is missing, or when
    the model's log odds say nothing, since nothing can be fitted then.
    """
    harmful = np.array([margin.harmful for margin in margins], dtype=float)
    if not harmful.any() or harmful.all():
        return Calibration()
    features = _features(margins)
    weights = _newton(features, harmful)
    if weights[1] < 0.0:
        features[:, 1] = 0.0
        weights = _newton(features, harmful)
    if weights[0] * LARGEST_TEMPERATURE <= 1.0:
        return Calibration()
    return Calibration(1.0 / float(weights[0]), float(weights[2]), float(weights[1]))


def _features(margins: Sequence[Margin]) -> np.ndarray:
    rows = np.array([(item.model, item.ngrams, 1.0) for item in margins]).reshape(-1, 3)
    return np.clip(rows, -MARGIN_LIMIT, MARGIN_LIMIT)


def _newton(features: np.ndarray, harmful: np.ndarray) -> np.ndarray:
    """Return the weights of a logistic regression with a trace of ridge, by Newton's method."""
    weights = np.zeros(features.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -MARGIN_LIMIT, MARGIN_LIMIT)))
        slope = features.T @ (p - harmful) + RIDGE * weights
        bend = (features.T * (p * (1.0 - p))) @ features + RIDGE * np.eye(len(weights))
        weights -= np.linalg.solve(bend, slope)
    return weights


def for_prior(calibration: Calibration, share: float, prior: float) -> Calibration:
    """Return a calibration made where `share` is harmful, moved to where `prior` is.

    Bayes' rule: the log odds move by the difference of the priors' log odds (Elkan 2001).
    """
    moved = np.log(prior / (1 - prior)) - np.log(share / (1 - share))
    return replace(calibration, bias=calibration.bias + float(moved))


def for_use(calibration: Calibration, margins: Sequence[Margin], prior: float) -> Calibration:
    """Return `calibration`, made on `margins`, moved to where `prior` is harmful."""
    harmful = [margin.harmful for margin in margins]
    if not any(harmful) or all(harmful):
        return calibration
    return for_prior(calibration, sum(harmful) / len(harmful), prior)


def share_weights(harmful: Sequence[bool], harm_share: float | None = None) -> np.ndarray:
    """Return a weight for each row with which `harm_share` of all is harmful; 1 each for None.

    Rows of one class alone keep the weight 1.
    """
    truth = np.asarray(harmful, dtype=bool)
    found = truth.mean() if len(truth) else 0.0
    if harm_share is None or not 0.0 < found < 1.0:
        return np.ones(len(truth))
    return np.where(truth, harm_share / found, (1.0 - harm_share) / (1.0 - found))


def expected_calibration_error(
    p: Sequence[float],
    harmful: Sequence[bool],
    bins: int = 10,
    harm_share: float | None = None,
) -> float:
    """Return the mean gap between probability and frequency over equal bins (Naeini 2015).

    With `harm_share` the rows are weighted as if that share of them were harmful.
    """
    probability, truth = np.asarray(p, dtype=float), np.asarray(harmful, dtype=float)
    if not len(probability):
        return 0.0
    weights = share_weights(harmful, harm_share)
    index = np.minimum((probability * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        inside = index == number
        if inside.any():
            gap = abs(((probability - truth) * weights)[inside].sum())
            total += gap / weights.sum()
    return float(total)
