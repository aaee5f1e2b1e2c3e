"""Train the shipped model: corpus, words, weights, calibration, model card."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eip_llm_interface.engine.loading import choose_device
from eip_llm_interface.engine.nano_format import CATEGORIES, CONTROL, SAFE
from eip_llm_interface.engine.ngrams import NgramHead
from eip_llm_interface.engine.plan_vocabulary import PlanVocabulary
from eip_llm_interface.evaluation.card import commit
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training.batches import Row, rows_of
from eip_llm_interface.training.calibrate import Calibration, fit_calibration, for_use
from eip_llm_interface.training.corpus import Corpus, make_corpus
from eip_llm_interface.training.held_out import held_out_figures, verdict_margins
from eip_llm_interface.training.identity import run_identity
from eip_llm_interface.training.model_card import write_model_card
from eip_llm_interface.training.ngram_learning import learn_ngrams
from eip_llm_interface.training.parts.freeform import calibration_examples
from eip_llm_interface.training.text_vectors import load_text_vectors
from eip_llm_interface.training.tokenizer import make_tokenizer, whole_words
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.weights import check_size, save_model
from eip_llm_interface.training.word_vectors import WordFacts, word_vectors
from eip_llm_interface.training.wordnet import WordNet

__all__ = ['TrainConfig', 'TrainResult', 'train']


@dataclass(frozen=True)
class TrainResult:
    """What came of a training run."""

    output: Path
    parameters: int
    steps: int
    tokens: int
    seconds: float
    weights_mb: float
    figures: Mapping[str, float] = field(default_factory=dict)


def train(
    config: TrainConfig, progress: Callable[[int, int, float], None] | None = None
) -> TrainResult:
    """Train as `config` says, write the model into `config.output`, and return what came of it.

    `progress` hears (step, steps, loss); without it a progress bar is drawn on stderr. A run that
    was interrupted goes on where its last checkpoint stands. Raises WordNetError without WordNet,
    TextVectorsError without the vectors of running text, CorpusError for a bad row and ValueError
    when the weights would take more than `max_weights_mb` or `start` is of other sizes.
    """
    import torch

    from eip_llm_interface.training.learning import Answers, learn
    from eip_llm_interface.training.lexical_model import meanings
    from eip_llm_interface.training.start import check_start, told_start

    began, made_of = time.monotonic(), commit()
    check_start(config)
    started_from = told_start(config.start)
    wordnet, knowledge = WordNet.load(config.wordnet), Knowledge.load()
    config.output.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = choose_device(config.device)
    corpus = make_corpus(config)
    by_text = load_text_vectors(config.text_vectors)
    facts = WordFacts.of(wordnet, knowledge)
    by_meaning = word_vectors(facts, config.meaning_size, config.seed)
    tokenizer = _tokenizer(config, corpus, wordnet, knowledge, by_text[0])
    rows = rows_of(corpus.training, tokenizer, config.longest_tokens)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in CONTROL}
    verdicts = tokenizer.convert_tokens_to_ids([SAFE, *(f'<{name}>' for name in CATEGORIES)])
    torch.manual_seed(config.seed)
    known = meanings(tokenizer, wordnet, (by_meaning, by_text))
    used = {token for row in rows for token in row.ids}.union(ids.values(), verdicts)
    learner = _learner(config, tokenizer, known, ids, used).to(device)
    check_size(learner, rows, config)
    answers = Answers(verdicts, rows, len(tokenizer), config.pair_weight)
    if progress is None:
        _say_what_it_takes(config, len(corpus.training), learner, device)
    identity = run_identity(config, started_from, corpus, len(rows), tokenizer, facts)
    control = list(ids.values())
    set_up_s = time.monotonic() - began
    reached = learn(learner, rows, answers, config, device, control, identity, progress)
    began = time.monotonic() - set_up_s - reached.seconds
    model = learner.merged()
    model.config.eip = {'plan_tokens': answers.plans.tolist()}
    ngrams = _ngrams(rows, verdicts[0], config)
    calibration, figures = _looked_at(model, ngrams, tokenizer, corpus, config, device)
    if ngrams is not None:
        ngrams.save(config.output)
    weights_mb = save_model(model, tokenizer, calibration, corpus.digest, config)
    result = TrainResult(
        output=config.output,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=config.steps,
        tokens=reached.tokens,
        seconds=time.monotonic() - began,
        weights_mb=weights_mb,
        figures=figures,
    )
    write_model_card(config, result, corpus, device, made_of, started_from)
    return result


def _tokenizer(
    config: TrainConfig,
    corpus: Corpus,
    wordnet: WordNet,
    knowledge: Knowledge,
    ranks: Mapping[str, int],
) -> Any:
    known = {word for wordings in knowledge.wordings.values() for item in wordings
             for word in item.split()}  # fmt: skip
    known |= {word for _, wordings in knowledge.verbs for item in wordings for word in item.split()}
    prompts = [item.prompt for item in corpus.training if not item.is_plan]
    texts = (f'{item.prompt}{item.target}' for item in corpus.training)
    words = whole_words(wordnet, known, prompts, ranks) if config.whole_words else []
    return make_tokenizer(words, texts, config.pieces)


def _learner(
    config: TrainConfig, tokenizer: Any, known: Any, ids: Mapping[str, int], used: set[int]
) -> Any:
    """Return the LexicalModel to train, with the weights of `config.start` where that is given."""
    from eip_llm_interface.training.lexical_model import LexicalModel
    from eip_llm_interface.training.start import Start

    if config.start is None:
        return LexicalModel(config, known, ids, used)
    start = Start.of(config.start, tokenizer, known)
    learner = LexicalModel(config, known, ids, used | start.used(known))
    start.give(learner)
    return learner


def _say_what_it_takes(config: TrainConfig, examples: int, model: Any, device: str) -> None:
    from rich.console import Console

    parameters = sum(parameter.numel() for parameter in model.trunk.parameters())
    operations = 6.0 * parameters * config.steps * config.batch_tokens
    Console(stderr=True).print(
        f'{examples} examples, {parameters / 1e6:.1f} million parameters beside the words, '
        f'{config.steps} steps of up to {config.batch_tokens} tokens on {device}: '
        f'{operations / 1e12:.0f} tera operations (a CPU core does 0.05 to 0.2 a second), about '
        f'5 GB of memory; a checkpoint every {config.checkpoint_every} steps in {config.output}'
    )


def _ngrams(rows: Sequence[Row], safe: int, config: TrainConfig) -> NgramHead | None:
    """Return the head over word sequences, None when there are no verdicts of both kinds."""
    judged = [row for row in rows if not row.is_plan]
    harmful = [row.ids[row.prompt] != safe for row in judged]
    if not any(harmful) or all(harmful):
        return None
    prompts = [row.ids[: row.prompt] for row in judged]
    return learn_ngrams(prompts, harmful, config.word_sequences, seed=config.seed)


def _looked_at(
    model: Any,
    ngrams: NgramHead | None,
    tokenizer: Any,
    corpus: Corpus,
    config: TrainConfig,
    device: str,
) -> tuple[Calibration, Mapping[str, float]]:
    """Return the calibration for use, and the held-out part's figures."""
    kept = [item for item in corpus.held_out if not item.is_plan]
    judged = [item for item in kept if item.is_written] or kept
    plans = [item for item in corpus.held_out if item.is_plan]
    margins = verdict_margins(model, tokenizer, judged, device, ngrams)
    apart = calibration_examples(config.freeform)
    told = verdict_margins(model, tokenizer, apart, device, ngrams) if apart else margins
    calibration = fit_calibration(told)
    ends = [tokenizer.eos_token_id]
    writable = PlanVocabulary(model.config, config.output.name, ends, device)
    figures = held_out_figures(
        margins, calibration, model, tokenizer, judged, plans, writable, device
    )
    return for_use(calibration, told, config.harm_prior), figures
