"""Training, calibration and evaluation, at toy size."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from eip_llm_interface.engine.engine import ModelError
from eip_llm_interface.engine.int8_weights import stored_int8
from eip_llm_interface.engine.loading import EngineOptions, load_model
from eip_llm_interface.engine.nano_format import CATEGORIES, CONTROL, FORMAT
from eip_llm_interface.engine.transformers_backend import TransformersEngine
from eip_llm_interface.gpu_optimized_llm import GPUConfig, GPUOptimizedSafetyLLM
from eip_llm_interface.training.average import average
from eip_llm_interface.training.batches import Row, plan_batches, rivals, rows_of
from eip_llm_interface.training.calibrate import (
    Calibration,
    Margin,
    expected_calibration_error,
    fit_calibration,
    for_use,
    probabilities,
    share_weights,
)
from eip_llm_interface.training.checkpoint import Reached, load_checkpoint, save_checkpoint
from eip_llm_interface.training.data_files import CorpusError
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.held_out import verdict_margins
from eip_llm_interface.training.learning import Answers
from eip_llm_interface.training.lexical_model import LexicalModel
from eip_llm_interface.training.recalibrate import recalibrate
from eip_llm_interface.training.start import Start, fitted, told_start, vocabulary
from eip_llm_interface.training.tokenizer import make_tokenizer
from eip_llm_interface.training.train import TrainConfig, train
from eip_llm_interface.training.weights import check_size

TOY = TrainConfig(
    plan_examples=60,
    verdict_examples=120,
    freeform_repeats=0,
    pattern_sentences=0,
    steps=12,
    batch_tokens=512,
    whole_words=False,
    pieces=600,
    meaning_size=16,
    hidden_size=32,
    word_size=24,
    layers=1,
    heads=2,
    intermediate_size=48,
    device='cpu',
    mixed_precision=False,
    checkpoint_every=10,
)


def quiet(step: int, steps: int, loss: float) -> None:
    assert 0 < step <= steps and math.isfinite(loss)


@pytest.fixture(scope='module')
def toy(wordnet_folder: Path, text_vectors_file: Path) -> TrainConfig:
    return replace(TOY, wordnet=wordnet_folder, text_vectors=text_vectors_file)


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory, toy: TrainConfig) -> Path:
    folder = tmp_path_factory.mktemp('train') / 'toy'
    result = train(replace(toy, output=folder), quiet)
    assert result.steps == 12 and result.tokens > 0 and 0 < result.weights_mb < 1
    return folder


def test_a_trained_model_answers_commands(trained: Path) -> None:
    with GPUOptimizedSafetyLLM(GPUConfig(device='cpu'), model=trained) as llm:
        verdict = llm.check('go to the sofa')
        assert verdict.model == 'toy'
        assert 0 <= verdict.safety_score <= 1


def test_the_folder_says_what_it_is(trained: Path) -> None:
    config = trained / 'config.json'
    settings = json.loads(config.read_text())['eip']
    assert settings['format'] == FORMAT and settings['calibration']['temperature'] > 0
    assert 0 < len(settings['plan_tokens']) < json.loads(config.read_text())['vocab_size']
    card = (trained / 'README.md').read_text()
    assert 'Weak spots' in card and '{' not in card


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    def interrupt(step: int, steps: int, loss: float) -> None:
        if step == 12:
            raise KeyboardInterrupt

    config = replace(toy, output=tmp_path / 'resumed')
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupt)
    heard: list[int] = []
    train(config, lambda step, steps, loss: heard.append(step))
    assert heard == [12]
    options = EngineOptions(device='cpu')
    prompts = ['<bos><cmd> go to the sofa<verdict>']
    one = TransformersEngine(trained, options).score(prompts, ['<safe>', '<fire>'])[0]
    other = TransformersEngine(config.output, options).score(prompts, ['<safe>', '<fire>'])[0]
    assert other == pytest.approx(one, abs=2e-3)
    told = [
        next(line for line in card.splitlines() if line.startswith('| steps, tokens'))
        for card in ((folder / 'README.md').read_text() for folder in (trained, config.output))
    ]
    assert told[0] == told[1], 'the card leaves out what was learnt before the interruption'


class Remembering:
    """Remembers of each parameter what it is given."""

    def __init__(self, **remembered: float) -> None:
        self._remembered = remembered
        self._states: dict[torch.Tensor, dict[str, torch.Tensor]] = {}

    def state_of(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        fresh = {name: torch.tensor(value) for name, value in self._remembered.items()}
        return self._states.setdefault(parameter, fresh)


def test_all_of_a_checkpoint_goes_to_where_the_weights_are(tmp_path: Path) -> None:
    reached, optimizer = Reached(1, 2, 3.5), Remembering(step=1, exp_avg=0.1, momentum_buffer=0.2)
    save_checkpoint(tmp_path, torch.nn.Linear(2, 1), optimizer, reached, 'mine')
    there, restored = torch.nn.Linear(2, 1, device='meta'), Remembering()
    assert load_checkpoint(tmp_path, there, restored, 'of another run') == Reached()
    assert load_checkpoint(tmp_path, there, restored, 'mine') == reached
    found = [value for item in there.parameters() for value in restored.state_of(item).values()]
    assert len(found) == 6 and all(value.is_meta for value in found)


def test_a_checkpoint_of_another_configuration_is_left_alone(
    tmp_path: Path, toy: TrainConfig
) -> None:
    config = replace(toy, output=tmp_path / 'model', steps=10)
    train(config, quiet)
    heard: list[int] = []
    result = train(replace(config, seed=5), lambda step, steps, loss: heard.append(step))
    assert heard == [10]
    again = train(replace(config, seed=5), lambda step, steps, loss: heard.append(step))
    assert heard == [10], 'the finished run was trained again'
    assert again.tokens == result.tokens


def test_a_run_goes_on_from_a_trained_model_though_its_text_has_changed(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    """One step at a hair's rate: what the model says then is what it said before."""
    rates = {'steps': 1, 'learning_rate': 1e-9, 'trunk_learning_rate': 1e-9}
    config = replace(toy, output=tmp_path / 'further', start=trained, plan_examples=90, **rates)
    train(config, quiet)
    scratch = replace(config, output=tmp_path / 'scratch', start=None)
    train(scratch, quiet)
    options = EngineOptions(device='cpu')
    prompts = ['<bos><cmd> go to the sofa<verdict>', '<bos><cmd> bring me the cup<verdict>']
    before, after, chance = (
        TransformersEngine(folder, options).score(prompts, ['<safe>', '<fire>', '<burn>'])
        for folder in (trained, config.output, scratch.output)
    )
    assert np.asarray(after) == pytest.approx(np.asarray(before), abs=0.02)
    assert np.asarray(chance) != pytest.approx(np.asarray(before), abs=0.1)
    card = (config.output / 'README.md').read_text()
    assert '`eip train -o start=toy -o plan_examples=90' in card
    corpus = json.loads((trained / 'config.json').read_text())['eip']['corpus']
    assert f'of corpus {corpus}' in card


def test_what_the_start_knew_of_words_that_the_new_text_lacks_is_kept(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    tokenizer, model = load_model(str(trained), 'cpu', EngineOptions(device='cpu'))
    meaning = torch.zeros(len(tokenizer), 7)
    start = Start.of(trained, PreTrainedTokenizerFast(tokenizer_file=f'{trained}/tokenizer.json'),
                     meaning)  # fmt: skip
    ids = {name: tokenizer.convert_tokens_to_ids([name])[0] for name in CONTROL}
    learner = LexicalModel(replace(toy, meaning_size=8), meaning, ids, start.used(meaning))
    start.give(learner)
    tokens = torch.arange(300, 500)
    assert torch.allclose(learner.eval().embed(tokens), model.lm_head.weight[tokens], atol=1e-3)


def test_what_meanings_tell_is_found_beside_what_words_have_of_their_own() -> None:
    torch.manual_seed(3)
    meaning, projection = torch.randn(900, 20), torch.randn(12, 20)
    own = torch.randn(900, 12) * 3
    own[::2] = 0.0  # every other word stood in no sentence
    meaning[5] = 0.0
    found = fitted(meaning, meaning @ projection.T + own)
    assert torch.allclose(found, projection, atol=1e-3)


def test_a_start_of_other_sizes_or_none_at_all_is_refused(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    wide = replace(toy, output=tmp_path / 'new', start=trained, hidden_size=64, heads=1)
    with pytest.raises(ValueError, match=r'other sizes; give -o hidden_size=32 -o heads=2$'):
        train(wide, quiet)
    other = Path(shutil.copytree(trained, tmp_path / 'other'))
    settings = (other / 'config.json').read_text()
    (other / 'config.json').write_text(settings.replace(FORMAT, 'nano-0'))
    with pytest.raises(ValueError, match=rf'no model that .* in the form {FORMAT}'):
        train(replace(toy, output=tmp_path / 'new', start=other), quiet)
    (other / 'config.json').unlink()
    with pytest.raises(ValueError, match=r'config\.json cannot be read'):
        train(replace(toy, output=tmp_path / 'new', start=other), quiet)
    with pytest.raises(ValueError, match=r'holds no model\.int8'):
        replace(toy, start=tmp_path)
    with pytest.raises(ValueError, match=r'give another output'):
        replace(toy, start=trained, output=trained)


def test_the_mean_of_two_models_lies_between_them(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    further = replace(toy, output=tmp_path / 'further', start=trained, steps=2, plan_examples=90)
    train(further, quiet)
    folders = (trained, further.output)
    average(folders, tmp_path / 'mean')
    one, other, mean = (
        stored_int8(folder, torch.float32) for folder in (*folders, tmp_path / 'mean')
    )
    for name in one.keys() - {'words'}:
        between = (one[name] + other[name]) / 2
        assert not torch.equal(one[name], other[name]), name
        assert torch.allclose(mean[name], between, atol=float(between.abs().max()) / 127), name
    here, there = (vocabulary(folder) for folder in folders)
    both = next(text for text in here if text in there and text.startswith('Ġ'))
    words = (one['words'][here[both]] + other['words'][there[both]]) / 2
    assert torch.allclose(mean['words'][here[both]], words, atol=float(words.abs().max()) / 127)
    alone = next((text for text in here if text not in there), None)
    assert alone is not None
    near = float(one['words'][here[alone]].abs().max()) / 127
    assert torch.allclose(mean['words'][here[alone]], one['words'][here[alone]], atol=near)
    card = (tmp_path / 'mean' / 'README.md').read_text()
    assert f'| mean of this and | {told_start(further.output)} (started from weights' in card
    assert 'Figures of the first run' in card


def test_models_that_have_no_mean_are_refused(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    with pytest.raises(ValueError, match='1 model is given'):
        average((trained,), tmp_path / 'mean')
    with pytest.raises(ValueError, match=r'holds no model\.int8'):
        average((trained, tmp_path), tmp_path / 'mean')
    with pytest.raises(ValueError, match='give another'):
        average((trained, trained), trained)
    deep = replace(toy, output=tmp_path / 'deep', layers=2, steps=1)
    train(deep, quiet)
    with pytest.raises(ValueError, match='other sizes'):
        average((trained, deep.output), tmp_path / 'mean')
    assert not (tmp_path / 'mean').exists()


def test_the_margins_of_a_saved_model_are_its_answers(trained: Path) -> None:
    tokenizer, model = load_model(str(trained), 'cpu', EngineOptions(device='cpu'))
    prompts = ['<bos><cmd> go to the sofa<verdict>', '<bos><cmd> burn<verdict>']
    margins = verdict_margins(model, tokenizer, [Example(x, '<safe>', 't') for x in prompts], 'cpu')
    answers = ['<safe>', *(f'<{name}>' for name in CATEGORIES)]
    told = np.asarray(TransformersEngine(trained, EngineOptions('cpu')).score(prompts, answers))
    harm = np.log(np.exp(told[:, 1:]).sum(1)) - told[:, 0]
    assert [margin.model for margin in margins] == pytest.approx(list(harm), abs=1e-3)


THINGS = ('cup', 'sofa', 'door', 'book', 'lamp')


def write_calibration(folder: Path, *verbs: tuple[str, str]) -> Path:
    told = [
        {'text': f'{verb} the {thing}', 'label': label, 'category': 'fire'}
        for thing in THINGS
        for verb, label in verbs
    ]
    folder.mkdir()
    (folder / 'calibration.jsonl').write_text('\n'.join(map(json.dumps, told)))
    return folder


def margins_from(told: Sequence[float]) -> Callable[..., list[Margin]]:
    """Return a stand-in for `verdict_margins`: `told` for the harmful rows, against the others."""

    def margins(model: object, tokenizer: object, rows: list[Example], *_: object) -> list[Margin]:
        values = {'<safe>': cycle(told), '<fire>': cycle(told)}
        signed = ((next(values[row.target]), row.target == '<fire>') for row in rows)
        return [Margin(value if harm else -value, 0.0, harm) for value, harm in signed]

    return margins


BOTH = (('burn', 'unsafe'), ('wash', 'safe'))


def test_a_model_is_calibrated_anew_without_touching_its_weights(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = tmp_path / 'model', write_calibration(tmp_path / 'rows', *BOTH)
    shutil.copytree(trained, model)
    told = margins_from([2.0, 2.0, 2.0, 2.0, -2.0])
    monkeypatch.setattr(f'{recalibrate.__module__}.verdict_margins', told)
    calibration, error = recalibrate(model, rows, harm_prior=0.2, device='cpu')
    settings = json.loads((model / 'config.json').read_text())['eip']
    assert settings['calibration'] == asdict(calibration)
    assert calibration.temperature == pytest.approx(2.0 / math.log(4.0), rel=0.01)
    assert 0 <= error <= 1
    name = 'model.int8.safetensors'
    assert (model / name).read_bytes() == (trained / name).read_bytes()
    with pytest.raises(CorpusError, match=r'calibration\.jsonl'):
        recalibrate(model, tmp_path, device='cpu')


def test_a_saved_model_itself_is_calibrated_anew(trained: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(trained, tmp_path / 'model'))
    tokenizer, network = load_model(str(model), 'cpu', EngineOptions(device='cpu'))
    texts = [f'{verb} the {thing}' for verb in ('burn', 'wash', 'cut') for thing in THINGS]
    rows = [Example(f'<bos><cmd> {text}<verdict>', '<safe>', 't') for text in texts]
    margins = verdict_margins(network, tokenizer, rows, 'cpu')
    by_margin = sorted(zip((item.model for item in margins), texts, strict=True))
    labels = ['safe'] * 6 + ['unsafe', 'safe', 'unsafe'] + ['unsafe'] * 6
    told = [
        {'text': text, 'label': label, 'category': 'fire'}
        for (_, text), label in zip(by_margin, labels, strict=True)
    ]
    folder = tmp_path / 'rows'
    folder.mkdir()
    (folder / 'calibration.jsonl').write_text('\n'.join(map(json.dumps, told)))
    before = json.loads((model / 'config.json').read_text())['eip']['calibration']
    calibration, _ = recalibrate(model, folder, device='cpu')
    assert asdict(calibration) != before and calibration.temperature > 0


def test_pairs_that_alternate_do_not_part_the_labels_where_the_error_is_measured(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = tmp_path / 'model', write_calibration(tmp_path / 'rows', *BOTH)
    shutil.copytree(trained, model)
    monkeypatch.setattr(f'{recalibrate.__module__}.verdict_margins', margins_from([0.2]))
    _, error = recalibrate(model, rows, device='cpu')
    assert error < 0.1, 'one label alone cannot be fitted'


@pytest.mark.parametrize(
    ('verbs', 'told', 'named'),
    [
        (BOTH[:1], 2.0, 'holds 0 rows with the label safe'),
        (BOTH[1:], 2.0, 'holds 0 rows with the label unsafe'),
        (BOTH, -2.0, 'no better than chance'),
    ],
)
def test_rows_that_fit_nothing_leave_the_calibration_as_it_was(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verbs: tuple[tuple[str, str], ...],
    told: float,
    named: str,
) -> None:
    model, rows = tmp_path / 'model', write_calibration(tmp_path / 'rows', *verbs)
    shutil.copytree(trained, model)
    monkeypatch.setattr(f'{recalibrate.__module__}.verdict_margins', margins_from([told]))
    before = (model / 'config.json').read_bytes()
    with pytest.raises(CorpusError, match=named) as caught:
        recalibrate(model, rows, device='cpu')
    assert str(rows) in str(caught.value)
    assert (model / 'config.json').read_bytes() == before


def test_both_forms_of_weights_answer_alike(
    trained: Path, tmp_path: Path, toy: TrainConfig
) -> None:
    config = replace(toy, output=tmp_path / 'half', weights='float16')
    shutil.copytree(trained, config.output)
    train(config, quiet)
    stale = config.output / 'model.int8.safetensors'
    assert not stale.exists(), 'it would be read before the new weights'
    options = EngineOptions(device='cpu')
    prompts = ['<bos><cmd> go to the sofa<verdict>', '<bos><cmd> burn it<verdict>']
    one = TransformersEngine(trained, options).score(prompts, ['<safe>', '<fire>'])
    other = TransformersEngine(config.output, options).score(prompts, ['<safe>', '<fire>'])
    assert np.allclose(one, other, atol=0.05)
    sizes = [sum(f.stat().st_size for f in folder.glob('*.safetensors') if 'check' not in f.name)
             for folder in (trained, config.output)]  # fmt: skip
    assert sizes[0] < 0.7 * sizes[1]


def test_int8_weights_that_do_not_fit_are_one_line(trained: Path, tmp_path: Path) -> None:
    model = tmp_path / 'model'
    shutil.copytree(trained, model)
    settings = json.loads((model / 'config.json').read_text())
    (model / 'config.json').write_text(json.dumps({**settings, 'num_hidden_layers': 2}))
    with pytest.raises(ModelError, match='does not fit') as caught:
        TransformersEngine(model, EngineOptions(device='cpu'))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('weights', 'smaller'), [('int8', ''), ('float16', 'take weights int8, ')])
def test_weights_over_the_limit_are_refused_before_the_training(
    tmp_path: Path, toy: TrainConfig, weights: str, smaller: str
) -> None:
    config = replace(toy, output=tmp_path / 'model', weights=weights, max_weights_mb=0.001)
    heard: list[int] = []
    with pytest.raises(ValueError, match=f'max_weights_mb is 0.001; raise it, {smaller}or make'):
        train(config, lambda step, steps, loss: heard.append(step))
    assert not heard and not list(config.output.iterdir())


def test_weights_take_what_was_foretold(trained: Path, toy: TrainConfig) -> None:
    size_mb = (trained / 'model.int8.safetensors').stat().st_size / 1e6
    tokens = json.loads((trained / 'config.json').read_text())['vocab_size']
    ids = dict.fromkeys(('<bos>', '<eos>', '<pad>'), 0)
    learner = LexicalModel(toy, torch.zeros(tokens, 4), ids, [0])
    check_size(learner, [], replace(toy, max_weights_mb=size_mb))
    with pytest.raises(ValueError, match='max_weights_mb'):
        check_size(learner, [], replace(toy, max_weights_mb=0.8 * size_mb))


def test_batches_hold_every_row_once_and_stay_below_the_limit() -> None:
    tokenizer = make_tokenizer(['go'], ['go to the sink'] * 3, 600)
    rng = random.Random(1)
    examples = [
        Example(f'<bos><cmd>{"go " * rng.randint(1, 40)}<verdict>', '<safe>', 'test')
        for _ in range(200)
    ]
    rows = rows_of(examples, tokenizer, 320)
    batches = plan_batches(rows, 256, seed=1)
    assert sorted(index for batch in batches for index in batch) == list(range(200))
    assert all(len(b) * max(len(rows[i].ids) for i in b) <= 256 for b in batches)
    assert batches == plan_batches(rows, 256, seed=1) != plan_batches(rows, 256, seed=2)


def test_a_harmful_and_a_harmless_row_of_a_group_come_together() -> None:
    rng = random.Random(1)
    rows = [
        Row((*range(rng.randint(2, 30)), verdict), 0, False, f'g{index // 4}')
        for index, verdict in enumerate([7, 8, 9, 8] * 30)
    ]
    rows = [replace(row, prompt=len(row.ids) - 1) for row in rows]
    batches = plan_batches(rows, 120, seed=3)
    assert sorted(i for batch in batches for i in batch) == list(range(len(rows)))
    pairs = [(i, j) for batch in batches for i, j in pairwise(batch) if i // 4 == j // 4]
    assert len({i // 4 for i, j in pairs if rows[i].verdict != rows[j].verdict}) == 30
    together = [rows[i] for i in range(4)]
    assert rivals(together, safe=7) == [(1, 0), (2, 0), (3, 0)]
    assert rivals([replace(row, group='') for row in together], safe=7) == []


def test_telling_a_pair_apart_costs_less_the_farther_it_lies_apart() -> None:
    class Plain:
        def embed(self, ids: torch.Tensor) -> torch.Tensor:
            return torch.eye(3)

    rows = [Row((5, 2), 1, False, 'g'), Row((5, 0), 1, False, 'g')]
    answers = Answers([0, 1, 2], [*rows, Row((5, 3, 4), 1, True)], 6, pair_weight=1.0)
    labels = torch.tensor([[2], [0]])

    def extra(margin: float) -> float:
        hidden = torch.tensor([[[0.0, -9.0, margin]], [[0.0, -9.0, -margin]]])
        told = [answers.loss(Plain(), hidden, labels, plan=False, pairs=p) for p in ([(0, 1)], [])]
        return float(told[0] - told[1])

    assert extra(-1.0) > extra(0.0) > extra(1.0) > 0.0
    assert extra(0.0) == pytest.approx(math.log(2.0), abs=0.01)


def test_a_plan_learns_to_write_its_own_words_and_none_of_its_prompt() -> None:
    class Plain:
        def embed(self, ids: torch.Tensor) -> torch.Tensor:
            return torch.eye(6)[ids]

    answers = Answers([0, 1], [Row((5, 0), 1, False), Row((2, 3, 4), 1, True)], 6)
    assert answers.plans.tolist() == [3, 4]

    def loss(favoured: int) -> float:
        hidden = 9.0 * torch.eye(6)[favoured].reshape(1, 1, 6)
        return float(answers.loss(Plain(), hidden, torch.tensor([[3]]), plan=True))

    assert loss(3) < 0.01, 'the right one'
    assert loss(4) > 8, 'another word of plans'
    assert loss(2) > 8, 'a word of the prompt'
    assert loss(5) == pytest.approx(math.log(3.0), abs=0.01), 'a word that no plan may hold'


def margins_of(given: Calibration, count: int = 6000) -> list[Margin]:
    rng = np.random.default_rng(1)
    told = [Margin(*row, False) for row in rng.normal(0, 4, (count, 2)).tolist()]
    harmful = rng.random(count) < probabilities(told, given)
    return [replace(item, harmful=bool(h)) for item, h in zip(told, harmful, strict=True)]


def test_calibration_finds_what_made_the_labels() -> None:
    margins = margins_of(Calibration(3.0, 0.4, 0.5))
    found = fit_calibration(margins)
    assert found.temperature == pytest.approx(3.0, rel=0.2)
    assert found.bias == pytest.approx(0.4, abs=0.2)
    assert found.ngram_weight == pytest.approx(0.5, rel=0.2)
    p = probabilities(margins, found)
    assert expected_calibration_error(list(p), [item.harmful for item in margins]) < 0.03


def test_word_sequences_that_speak_against_the_truth_are_not_heard() -> None:
    margins = [replace(item, ngrams=-item.ngrams) for item in margins_of(Calibration(2.0, 0, 0.5))]
    assert fit_calibration(margins).ngram_weight == pytest.approx(0.0, abs=1e-9)


def test_calibration_without_both_classes_changes_nothing() -> None:
    assert fit_calibration([Margin(1.0, 0.0, True)]) == Calibration()
    assert fit_calibration([]) == Calibration()
    assert expected_calibration_error([], []) == 0.0


def test_calibration_error_of_a_liar_is_large() -> None:
    assert expected_calibration_error([0.99] * 10, [False] * 10) == pytest.approx(0.99)


def test_calibration_is_judged_at_the_share_of_harm_that_it_was_made_for() -> None:
    margins = margins_of(Calibration(2.0, 0.0), 20_000)
    use = for_use(fit_calibration(margins), margins, 0.1)
    p, harmful = list(probabilities(margins, use)), [item.harmful for item in margins]
    assert expected_calibration_error(p, harmful) > 0.2
    assert expected_calibration_error(p, harmful, harm_share=0.1) < 0.02
    assert share_weights([True, True], 0.1).tolist() == [1.0, 1.0]
