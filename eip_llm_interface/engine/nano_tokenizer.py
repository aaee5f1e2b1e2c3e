"""The tokenizer of EIP's own models, called as those of `transformers` are.

It reads the same files; importing `transformers` for it would take longer than loading the model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

__all__ = ['NanoTokenizer']


class NanoTokenizer:
    """Reads tokenizer.json and tokenizer_config.json of a model's folder."""

    chat_template = None

    def __init__(self, folder: Path) -> None:
        self.backend_tokenizer = Tokenizer.from_file(str(folder / 'tokenizer.json'))
        settings = json.loads((folder / 'tokenizer_config.json').read_text(encoding='utf-8'))
        self.bos_token: str = settings['bos_token']
        self.eos_token_id: int = self.convert_tokens_to_ids([settings['eos_token']])[0]
        self.pad_token_id: int = self.convert_tokens_to_ids([settings['pad_token']])[0]

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()

    def __call__(
        self, texts: Sequence[str], add_special_tokens: bool = True
    ) -> dict[str, list[list[int]]]:
        """Return the token ids of each text, as `input_ids`."""
        found = self.backend_tokenizer.encode_batch_fast(
            list(texts), add_special_tokens=add_special_tokens
        )
        return {'input_ids': [item.ids for item in found]}

    @property
    def all_special_ids(self) -> list[int]:
        """Return the ids of tokens that write nothing."""
        added = self.backend_tokenizer.get_added_tokens_decoder()
        return [token for token, settings in added.items() if settings.special]

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Return the token ids of a text."""
        return self([text], add_special_tokens)['input_ids'][0]

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Return the text that the tokens write."""
        return self.backend_tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens)

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Return the ids of the tokens; raises ValueError for one that is none."""
        found = []
        for token in tokens:
            number = self.backend_tokenizer.token_to_id(token)
            if number is None:
                raise ValueError(f'tokenizer.json lacks the token {token}')
            found.append(number)
        return found
