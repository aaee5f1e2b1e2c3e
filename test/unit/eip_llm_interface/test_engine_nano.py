"""EIP's own network and tokenizer, against those of `transformers`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from eip_llm_interface.engine import prefill
from eip_llm_interface.engine.int8_weights import save_int8
from eip_llm_interface.engine.nano_network import NanoConfig, NanoNetwork
from eip_llm_interface.engine.nano_tokenizer import NanoTokenizer
from eip_llm_interface.engine.prefill import next_logits
from eip_llm_interface.gpu_optimized_llm import SHIPPED_MODEL

IDS = torch.tensor([[1, 5, 9, 3, 3, 17, 30, 2, 11]])
HEAD = 'lm_head.weight'


@pytest.fixture
def llama() -> Any:
    torch.manual_seed(1)
    sizes: Any = {
        'vocab_size': 40,
        'hidden_size': 32,
        'intermediate_size': 56,
        'num_hidden_layers': 3,
        'num_attention_heads': 4,
        'num_key_value_heads': 4,
        'max_position_embeddings': 64,
        'tie_word_embeddings': True,
        'initializer_range': 0.3,
    }
    return LlamaForCausalLM(LlamaConfig(**sizes)).eval()


@pytest.fixture
def folder(llama: Any, tmp_path: Path) -> Path:
    save_int8(llama, tmp_path)
    return tmp_path


@pytest.fixture
def nano(llama: Any, folder: Path) -> NanoNetwork:
    stored = {name: tensor for name, tensor in llama.state_dict().items() if name != HEAD}
    return NanoNetwork.of(NanoConfig.load(folder), stored)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-4, rtol=1e-4)


def test_a_prompt_has_the_logits_of_a_llama(llama: Any, nano: NanoNetwork) -> None:
    assert close(nano(IDS).logits, llama(IDS).logits)
    assert close(nano(IDS, last_only=True).logits, llama(IDS).logits[:, -1:])
    assert nano.lm_head.weight is nano.model.words.weight


def test_padding_on_the_left_changes_nothing(nano: NanoNetwork) -> None:
    padded = torch.cat((torch.zeros(1, 3, dtype=torch.long), IDS), dim=1)
    ids = torch.cat((padded, torch.arange(12)[None]))
    mask = torch.ones_like(ids)
    mask[0, :3] = 0
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    found = nano.model(ids, attention_mask=mask, position_ids=places).last_hidden_state
    assert close(found[:1, 3:], nano.model(IDS).last_hidden_state)
    last = nano.model(ids, attention_mask=mask, position_ids=places, last_only=True)
    assert close(last.last_hidden_state, found[:, -1:])


@pytest.mark.parametrize('cuts', [(4, 5), (4, 7), (1, 2)])
def test_tokens_that_follow_are_read_as_if_all_came_at_once(
    nano: NanoNetwork, cuts: tuple[int, int]
) -> None:
    past, found = None, []
    for start, end in zip((0, *cuts), (*cuts, IDS.shape[1]), strict=True):
        output = nano(IDS[:, start:end], past_key_values=past, use_cache=True)
        past, found = output.past_key_values, [*found, output.logits]
    assert close(torch.cat(found, dim=1), nano(IDS).logits)


@pytest.mark.parametrize('accepts', [('last_only',), ()])
@pytest.mark.parametrize('plain', [True, False])
def test_only_tokens_that_may_come_have_logits(
    nano: NanoNetwork, monkeypatch: pytest.MonkeyPatch, plain: bool, accepts: tuple[str, ...]
) -> None:
    if not plain:
        monkeypatch.setattr(prefill, 'PLAIN_HEADS', frozenset())
    _, cache = next_logits(nano, accepts, IDS[:, :4], None, None)
    allowed = torch.tensor([3, 7, 20])
    found, _ = next_logits(nano, accepts, IDS[:, 4:], cache, allowed)
    assert found.isfinite().nonzero().flatten().tolist() == allowed.tolist()
    assert close(found[allowed], nano(IDS).logits[0, -1, allowed])


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (lambda weights: weights.pop('model.norm.weight'), 'model.norm.weight is missing'),
        (lambda weights: weights.update(more=torch.ones(1)), 'more is one too many'),
        (lambda weights: weights.update({'model.norm.weight': torch.ones(3)}), 'size mismatch'),
    ],
)
def test_weights_that_do_not_fit_are_named(
    llama: Any, folder: Path, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    stored = {name: tensor for name, tensor in llama.state_dict().items() if name != HEAD}
    change(stored)
    with pytest.raises(ValueError, match=named):
        NanoNetwork.of(NanoConfig.load(folder), stored)


@pytest.mark.parametrize(
    ('said', 'named'),
    [
        ({'model_type': 'qwen3'}, "model_type 'qwen3'"),
        ({'num_key_value_heads': 2}, 'num_key_value_heads 2'),
        ({'rope_parameters': {'rope_type': 'yarn'}}, "rope_type 'yarn'"),
        ({'tie_word_embeddings': False}, 'tie_word_embeddings False'),
        ({'hidden_size': None}, 'lacks a size'),
        ({'rope_parameters': {'rope_type': 'default'}}, 'lacks a size'),
    ],
)
def test_a_configuration_that_the_network_cannot_be_is_named(
    folder: Path, said: dict[str, object], named: str
) -> None:
    path = folder / 'config.json'
    settings = {**json.loads(path.read_text()), **said}
    path.write_text(
        json.dumps({key: value for key, value in settings.items() if value is not None})
    )
    with pytest.raises(ValueError, match=named):
        NanoConfig.load(folder)


def test_the_tokenizer_reads_and_writes_as_that_of_transformers() -> None:
    ours, theirs = NanoTokenizer(SHIPPED_MODEL), AutoTokenizer.from_pretrained(SHIPPED_MODEL)
    texts = [
        '<bos><cmd> put the kettle on , please<verdict>',
        '<bos> émigré 42 ✓<cmd> go<plan>',
        '',
    ]
    rows = ours(texts, add_special_tokens=False)['input_ids']
    assert rows == theirs(texts, add_special_tokens=False)['input_ids']
    for text, row in zip(texts, rows, strict=True):
        assert ours.encode(text) == theirs.encode(text) == row
        for skip in (False, True):
            said = ours.decode(row, skip_special_tokens=skip)
            assert said == theirs.decode(row, skip_special_tokens=skip)
    assert sorted(ours.all_special_ids) == sorted(theirs.all_special_ids)
    for name in ('bos_token', 'eos_token_id', 'pad_token_id', 'chat_template'):
        assert getattr(ours, name) == getattr(theirs, name)
    assert len(ours) == len(theirs)
    with pytest.raises(ValueError, match='lacks the token <never>'):
        ours.convert_tokens_to_ids(['<safe>', '<never>'])


def test_the_shipped_model_is_loaded_without_transformers() -> None:
    code = (
        'import sys; from eip_llm_interface.gpu_optimized_llm import GPUOptimizedSafetyLLM as L; '
        'print(L().check("go to the sofa").decision, "transformers" in sys.modules)'
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert run.stdout.split()[-1] == 'False'
