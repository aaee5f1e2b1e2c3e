"""The network of EIP's own models: a Llama of which nothing but PyTorch has to be imported.

The same arithmetic under the same names as `transformers`' Llama, which these models are trained
as, but it is there in half the time and computes with half the calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

from eip_llm_interface.engine.int8_weights import WORDS

__all__ = ['NanoConfig', 'NanoNetwork', 'Output']

# What config.json must say, since the network knows nothing else.
FIXED = {
    'model_type': 'llama',
    'hidden_act': 'silu',
    'attention_bias': False,
    'mlp_bias': False,
    'tie_word_embeddings': True,
}
NORM = 'model.norm.weight'
PARTS = {
    'before_attention': ('input_layernorm',),
    'query_key_value': ('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
    'out': ('self_attn.o_proj',),
    'before_gate': ('post_attention_layernorm',),
    'gate_up': ('mlp.gate_proj', 'mlp.up_proj'),
    'down': ('mlp.down_proj',),
}
Cache = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class NanoConfig:
    """The sizes in config.json, and what it says under the key `eip`."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope_theta: float
    eos_token_id: int
    eip: dict[str, Any] = field(default_factory=dict)
    model_type: str = 'llama'

    @classmethod
    def load(cls, folder: Path) -> NanoConfig:
        """Read a model's config.json; raises ValueError for what the network cannot be."""
        said = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
        wrong = [f'{name} {said.get(name)!r}' for name in FIXED if said.get(name) != FIXED[name]]
        if said.get('num_key_value_heads') != said.get('num_attention_heads'):
            wrong.append(f'num_key_value_heads {said.get("num_key_value_heads")!r}')
        rope = said.get('rope_parameters') or {}
        if rope.get('rope_type') != 'default':
            wrong.append(f'rope_type {rope.get("rope_type")!r}')
        if wrong:
            raise ValueError(f'config.json has {", ".join(wrong)}, unlike what `eip train` writes')
        try:
            sizes = {name: said[name] for name in cls.__annotations__ if name in said}
            return cls(**sizes, rope_theta=float(rope['rope_theta']))
        except (KeyError, TypeError) as error:
            raise ValueError(f'config.json lacks a size ({error})') from None

    def get_text_config(self, **_: object) -> NanoConfig:
        """Return itself, as a model that only reads text."""
        return self


@dataclass(frozen=True)
class Output:
    """What came of a pass: `last_hidden_state` [rows, width, hidden] and what is made of it.

    `logits` are [rows, width, tokens]; `past_key_values` go with the tokens that follow. The width
    is 1 where nothing but the last place was asked for.
    """

    last_hidden_state: Tensor
    past_key_values: Cache
    logits: Tensor | None = None


class Layer(nn.Module):
    """Attention and a gated layer, each beside the stream that goes through."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        self.heads = config.num_attention_heads
        self.eps = config.rms_norm_eps
        self.before_attention = nn.Parameter(torch.empty(hidden))
        self.query_key_value = nn.Parameter(torch.empty(3 * hidden, hidden))
        self.out = nn.Parameter(torch.empty(hidden, hidden))
        self.before_gate = nn.Parameter(torch.empty(hidden))
        self.gate_up = nn.Parameter(torch.empty(2 * inner, hidden))
        self.down = nn.Parameter(torch.empty(hidden, inner))

    def forward(
        self,
        stream: Tensor,
        turn: tuple[Tensor, Tensor],
        mask: Tensor | None,
        past: Any,
        last_only: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the stream [rows, width, hidden] after this layer, and its keys and values.

        With `last_only` the stream is that of the last place; keys and values are those of all.
        """
        rows, width, hidden = stream.shape
        given = rms_norm(stream, (hidden,), self.before_attention, self.eps)
        parts = linear(given, self.query_key_value).view(rows, width, 3, self.heads, -1)
        query_key, value = parts[:, :, :2].permute(2, 0, 3, 1, 4), parts[:, :, 2].transpose(1, 2)
        query, key = turned(query_key, *turn)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        if last_only:
            query, stream, width = query[:, :, -1:], stream[:, -1:], 1
            mask = None if mask is None else mask[:, :, -1:]
        alone = mask is None and width > 1
        seen = scaled_dot_product_attention(query, key, value, mask, is_causal=alone)
        stream = stream + linear(seen.transpose(1, 2).reshape(rows, width, hidden), self.out)
        given = rms_norm(stream, (hidden,), self.before_gate, self.eps)
        gate, up = linear(given, self.gate_up).chunk(2, -1)
        return stream + linear(silu(gate) * up, self.down), (key, value)


class Trunk(nn.Module):
    """Everything but the head."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.eps = config.rms_norm_eps
        words = torch.empty(config.vocab_size, config.hidden_size)
        self.words = nn.Embedding.from_pretrained(words)  # which draws no numbers first
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.Parameter(torch.empty(config.hidden_size))
        self.cosines: Tensor
        self.sines: Tensor
        self.register_buffer('cosines', None, persistent=False)
        self.register_buffer('sines', None, persistent=False)

    def set_turns(self, config: NanoConfig) -> None:
        """Make the tables of how far each place turns queries and keys: [places, size]."""
        size = config.hidden_size // config.num_attention_heads
        speeds = config.rope_theta ** (-torch.arange(0, size, 2) / size)
        angles = torch.outer(torch.arange(config.max_position_embeddings), speeds).repeat(1, 2)
        self.cosines, self.sines = (
            table.to(self.norm.device, self.norm.dtype) for table in (angles.cos(), angles.sin())
        )

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        last_only: bool = False,
    ) -> Output:
        """Read tokens [rows, width]; `attention_mask` [rows, width] is 0 where they are padding.

        With `last_only` the last layer answers at the last place alone, which is all that a next
        token takes.
        """
        width = input_ids.shape[1]
        before = past_key_values[0][0].shape[2] if past_key_values else 0
        if position_ids is None:
            position_ids = torch.arange(before, before + width, device=input_ids.device)[None]
        turn = self.cosines[position_ids][:, None], self.sines[position_ids][:, None]
        mask = _mask(attention_mask, width, before, input_ids.device)
        stream: Tensor = self.words(input_ids)
        kept: Cache = []
        pasts: Sequence[Any] = past_key_values or [None] * len(self.layers)
        for place, (layer, past) in enumerate(zip(self.layers, pasts, strict=True), 1):
            trimmed = last_only and place == len(self.layers)
            stream, keys_values = layer(stream, turn, mask, past, trimmed)
            kept.append(keys_values)
        return Output(rms_norm(stream, stream.shape[-1:], self.norm, self.eps), kept)


class NanoNetwork(nn.Module):
    """A trunk, and its words once more as the head."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)

    @classmethod
    def of(cls, config: NanoConfig, stored: Mapping[str, Tensor]) -> NanoNetwork:
        """Return the network with a Llama's weights by their names there.

        Raises ValueError when weights are missing, left over or of another size.
        """
        with torch.device('meta'):
            network = cls(config)
        left = dict(stored)
        try:
            state = {'model.words.weight': left.pop(WORDS), 'model.norm': left.pop(NORM)}
            for layer in range(config.num_hidden_layers):
                for name, parts in PARTS.items():
                    found = [left.pop(f'model.layers.{layer}.{part}.weight') for part in parts]
                    state[f'model.layers.{layer}.{name}'] = torch.cat(found)
            network.load_state_dict(state, assign=True)
        except KeyError as error:
            raise ValueError(f'{error.args[0]} is missing') from None
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        if left:
            raise ValueError(f'{min(left)} is one too many')
        network.model.set_turns(config)
        return network.requires_grad_(False)

    @property
    def lm_head(self) -> nn.Embedding:
        """Return the head, as `transformers` calls it, by its `weight` [tokens, hidden]."""
        return self.model.words

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        last_only: bool = False,
    ) -> Output:
        """Like the trunk, with the logits of each place that it answers at."""
        found: Output = self.model(
            input_ids, attention_mask, position_ids, past_key_values, use_cache, last_only
        )
        return replace(found, logits=linear(found.last_hidden_state, self.model.words.weight))


def turned(heads: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Return queries or keys [..., width, size] turned by their places (rotary embedding)."""
    first, second = heads.chunk(2, -1)
    return heads * cosines + torch.cat((-second, first), -1) * sines


def _mask(padding: Tensor | None, width: int, before: int, device: torch.device) -> Tensor | None:
    """Return who may look at whom [rows, 1, width, before + width]; None for all that came before.

    Padding looks at itself, since a place that may look at nothing becomes no number.
    """
    if padding is None and (width == 1 or not before):
        return None
    earlier = torch.ones(width, before + width, dtype=torch.bool, device=device).tril(before)
    if padding is None:
        return earlier[None, None]
    itself = torch.eye(width, before + width, dtype=torch.bool, device=device)
    return (earlier & padding.bool()[:, None, None, :]) | itself
