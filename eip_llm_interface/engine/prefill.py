"""What a model makes of whole prompts at once, without writing anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

__all__ = ['candidate_log_probs']

# Architectures whose logits are the last hidden state times the head's weights, and nothing else.
PLAIN_HEADS = frozenset({'llama'})


def candidate_log_probs(
    model: Any, accepts: Collection[str], ids: Any, mask: Any, candidates: Sequence[int]
) -> Any:
    """Return the log-probability of each candidate as the next token, among them: [rows, tokens].

    `ids` [rows, width] are padded on the left where `mask` is 0; `accepts` names what the model's
    forward takes. Only the candidates' rows of the head are computed where the architecture allows:
    with a large vocabulary the rest takes as long as all layers.
    """
    inputs: dict[str, Any] = {'input_ids': ids, 'use_cache': False}
    if mask is not None:
        inputs['attention_mask'] = mask
        if 'position_ids' in accepts:
            inputs['position_ids'] = (mask.cumsum(-1) - 1).clamp(min=0)
    if model.config.model_type in PLAIN_HEADS:
        hidden = model.model(**inputs).last_hidden_state[:, -1]
        logits = hidden @ model.lm_head.weight[candidates].T
    else:
        last = {'logits_to_keep': 1} if 'logits_to_keep' in accepts else {}
        logits = model(**inputs, **last).logits[:, -1][:, candidates]
    return logits.float().log_softmax(-1)
