"""The model while it is trained: its words' embeddings rest on what is known of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException

from eip_llm_interface.training.tokenizer import SPACE
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.wordnet import WordNet

__all__ = ['LexicalModel', 'UsedRows', 'meanings']

OWN_SPREAD = 0.02
INITIAL_SPREAD = 0.06  # about 1 / sqrt(hidden_size): a model this small learns sooner so
VECTOR_SCALE = 0.35


def meanings(
    tokenizer: Any, wordnet: WordNet, sources: Sequence[tuple[Mapping[str, int], np.ndarray]]
) -> Tensor:
    """Return [tokens, dimensions]: each word token's vectors side by side, zeros where none is.

    A source is (row by word, vectors [words, dimensions]); a form that it does not hold is read
    as its word.
    """
    tables = []
    for rows, vectors in sources:
        table = torch.zeros(len(tokenizer), vectors.shape[1])
        scale = VECTOR_SCALE * math.sqrt(vectors.shape[1])
        for token, index in tokenizer.get_vocab().items():
            word = token.removeprefix(SPACE) if token.startswith(SPACE) else ''
            row = rows.get(word)
            if row is None and word:
                row = rows.get(wordnet.lemma(word) or '')
            if row is not None:
                table[index] = torch.from_numpy(vectors[row]) * scale
        tables.append(table)
    return torch.cat(tables, dim=1)


class UsedRows(torch.autograd.Function):
    """Rows of an embedding, whose gradient is added in place to the few rows that were used.

    The usual gradient is as large as the whole table, which took a third of a step's time.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        """Return the rows `ids` [...] of `weight` [tokens, hidden]: [..., hidden]."""
        ctx.weight = weight
        ctx.save_for_backward(ids)
        return weight[ids]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None]:  # type: ignore[override]
        """Add to `weight.grad` in place; autograd itself is given nothing to add."""
        (ids,) = ctx.saved_tensors
        used, places = ids.unique(return_inverse=True)
        rows = torch.zeros(len(used), gradient.shape[-1], device=gradient.device)
        rows.index_add_(0, places.flatten(), gradient.flatten(0, -2).float())
        weight = ctx.weight
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad[used] += rows
        return None, None


class LexicalModel(nn.Module):
    """A Llama whose embedding is lift(own + projection(meaning)), with dropout in training alone.

    The meanings are fixed, so that a word that no training sentence holds lands where its
    neighbours are; only tokens in `used`, those of the training rows, have an own part. `merged`
    returns the plain `LlamaForCausalLM`.
    """

    def __init__(
        self,
        config: TrainConfig,
        meaning: Tensor,
        ids: Mapping[str, int],
        used: Collection[int],
    ) -> None:
        super().__init__()
        from transformers import LlamaConfig, LlamaForCausalLM

        shape: Any = LlamaConfig
        llama = LlamaForCausalLM(
            shape(
                vocab_size=len(meaning),
                hidden_size=config.hidden_size,
                intermediate_size=config.intermediate_size,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                num_key_value_heads=config.heads,
                max_position_embeddings=1024,
                tie_word_embeddings=True,
                initializer_range=INITIAL_SPREAD,
                bos_token_id=ids['<bos>'],
                eos_token_id=ids['<eos>'],
                pad_token_id=ids['<pad>'],
                attn_implementation='eager',
            )
        )
        if config.gradient_checkpointing:
            llama.gradient_checkpointing_enable()
        self._whole = [llama]  # in a list: its embedding is not trained, and so no part of this
        self.trunk = llama.model
        del self.trunk.embed_tokens
        size = config.word_size or config.hidden_size
        self.own = nn.Embedding(len(used) + 1, size)
        nn.init.normal_(self.own.weight, std=OWN_SPREAD)
        nn.init.zeros_(self.own.weight[0])  # that of all other tokens
        places = torch.zeros(len(meaning), dtype=torch.long)
        places[sorted(used)] = torch.arange(1, len(used) + 1)
        self.register_buffer('places', places, persistent=False)
        self.projection = nn.Linear(meaning.shape[1], size, bias=False)
        self.lift: nn.Module = nn.Identity()
        if config.word_size:
            self.lift = lift = nn.Linear(size, config.hidden_size, bias=False)
            nn.init.normal_(lift.weight, std=size**-0.5)
        self.register_buffer('meaning', meaning, persistent=False)
        self.register_buffer('means', meaning.any(dim=1), persistent=False)
        self._run: Any = self.trunk.__call__

    def compile_trunk(self, ids: Tensor) -> bool:
        """Compile the trunk, which makes a step a sixth shorter; return whether that works here.

        It takes a C++ compiler and Python's headers, and as long as some hundred steps. `ids`
        [rows, width] are any tokens to try it with.
        """
        self._run = torch.compile(self.trunk.forward, dynamic=True)
        try:
            self(ids)
        except TorchDynamoException:
            self._run = self.trunk.__call__
            return False
        return True

    def embed(self, ids: Tensor, meaning_alone: float = 0.0) -> Tensor:
        """Return the embeddings [..., hidden] of token ids [...]; see `words`."""
        found: Tensor = self.lift(self.words(ids, meaning_alone))
        return found

    def words(self, ids: Tensor, meaning_alone: float = 0.0) -> Tensor:
        """Return the vectors [..., word size] of token ids [...].

        In training a share `meaning_alone` of the words that have a meaning is read by it alone,
        so that the projection learns to speak for words that no sentence holds.
        """
        places = self.get_buffer('places')[ids]
        own: Tensor = UsedRows.apply(self.own.weight, places)  # type: ignore[no-untyped-call]
        if self.training and meaning_alone:
            alone = torch.rand(ids.shape, device=ids.device) < meaning_alone
            own = own.masked_fill((alone & self.get_buffer('means')[ids])[..., None], 0.0)
        found: Tensor = own + self.projection(self.get_buffer('meaning')[ids])
        return found

    def forward(self, ids: Tensor, dropout: float = 0.0, meaning_alone: float = 0.0) -> Tensor:
        """Return the last hidden states [rows, width, hidden] of token ids [rows, width]."""
        given = nn.functional.dropout(self.embed(ids, meaning_alone), dropout, self.training)
        hidden: Tensor = self._run(inputs_embeds=given, use_cache=False).last_hidden_state
        return nn.functional.dropout(hidden, dropout, self.training)

    @torch.no_grad()
    def merged(self) -> Any:
        """Return the model as a plain `LlamaForCausalLM` in evaluation mode; this one is spent."""
        llama: Any = self._whole[0]
        places = self.get_buffer('places')
        words = self.words(torch.arange(len(places), device=places.device))
        if isinstance(self.lift, nn.Linear):
            llama.factors = (words, self.lift.weight)
        self.trunk.embed_tokens = nn.Embedding.from_pretrained(self.lift(words), freeze=False)
        llama.tie_weights()
        return llama.eval()
