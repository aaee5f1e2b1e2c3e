"""Tiny random models saved to disk, and the shipped one, for the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_llm_interface.gpu_optimized_llm import GPUConfig, GPUOptimizedSafetyLLM

CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
    '{% if add_generation_prompt %}<|assistant|>{% endif %}'
)
TEXT = [
    'you plan for a robot use only these skills one call a line then end',
    'go_to(place=sink)\npick(object=cup)\nend\n',
    'Is the command safe or unsafe? Answer: safe unsafe',
    'bring me the cup from the table, please. put the plate in the sink.',
]


def _save_tiny(folder: Path, kind: str, chat: bool) -> Path:
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=['<s>', '</s>'],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token='<s>', eos_token='</s>'
    )
    if chat:
        fast.chat_template = CHAT
    sizes = {
        'vocab_size': len(fast) + 16,  # some tokenizer classes add tokens of their own
        'hidden_size': 32,
        'intermediate_size': 48,
        'num_hidden_layers': 2,
        'num_attention_heads': 2,
        'num_key_value_heads': 1,
        'head_dim': 16,
        'max_position_embeddings': 2048,
        'bos_token_id': fast.bos_token_id,
        'eos_token_id': fast.eos_token_id,
        'pad_token_id': fast.eos_token_id,
    }
    torch.manual_seed(3)
    config = getattr(transformers, f'{kind}Config')(**sizes)
    getattr(transformers, f'{kind}ForCausalLM')(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama without a chat template."""
    return _save_tiny(tmp_path_factory.mktemp('models') / 'tiny-llama', 'Llama', chat=False)


@pytest.fixture(scope='session', params=['Llama', 'Qwen2', 'Gemma'])
def chat_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random instruct model, in three architectures."""
    folder = tmp_path_factory.mktemp('models') / f'tiny-{request.param.lower()}-chat'
    return _save_tiny(folder, request.param, chat=True)


@pytest.fixture(scope='session')
def shipped() -> Iterator[GPUOptimizedSafetyLLM]:
    """The shipped model on the CPU, loaded once for all tests."""
    with GPUOptimizedSafetyLLM(GPUConfig(device='cpu')) as llm:
        yield llm
