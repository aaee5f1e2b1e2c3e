"""Train the byte-level BPE tokenizer of the shipped model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from eip_llm_interface.engine.mentions import MOST_MENTIONS, marks
from eip_llm_interface.engine.nano_format import SPECIAL_TOKENS

__all__ = ['train_tokenizer']

MARK = re.compile(r'@\d+')


def train_tokenizer(texts: Iterable[str], vocabulary_size: int = 4096) -> Any:
    """Return a `transformers` fast tokenizer with the model's control tokens.

    The marks '@1' and so on are one token each. Digits stand alone, so that numbers are copied
    digit by digit; any byte can be written.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - MOST_MENTIONS,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((MARK.sub('', text) for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token='<bos>',
        eos_token='<eos>',
        pad_token='<pad>',
        extra_special_tokens=list(SPECIAL_TOKENS[3:]),
        clean_up_tokenization_spaces=False,
    )
