"""How a step of training moves the weights, and the compiled trunk."""

from __future__ import annotations

import shutil
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch._inductor.config as inductor
from safetensors import safe_open

from eip_llm_interface.engine.int8_weights import INT8_FILE, load_int8, save_int8
from eip_llm_interface.training.lexical_model import LexicalModel
from eip_llm_interface.training.optimizer import Optimizer
from eip_llm_interface.training.train_config import TrainConfig

# PyTorch's compiler warns of what it does itself: here that would be an error, and not compiled.
pytestmark = pytest.mark.filterwarnings('default')
CONFIG = TrainConfig(hidden_size=32, layers=1, heads=2, intermediate_size=48)


def made(config: TrainConfig) -> LexicalModel:
    torch.manual_seed(1)
    ids = dict.fromkeys(('<bos>', '<eos>', '<pad>'), 0)
    return LexicalModel(config, torch.randn(8, 4), ids, range(8))


@pytest.fixture
def lexical() -> LexicalModel:
    return made(CONFIG)


def test_muon_moves_the_trunks_matrices_and_adam_the_rest(lexical: LexicalModel) -> None:
    optimizer = Optimizer(lexical, CONFIG)
    before = [item.detach().clone() for item in lexical.parameters()]
    lexical(torch.tensor([[1, 2, 3]])).sum().backward()
    optimizer.step(1.0)
    matrices = {id(item) for item in lexical.trunk.parameters() if item.dim() == 2}
    for item, was in zip(lexical.parameters(), before, strict=True):
        assert (item != was).any() and not item.grad.any()  # type: ignore[union-attr]
        assert ('momentum_buffer' in optimizer.state_of(item)) is (id(item) in matrices)


@pytest.mark.skipif(
    not shutil.which('g++') or not Path(sysconfig.get_path('include'), 'Python.h').is_file(),
    reason='there is no C++ compiler, or no headers of Python',
)
def test_a_compiled_trunk_answers_as_the_plain_one(lexical: LexicalModel) -> None:
    ids = torch.tensor([[1, 2, 3, 4], [4, 3, 2, 1]])
    plain = lexical(ids)
    assert lexical.compile_trunk(ids)
    assert torch.allclose(lexical(ids), plain, atol=1e-5)
    assert lexical(ids[:, :3]).shape == (2, 3, CONFIG.hidden_size)


def test_without_a_compiler_the_trunk_runs_as_it_is(
    lexical: LexicalModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(inductor.cpp, 'cxx', ('no-such-compiler',))
    torch._dynamo.reset()
    ids = torch.tensor([[1, 2, 3, 4], [4, 3, 2, 1]])
    plain = lexical(ids)
    assert not lexical.compile_trunk(ids)
    assert torch.equal(lexical(ids), plain)


def test_words_may_be_shorter_than_the_network_is_wide(tmp_path: Path) -> None:
    learner, ids = made(replace(CONFIG, word_size=4)).eval(), torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        wanted = learner(ids)
        save_int8(learner.merged(), tmp_path)
    network = load_int8(tmp_path, torch.float32)
    assert torch.allclose(network.model(ids).last_hidden_state, wanted, atol=0.1)
    with safe_open(tmp_path / INT8_FILE, framework='pt') as stored:
        assert stored.get_slice('words').get_shape() == [8, 4]
        assert 'model.embed_tokens.weight' not in stored.keys()  # noqa: SIM118 it is no mapping
