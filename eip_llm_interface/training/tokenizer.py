"""Make the shipped model's tokenizer: whole words where they are known, pieces elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eip_llm_interface.engine.mentions import MOST_MENTIONS, marks
from eip_llm_interface.engine.nano_format import SPECIAL_TOKENS, clean
from eip_llm_interface.training.wordnet import WORD, WordNet

__all__ = ['SPACE', 'make_tokenizer', 'whole_words']

SPACE = 'Ġ'  # how a byte-level tokenizer writes the space before a word
MARK = re.compile(r'@\d+')
ENDINGS = ('s', 'es', 'd', 'ed', 'ing', 'er', 'r', 'ly', "'s")
# Scores of a unigram model: one whole word beats a word and an ending, which beat other pieces.
WHOLE, ENDING, PIECE, BYTE = -8.0, -3.0, -10.0, -14.0
NEVER = -100.0
COMMON = 30_000  # rank in running text up to which any word counts


def whole_words(
    wordnet: WordNet, known: Iterable[str], texts: Iterable[str], ranks: Mapping[str, int]
) -> list[str]:
    """Return the words that get a token of their own, sorted.

    They are the words of `texts` (an unknown one must stand there twice), those of `known`, and
    of those that `ranks` holds (rank in running text, the most common 0) the common ones and
    those that WordNet knows, names left out, and forms that are no word and an ending.
    """
    counts = Counter(word for text in texts for word in WORD.findall(clean(text)))
    words = {word for word, n in counts.items() if n > 1 or wordnet.lemma(word) is not None}
    words.update(word for word in known if WORD.fullmatch(word))
    for word, rank in ranks.items():
        lemma = wordnet.lemma(word)
        is_told = lemma is not None and lemma not in wordnet.names
        if rank < COMMON or (is_told and word.removeprefix(str(lemma)) not in ENDINGS):
            words.add(word)
    return sorted(word for word in words if len(word) > 1)


def make_tokenizer(words: Sequence[str], texts: Iterable[str], pieces: int = 4096) -> Any:
    """Return a `transformers` fast tokenizer with the model's control tokens.

    A word after a space is one token when `words` holds it, else a word and an ending, else
    pieces, of which `pieces` are learnt from `texts` (byte pair encoding). Any byte can be
    written. The marks '@1' and so on are one token each, digits stand alone.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    scores = dict.fromkeys(SPECIAL_TOKENS, NEVER)
    for piece in sorted(_pieces(texts, pieces)):
        scores.setdefault(piece, BYTE if len(piece) == 1 else PIECE)
    scores.update(dict.fromkeys(ENDINGS, ENDING))
    scores.update({f'{SPACE}{word}': WHOLE for word in words})
    tokenizer = Tokenizer(models.Unigram(list(scores.items())))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token='<bos>',
        eos_token='<eos>',
        pad_token='<pad>',
        extra_special_tokens=list(SPECIAL_TOKENS[3:]),
        clean_up_tokenization_spaces=False,
    )


def _pieces(texts: Iterable[str], count: int) -> set[str]:
    """Return the pieces that byte pair encoding finds in `texts`, single bytes included."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=count - MOST_MENTIONS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((MARK.sub('', text) for text in texts), trainer)
    return set(tokenizer.get_vocab())


def _pre_tokenizer() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
