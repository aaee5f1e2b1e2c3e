"""The transformers backend with small models saved to disk."""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eip_llm_interface.engine import prefill, transformers_backend
from eip_llm_interface.engine.engine import Engine, ModelError
from eip_llm_interface.engine.loading import EngineOptions, choose_device, load_model, token_texts
from eip_llm_interface.engine.plan_vocabulary import PlanVocabulary
from eip_llm_interface.engine.transformers_backend import TransformersEngine
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest

CPU = EngineOptions(device='cpu')


@pytest.fixture(scope='module')
def engine(tiny_model: Path) -> TransformersEngine:
    return TransformersEngine(tiny_model, CPU)


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / 'model'))


def test_it_keeps_the_engine_protocol(engine: TransformersEngine) -> None:
    assert isinstance(engine, Engine)
    assert (engine.name, engine.device) == ('tiny-llama', 'cpu')
    assert 0 < engine.memory_mib() < 5


def test_scores_in_a_batch_equal_scores_one_by_one(engine: TransformersEngine) -> None:
    prompts = ['go', 'bring me the cup from the table', 'put the plate in the sink, please.']
    together = engine.score(prompts, [' safe', ' unsafe', 'x'])
    alone = [engine.score([prompt], [' safe', ' unsafe', 'x'])[0] for prompt in prompts]
    for row, other in zip(together, alone, strict=True):
        assert row == pytest.approx(other, abs=1e-4)


def test_scores_are_log_probabilities(engine: TransformersEngine) -> None:
    [row] = engine.score(['go'], ['a', 'b', 'c'])
    assert all(value < 0 for value in row)
    assert sum(map(math.exp, row)) == pytest.approx(1.0)


def test_a_plain_head_computes_the_same_from_the_candidates_rows_alone(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = ['go', 'bring me the cup from the table']
    few = engine.score(prompts, ['a', 'b', 'c'])
    monkeypatch.setattr(prefill, 'PLAIN_HEADS', frozenset())
    assert np.allclose(few, engine.score(prompts, ['a', 'b', 'c']), atol=1e-5)


def test_nothing_asked_is_nothing_scored(engine: TransformersEngine) -> None:
    assert engine.score([], ['a', 'b']) == []


def test_candidates_that_begin_alike_are_refused(engine: TransformersEngine) -> None:
    with pytest.raises(ModelError, match='same token'):
        engine.score(['go'], ['zq', 'zx'])


def test_a_random_model_stays_inside_the_grammar(engine: TransformersEngine) -> None:
    planner = Planner(SkillsManifest.load())
    grammar = planner.grammar()
    written = engine.generate('bring me the cup', grammar, max_tokens=60)
    assert grammar.advance(grammar.start(), written.text) is not None
    assert written.generated_tokens and written.time_to_first_token_s > 0
    if written.finished:
        planner.parse(written.text)


def test_generation_without_a_grammar_stops_at_the_limit(engine: TransformersEngine) -> None:
    written = engine.generate('bring', max_tokens=5)
    assert written.generated_tokens <= 5
    assert written.prompt_tokens == engine.count_tokens('bring')


def test_what_streams_adds_up_to_the_text(engine: TransformersEngine) -> None:
    heard: list[str] = []
    planner = Planner(SkillsManifest.load())
    written = engine.generate('go', planner.grammar(), max_tokens=40, on_text=heard.append)
    assert ''.join(heard) == written.text and len(heard) > 1


def test_cancelling_stops_and_says_so(engine: TransformersEngine) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    written = engine.generate('go', max_tokens=50, cancelled=cancelled)
    assert written.generated_tokens <= 3 and not written.finished


def test_threads_get_the_same_answers(engine: TransformersEngine) -> None:
    expected = engine.score(['bring me the cup'], ['a', 'b'])[0]
    answers: list[list[float]] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(engine.score(['bring me the cup'], ['a', 'b'])[0])
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(answer == pytest.approx(expected) for answer in answers)


def test_a_closed_engine_says_so(tiny_model: Path) -> None:
    engine = TransformersEngine(tiny_model, CPU)
    engine.close()
    engine.close()
    assert engine.memory_mib() == 0
    with pytest.raises(ModelError, match='closed'):
        engine.score(['go'], ['a', 'b'])


def test_special_tokens_write_nothing(engine: TransformersEngine) -> None:
    texts = token_texts(engine.tokenizer, len(engine.tokenizer))
    assert texts[engine.tokenizer.eos_token_id] is None
    [token] = engine.tokenizer.encode('(', add_special_tokens=False)
    assert texts[token] == '('


@pytest.mark.parametrize(
    ('missing', 'named'),
    [
        ('config.json', 'config.json'),
        ('model.safetensors', 'model.safetensors'),
        ('tokenizer.json', 'tokenizer.json'),
    ],
)
def test_a_missing_file_is_named_in_one_line(copy: Path, missing: str, named: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(ModelError, match=named) as caught:
        TransformersEngine(copy, CPU)
    assert str(copy) in str(caught.value) and '\n' not in str(caught.value)


def test_a_trained_model_without_its_weights_is_told_their_name(copy: Path) -> None:
    (copy / 'model.safetensors').rename(copy / 'model.ngrams.safetensors')
    with pytest.raises(ModelError, match=r'has no model\.int8\.safetensors'):
        TransformersEngine(copy, CPU)


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"model_type": "no-such-thing"}', '\x00'])
def test_a_broken_config_is_one_line(copy: Path, text: str) -> None:
    (copy / 'config.json').write_text(text)
    with pytest.raises(ModelError) as caught:
        TransformersEngine(copy, CPU)
    assert '\n' not in str(caught.value)


def test_broken_weights_are_one_line(copy: Path) -> None:
    (copy / 'model.safetensors').write_bytes(b'no weights at all')
    with pytest.raises(ModelError) as caught:
        TransformersEngine(copy, CPU)
    assert '\n' not in str(caught.value)


def test_pickled_weights_are_not_read(copy: Path) -> None:
    (copy / 'model.safetensors').rename(copy / 'pytorch_model.bin')
    with pytest.raises(ModelError, match='pickled'):
        TransformersEngine(copy, CPU)


@pytest.mark.parametrize('name', ['', '/no/such/folder', './nothing', '../nothing'])
def test_a_path_that_is_no_directory_is_refused_without_asking_the_hub(name: str) -> None:
    with pytest.raises(ModelError, match='directory'):
        TransformersEngine(name, CPU)


def test_a_model_over_the_budget_is_refused_before_it_is_loaded(copy: Path) -> None:
    (copy / 'model.safetensors').write_bytes(bytes(3 * 2**20))
    with pytest.raises(ModelError, match='at least 3 MiB, max_memory_mb is 2'):
        TransformersEngine(copy, EngineOptions(device='cpu', max_memory_mib=2.0))


def test_a_model_that_grows_over_the_budget_when_it_is_loaded_is_refused(copy: Path) -> None:
    path = copy / 'model.safetensors'
    weights = load_file(path)
    taken_mib = sum(4 * tensor.numel() for tensor in weights.values()) / 2**20
    halves = {name: tensor.bfloat16() for name, tensor in weights.items()}
    save_file(halves, path, metadata={'format': 'pt'})
    limit_mib = 0.9 * taken_mib
    assert path.stat().st_size / 2**20 < limit_mib
    with pytest.raises(ModelError, match='max_memory_mb is'):
        TransformersEngine(copy, EngineOptions(device='cpu', max_memory_mib=limit_mib))
    TransformersEngine(copy, EngineOptions(device='cpu', max_memory_mib=1.5 * taken_mib))


def test_weights_that_are_not_read_do_not_count(copy: Path) -> None:
    (copy / 'more.safetensors').write_bytes(bytes(3 * 2**20))
    TransformersEngine(copy, EngineOptions(device='cpu', max_memory_mib=2.0))


def test_a_device_that_cannot_take_the_model_is_one_line(tiny_model: Path) -> None:
    options = EngineOptions(half_precision=False)
    with pytest.raises(ModelError, match='cannot be moved to nowhere') as caught:
        load_model(str(tiny_model), 'nowhere', options)
    assert '\n' not in str(caught.value)


def test_a_prompt_longer_than_the_model_is_refused(copy: Path) -> None:
    config = json.loads((copy / 'config.json').read_text())
    (copy / 'config.json').write_text(json.dumps(config | {'max_position_embeddings': 16}))
    engine = TransformersEngine(copy, CPU)
    with pytest.raises(ModelError, match='longer than the 16'):
        engine.score(['bring me the cup ' * 20], ['a', 'b'])


def with_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changed: Callable[[Any], object]
) -> TransformersEngine:
    """Load the model of `folder` as if its configuration were what `changed` makes of it."""
    tokenizer, model = load_model(str(folder), 'cpu', CPU)
    model.config = changed(model.config)
    monkeypatch.setattr(transformers_backend, 'load_model', lambda *_: (tokenizer, model))
    return TransformersEngine(folder, CPU)


def test_a_model_that_keeps_the_sizes_of_its_text_apart_is_read(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = with_config(
        tiny_model, monkeypatch, lambda text: SimpleNamespace(get_text_config=lambda **_: text)
    )
    with pytest.raises(ModelError, match='longer than the 2048'):
        engine.score(['bring me the cup ' * 3000], ['a', 'b'])


def test_a_model_without_sizes_is_one_line(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match='tiny-llama is not built like') as caught:
        with_config(tiny_model, monkeypatch, lambda _: SimpleNamespace())
    assert '\n' not in str(caught.value)


def test_cuda_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        pytest.skip('this machine has CUDA')
    assert choose_device('auto') == 'cpu'
    with pytest.raises(ModelError, match='cuda'):
        choose_device('cuda')


@pytest.mark.gpu
def test_half_precision_on_a_gpu_agrees_with_the_cpu(tiny_model: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip('not measured: no CUDA')
    here = TransformersEngine(tiny_model, CPU).score(['bring me the cup'], ['a', 'b'])[0]
    there = TransformersEngine(tiny_model, EngineOptions()).score(['bring me the cup'], ['a', 'b'])
    assert there[0] == pytest.approx(here, abs=0.1)


def test_a_plan_is_written_with_tokens_of_plans_and_of_its_prompt() -> None:
    config = SimpleNamespace(vocab_size=6, eip={'plan_tokens': [0, 2]})
    logits, prompt = torch.arange(6.0), torch.tensor([3, 3])
    left = PlanVocabulary(config, 'm', [5], 'cpu').within(logits, prompt)
    assert left.isfinite().nonzero().flatten().tolist() == [0, 2, 3, 5]
    assert PlanVocabulary(config, 'm', [5], 'cpu').tokens(prompt).tolist() == [0, 2, 3, 5]
    every = PlanVocabulary(SimpleNamespace(), 'm', [5], 'cpu')
    assert every.within(logits, prompt) is logits and every.tokens(prompt) is None


@pytest.mark.parametrize('tokens', [[6], [-1], ['a'], 7, {}])
def test_plan_tokens_that_are_none_are_one_line(tokens: object) -> None:
    config = SimpleNamespace(vocab_size=6, eip={'plan_tokens': tokens})
    with pytest.raises(ModelError, match='model m: eip'):
        PlanVocabulary(config, 'm', [5], 'cpu')
