"""The model server's process: a tiny language model on Claude's Messages wire, by llama.cpp.

It decodes greedily, whatever temperature a client asks for, so that the same talk gets the same answer.

A second one writes the summaries, mostly with the cores that nobody else wants: the model reads 130 tokens
a second, and while it read what a summary is made of, an answer waited 17 s instead of 0.1 s for its first
word.
"""

from __future__ import annotations

import os
import sys
import threading

MODEL = "smollm2-135m"
SYSTEM_PROMPT = "You are a helpful assistant. Remember what the user tells you and use it in your answers."
"""Found by trying: of a dozen instructions the one under which the model recalled best."""
MAX_OUTPUT_TOKENS = 256
RECALL_TOKENS = 200
"""Read in 1.5 s; unlike the session, what is recalled is never in the model's cache."""
NOTE = (
    "answers come from a tiny model on this machine (SmolLM2-135M), not from Claude: "
    "good for trying the bridge, not for judging answers"
)

_CONTEXT_TOKENS = 8192  # what the model was trained for
_SLOTS = 2
_NICENESS = 10  # a tenth of a core that others want, so that a summary still ends


def serve(model_file: str, port: int, *, summaries: bool) -> None:
    """Serve until whoever started this process is gone: standard input closes.

    For `summaries`, one at a time, and with little of a core that another process wants.
    """
    import xllamacpp

    if summaries:
        os.nice(_NICENESS)
    slots = 1 if summaries else _SLOTS
    threading.Thread(target=_orphaned, daemon=True).start()
    params = xllamacpp.CommonParams()
    params.model.path = model_file
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = _CONTEXT_TOKENS * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads(os.cpu_count() or 1)
    params.sampling.samplers = "top_k"  # and no temperature, which a request could raise
    params.sampling.top_k = 1
    params.sampling.temp = 0
    params.sampling.seed = 1
    params.ui = False
    params.cors_origins = "http://127.0.0.1"
    params.verbosity = 1
    server = xllamacpp.Server(params)
    print(f"{MODEL} on {server.listening_address}", flush=True)
    threading.Event().wait()


def threads(cores: int) -> int:
    """Return how many threads to compute with: half the cores.

    The threads wait for one another after every layer, spinning. With as many as there are cores, one that
    has to share its core holds them all up: 100 tokens took 1 s on two idle cores and up to 54 s on busy
    ones, with one thread 1.4 s on either.
    """
    return max(1, min(4, cores // 2))


def _orphaned() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), summaries="summaries" in sys.argv[3:])
