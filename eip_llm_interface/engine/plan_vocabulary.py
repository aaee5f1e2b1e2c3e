"""With which tokens the shipped model may write.

Most of its words stand in no plan of the training text: it has only learnt to read them, and what
it would score them as the next word means nothing. A plan is written with the tokens of plans that
were learnt (`eip.plan_tokens` in config.json) and those of its own prompt, whose words it repeats.
"""

from __future__ import annotations

from typing import Any

from eip_llm_interface.engine.engine import ModelError

__all__ = ['PlanVocabulary']


class PlanVocabulary:
    """The tokens that may be written; all of them where a model's config names none."""

    def __init__(self, config: Any, name: str, ends: list[int], device: str) -> None:
        """Raise ModelError when `eip.plan_tokens` are no tokens of the model `name`."""
        import torch

        self._known: torch.Tensor | None = None
        tokens = (getattr(config, 'eip', None) or {}).get('plan_tokens')
        if tokens is None:
            return
        size = config.vocab_size
        if not isinstance(tokens, list) or not all(
            isinstance(token, int) and 0 <= token < size for token in tokens
        ):
            raise ModelError(
                f'model {name}: eip.plan_tokens of config.json must be numbers of tokens below '
                f'{size}; copy the file again'
            )
        self._known = torch.zeros(size, dtype=torch.bool, device=device)
        self._known[[*tokens, *ends]] = True

    def tokens(self, prompt: Any) -> Any:
        """Return the ids of the tokens that may follow `prompt` (ids); None: all may."""
        known = self._after(prompt)
        return None if known is None else known.nonzero().flatten()

    def within(self, logits: Any, prompt: Any) -> Any:
        """Return `logits` [..., tokens], minus infinity for what may not follow `prompt` (ids)."""
        known = self._after(prompt)
        return logits if known is None else logits.masked_fill(~known, float('-inf'))

    def _after(self, prompt: Any) -> Any:
        if self._known is None:
            return None
        known = self._known.clone()
        known[prompt] = True
        return known
