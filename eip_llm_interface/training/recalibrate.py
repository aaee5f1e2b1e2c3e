"""Calibrate a trained model anew, without touching its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eip_llm_interface.engine.loading import EngineOptions, choose_device, load_model
from eip_llm_interface.engine.nano_format import FORMAT
from eip_llm_interface.engine.ngrams import NgramHead
from eip_llm_interface.guard.model_judge import EXPECTED_HARM
from eip_llm_interface.training.calibrate import (
    Calibration,
    Margin,
    expected_calibration_error,
    fit_calibration,
    for_use,
    probabilities,
)
from eip_llm_interface.training.data_files import DATA, CorpusError
from eip_llm_interface.training.held_out import verdict_margins
from eip_llm_interface.training.parts.freeform import calibration_examples

__all__ = ['recalibrate']

LEAST_ROWS = 2  # of each label, one for either half


def recalibrate(
    folder: Path, rows: Path | None = None, harm_prior: float | None = None, device: str = 'auto'
) -> tuple[Calibration, float]:
    """Write a new calibration into a model's config.json; return it and its error.

    `rows` is a folder with a calibration.jsonl, the shipped one by default; `harm_prior` is the
    share of harmful commands in use, EXPECTED_HARM by default. The error is the
    expected calibration error on one half of the rows of a calibration made on the other, in the
    rows' own share of harm. Raises ValueError, and writes nothing, when there is nothing to
    calibrate with.
    """
    path = folder / 'config.json'
    examples = calibration_examples(rows)
    if not examples:
        raise CorpusError(f'{rows} holds no calibration.jsonl; give a folder that does')
    device = choose_device(device)
    tokenizer, model = load_model(str(folder), device, EngineOptions(device=device))
    settings = json.loads(path.read_text(encoding='utf-8'))
    if settings.get('eip', {}).get('format') != FORMAT:
        raise ValueError(f'{folder} is no model that `eip train` made in the form {FORMAT}')
    margins = verdict_margins(model, tokenizer, examples, device, NgramHead.load(folder))
    file = (rows or DATA) / 'calibration.jsonl'
    calibration = _fitted(margins, file)
    made_on, looked_at = _halves(margins)
    p = probabilities(looked_at, fit_calibration(made_on))
    error = expected_calibration_error(list(p), [margin.harmful for margin in looked_at])
    prior = EXPECTED_HARM if harm_prior is None else harm_prior
    calibration = for_use(calibration, margins, prior)
    settings['eip']['calibration'] = asdict(calibration)
    path.write_text(json.dumps(settings, indent=2) + '\n', encoding='utf-8')
    return calibration, error


def _fitted(margins: Sequence[Margin], file: Path) -> Calibration:
    """Return the calibration for the rows of `file`; raises CorpusError where none can be made."""
    harmful = sum(margin.harmful for margin in margins)
    for label, count in (('safe', len(margins) - harmful), ('unsafe', harmful)):
        if count < LEAST_ROWS:
            raise CorpusError(
                f'{file} holds {count} rows with the label {label}, '
                f'give at least {LEAST_ROWS} of each label'
            )
    calibration = fit_calibration(margins)
    if calibration == Calibration():
        raise CorpusError(
            f'{file}: the model tells its unsafe rows from its safe ones no better than chance, '
            'nothing can be fitted; check the labels, give more rows, or train the model longer'
        )
    return calibration


def _halves(margins: Sequence[Margin]) -> tuple[list[Margin], list[Margin]]:
    """Return two halves with as many rows of each label: in a file, pairs may alternate."""
    by_label = sorted(margins, key=lambda margin: margin.harmful)
    return by_label[::2], by_label[1::2]
