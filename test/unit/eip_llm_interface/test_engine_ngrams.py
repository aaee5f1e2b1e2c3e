"""The head over word sequences: what is kept on disk is what was learnt."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_llm_interface.engine.ngrams import NGRAM_FILE, NgramHead, ngram_keys
from eip_llm_interface.training.ngram_learning import learn_ngrams

POUR, PUT, WATER, LAPTOP, CUP, ON, IN = range(10, 17)
TEXTS = [
    ([1, POUR, WATER, ON, LAPTOP, 5], True),
    ([1, POUR, WATER, IN, CUP, 5], False),
    ([1, PUT, CUP, ON, LAPTOP, 5], True),
    ([1, PUT, LAPTOP, IN, CUP, 5], False),
]


def learnt() -> NgramHead:
    rows = TEXTS * 200
    random.Random(1).shuffle(rows)
    texts, harmful = zip(*rows, strict=True)
    return learn_ngrams(texts, harmful, 1000, epochs=20)


def test_what_was_learnt_is_told_apart() -> None:
    head = learnt()
    assert all((head.margin(ids) > 0.0) is harmful for ids, harmful in TEXTS)


def test_a_saved_head_says_the_same(tmp_path: Path) -> None:
    head = learnt()
    head.save(tmp_path)
    again = NgramHead.load(tmp_path)
    assert again is not None
    for ids, _ in TEXTS:
        assert again.margin(ids) == pytest.approx(head.margin(ids), abs=0.05)


def test_a_folder_without_a_head_has_none_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert NgramHead.load(tmp_path) is None
    (tmp_path / NGRAM_FILE).write_bytes(b'nothing')
    with pytest.raises(ValueError, match='copy it again'):
        NgramHead.load(tmp_path)


@given(st.lists(st.integers(0, 100_000), max_size=400))
def test_any_tokens_give_a_finite_margin(ids: list[int]) -> None:
    head = NgramHead(np.array([7], dtype=np.uint32), np.ones(1), np.ones(1), 0.5)
    assert math.isfinite(head.margin(ids))
    assert len(ngram_keys(ids)) == sum(max(0, len(ids) - n) for n in range(3))


def test_order_matters_to_sequences() -> None:
    assert set(ngram_keys([1, 2]).tolist()) != set(ngram_keys([2, 1]).tolist())


def test_of_too_many_sequences_those_in_the_most_texts_are_known() -> None:
    texts = [[WATER], [WATER], [WATER], [CUP], [CUP], [LAPTOP], [LAPTOP], [LAPTOP], [LAPTOP]]
    head = learn_ngrams(texts, [True, True, True, True, False, False, False, False, False], 2)
    unknown = head.margin([PUT])
    assert head.margin([CUP]) == unknown
    assert head.margin([WATER]) > unknown > head.margin([LAPTOP])


def test_one_class_alone_or_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match='one class only'):
        learn_ngrams([[1, 2], [1, 3]], [True, True], 10)
    with pytest.raises(ValueError, match='in common'):
        learn_ngrams([[1], [2]], [True, False], 10)
    with pytest.raises(ValueError, match='one of each'):
        NgramHead(np.zeros(0, dtype=np.uint32), np.zeros(0), np.zeros(0), 0.0)
