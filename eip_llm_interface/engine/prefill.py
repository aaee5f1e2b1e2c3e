"""What a model makes of a prompt: how likely the few tokens are that may come next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

__all__ = ['candidate_log_probs', 'next_logits']

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
    logits, _ = _logits_of(model, accepts, inputs, candidates)
    return logits.float().log_softmax(-1)


def next_logits(
    model: Any, accepts: Collection[str], ids: Any, cache: Any, allowed: Any
) -> tuple[Any, Any]:
    """Return the logits [tokens] of what follows `ids` [1, width], and the cache with these.

    `allowed` are the tokens that may come, others get minus infinity; with None all may.
    """
    import torch

    inputs = {'input_ids': ids, 'past_key_values': cache, 'use_cache': True}
    found, output = _logits_of(model, accepts, inputs, allowed)
    logits = found[0].float()
    if allowed is not None:
        every = torch.full((model.config.vocab_size,), float('-inf'), device=ids.device)
        every[allowed] = logits
        logits = every
    return logits, output.past_key_values


def _logits_of(
    model: Any, accepts: Collection[str], inputs: dict[str, Any], tokens: Any
) -> tuple[Any, Any]:
    """Return the logits [rows, tokens] of `tokens` as the next one, all with None; the output."""
    if 'last_only' in accepts:
        inputs = {**inputs, 'last_only': True}
    if tokens is not None and model.config.model_type in PLAIN_HEADS:
        output = model.model(**inputs)
        return output.last_hidden_state[:, -1] @ model.lm_head.weight[tokens].T, output
    last = {'logits_to_keep': 1} if 'logits_to_keep' in accepts else {}
    output = model(**inputs, **last)
    logits = output.logits[:, -1]
    return (logits if tokens is None else logits[:, tokens]), output
