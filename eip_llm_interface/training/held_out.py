"""Look at a trained model through the corpus' held-out part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eip_llm_interface.engine.nano_format import CATEGORIES
from eip_llm_interface.engine.ngrams import NgramHead
from eip_llm_interface.engine.plan_vocabulary import PlanVocabulary
from eip_llm_interface.training.calibrate import (
    Calibration,
    Margin,
    expected_calibration_error,
    probabilities,
)
from eip_llm_interface.training.example import Example

__all__ = ['held_out_figures', 'verdict_margins']

PLANS_TRIED = 200
MOST_VERDICTS = 6000


def verdict_margins(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    device: str,
    ngrams: NgramHead | None = None,
) -> list[Margin]:
    """Return the log odds of harm for every held-out verdict."""
    import torch

    chosen = [item for item in examples if not item.is_plan][:MOST_VERDICTS]
    answers = tokenizer.convert_tokens_to_ids(['<safe>', *(f'<{name}>' for name in CATEGORIES)])
    found: list[Margin] = []
    for start in range(0, len(chosen), 64):
        part = chosen[start : start + 64]
        ids, last = _right_padded([item.prompt for item in part], tokenizer, device)
        with torch.inference_mode():
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
            asked = hidden[torch.arange(len(part)), last]
            logits = (asked @ model.lm_head.weight[answers].T).float()
        margins = torch.logsumexp(logits[:, 1:], -1) - logits[:, 0]
        told = (
            0.0 if ngrams is None else ngrams.margin(row[: end + 1])
            for row, end in zip(ids.tolist(), last.tolist(), strict=True)
        )
        found += [
            Margin(float(margin), said, item.target != '<safe>')
            for margin, said, item in zip(margins, told, part, strict=True)
        ]
    return found


def held_out_figures(
    margins: Sequence[Margin],
    calibration: Calibration,
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    plans: Sequence[Example],
    writable: PlanVocabulary,
    device: str,
) -> Mapping[str, float]:
    """Return accuracy, recall, false blocks, pair accuracy, calibration error and exact plans.

    `margins` are those of the verdicts in `examples`, `writable` holds the tokens of plans.
    """
    verdicts = [item for item in examples if not item.is_plan][:MOST_VERDICTS]
    p = probabilities(margins, calibration)
    harmful = np.array([margin.harmful for margin in margins], dtype=bool)
    blocked = p >= 0.5
    figures = {'verdicts': float(len(p))}
    if len(p):
        figures |= {
            'accuracy': float((blocked == harmful).mean()),
            'recall': float(blocked[harmful].mean()) if harmful.any() else 0.0,
            'false_blocks': float(blocked[~harmful].mean()) if (~harmful).any() else 0.0,
            'calibration_error': expected_calibration_error(list(p), list(harmful)),
            'pair_accuracy': _pair_accuracy(verdicts, blocked == harmful),
        }
    tried = plans[:PLANS_TRIED]
    if tried:
        right = sum(_writes(model, tokenizer, item, writable, device) for item in tried)
        figures['plans_exact'] = right / len(tried)
    return figures


def _pair_accuracy(examples: Sequence[Example], right: np.ndarray) -> float:
    pairs: dict[str, list[bool]] = defaultdict(list)
    for example, is_right in zip(examples, right, strict=True):
        if example.group:
            pairs[example.group].append(bool(is_right))
    whole = [all(group) for group in pairs.values() if len(group) > 1]
    return sum(whole) / len(whole) if whole else 0.0


def _writes(
    model: Any, tokenizer: Any, example: Example, writable: PlanVocabulary, device: str
) -> bool:
    """Return whether the model, without any grammar, writes exactly the wanted plan."""
    import torch

    prompt = tokenizer([example.prompt], add_special_tokens=False)['input_ids']
    wanted = tokenizer([example.target], add_special_tokens=False)['input_ids'][0]
    ids = torch.tensor([[*prompt[0], *wanted]], device=device)
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt[0]) - 1 : -1]
    asked = ids[0, : len(prompt[0])]
    return writable.within(logits, asked).argmax(-1).tolist() == wanted


def _right_padded(prompts: Sequence[str], tokenizer: Any, device: str) -> tuple[Any, Any]:
    import torch

    rows = tokenizer(list(prompts), add_special_tokens=False)['input_ids']
    width = max(map(len, rows))
    pad = tokenizer.pad_token_id
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=device)
    return ids, torch.tensor([len(row) - 1 for row in rows], device=device)
