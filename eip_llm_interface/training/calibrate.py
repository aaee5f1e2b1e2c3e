"""Turn the model's margins into probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    'Calibration',
    'expected_calibration_error',
    'fit_calibration',
    'for_prior',
    'for_use',
    'probabilities',
]

MARGIN_LIMIT = 40.0


@dataclass(frozen=True)
class Calibration:
    """p_harm = sigmoid(margin / temperature + bias)."""

    temperature: float = 1.0
    bias: float = 0.0


def probabilities(margins: Sequence[float], calibration: Calibration) -> np.ndarray:
    """Return the calibrated probability of harm for each margin."""
    values = np.clip(np.asarray(margins, dtype=float), -MARGIN_LIMIT, MARGIN_LIMIT)
    return 1.0 / (1.0 + np.exp(-(values / calibration.temperature + calibration.bias)))


def fit_calibration(labelled: Sequence[tuple[float, bool]]) -> Calibration:
    """Return the calibration with the least log loss on (margin, is harmful) pairs.

    Platt scaling (Platt 1999) by a grid over temperature and bias; the identity when one class is
    missing, since nothing can be fitted then.
    """
    harmful = np.array([harm for _, harm in labelled], dtype=bool)
    if not harmful.any() or harmful.all():
        return Calibration()
    margins = [margin for margin, _ in labelled]
    best = (np.inf, Calibration())
    for temperature in np.geomspace(0.5, 8.0, 33):
        for bias in np.linspace(-2.0, 2.0, 21):
            tried = Calibration(float(temperature), float(bias))
            p = np.clip(probabilities(margins, tried), 1e-6, 1 - 1e-6)
            loss = float(-np.mean(np.where(harmful, np.log(p), np.log1p(-p))))
            if loss < best[0]:
                best = (loss, tried)
    return best[1]


def for_prior(calibration: Calibration, share: float, prior: float) -> Calibration:
    """Return a calibration made where `share` is harmful, moved to where `prior` is.

    Bayes' rule: the log odds move by the difference of the priors' log odds (Elkan 2001).
    """
    moved = np.log(prior / (1 - prior)) - np.log(share / (1 - share))
    return Calibration(calibration.temperature, calibration.bias + float(moved))


def for_use(
    calibration: Calibration, labelled: Sequence[tuple[float, bool]], prior: float
) -> Calibration:
    """Return `calibration`, made on `labelled` pairs, moved to where `prior` is harmful."""
    harmful = [harm for _, harm in labelled]
    if not any(harmful) or all(harmful):
        return calibration
    return for_prior(calibration, sum(harmful) / len(harmful), prior)


def expected_calibration_error(
    p: Sequence[float], harmful: Sequence[bool], bins: int = 10
) -> float:
    """Return the mean gap between probability and frequency over equal bins (Naeini 2015)."""
    probability, truth = np.asarray(p, dtype=float), np.asarray(harmful, dtype=float)
    if not len(probability):
        return 0.0
    index = np.minimum((probability * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        inside = index == number
        if inside.any():
            gap = abs(probability[inside].mean() - truth[inside].mean())
            total += gap * inside.sum() / len(probability)
    return float(total)
