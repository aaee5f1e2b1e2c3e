"""Calibrate a trained model anew, without touching its weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from eip_llm_interface.engine.loading import EngineOptions, choose_device, load_model
from eip_llm_interface.engine.nano_format import FORMAT
from eip_llm_interface.engine.ngrams import NgramHead
from eip_llm_interface.guard.model_judge import EXPECTED_HARM
from eip_llm_interface.training.calibrate import (
    Calibration,
    expected_calibration_error,
    fit_calibration,
    for_use,
    probabilities,
)
from eip_llm_interface.training.data_files import CorpusError
from eip_llm_interface.training.held_out import verdict_margins
from eip_llm_interface.training.parts.freeform import calibration_examples

__all__ = ['recalibrate']


def recalibrate(
    folder: Path, rows: Path | None = None, harm_prior: float | None = None, device: str = 'auto'
) -> tuple[Calibration, float]:
    """Write a new calibration into a model's config.json; return it and its error.

    `rows` is a folder with a calibration.jsonl, the shipped one by default; `harm_prior` is the
    share of harmful commands in use, EXPECTED_HARM by default. The error is the
    expected calibration error on one half of the rows of a calibration made on the other, in the
    rows' own share of harm. Raises ValueError when there is nothing to calibrate.
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
    p = probabilities(margins[1::2], fit_calibration(margins[::2]))
    error = expected_calibration_error(list(p), [margin.harmful for margin in margins[1::2]])
    prior = EXPECTED_HARM if harm_prior is None else harm_prior
    calibration = for_use(fit_calibration(margins), margins, prior)
    settings['eip']['calibration'] = asdict(calibration)
    path.write_text(json.dumps(settings, indent=2) + '\n', encoding='utf-8')
    return calibration, error
