"""What went into a prompt and what it cost, in lines for a person: what `--why` tells."""

from __future__ import annotations

from bridge_cli.events import Answer
from bridge_cli.exchanges import CANCELLED
from bridge_cli.memory import PromptMemory, Recalled
from bridge_cli.spending import Cost, all_input, cache_share, in_dollars
from bridge_cli.tables import counted, local_time, who
from bridge_cli.terminal import harmless, notice

_SCOPES = {
    "owner": "looked for in all your sessions",
    "session": "looked for in this session",
    "off": "switched off",
}


def tell_why(answer: Answer) -> None:
    """Tell it on standard error."""
    for line in why(answer):
        notice(harmless(line))


def why(answer: Answer) -> list[str]:
    """Return the lines: the prompt's parts, what was recalled, tokens by kind, and dollars."""
    if answer.memory is None:
        made_of = ["What went into the prompt is not known: the answer was fetched from the history."]
    else:
        made_of = [*_parts(answer.memory), *_recalled(answer.memory)]
    if answer.stop_reason == CANCELLED:
        made_of.append(
            "It was cancelled: what was answered until then is estimated where Claude did not say."
        )
    return [*made_of, *_tokens(answer.usage), *_cost(answer)]


def _parts(memory: PromptMemory) -> list[str]:
    summary, system = memory.summary, memory.system
    details = {
        "system": f"the session's own: {counted(system.characters, 'character')}, named in turn {system.turn}"
        if system
        else "",
        "summary": f"of {counted(summary.turns, 'turn')}, {counted(summary.characters, 'character')}"
        if summary
        else "there is none yet",
        "window": f"{counted(memory.window_messages, 'message')}, "
        f"{counted(memory.window_characters, 'character')}",
        "recall": _SCOPES.get(memory.recall or "", memory.recall or ""),
    }
    if not memory.tokens:
        return [f"In the prompt: the window ({details['window']}). This bridge tells no more."]
    name_width = max(map(len, memory.tokens))
    counts = {part: f"{count:,}" for part, count in memory.tokens.items()}
    width = max(map(len, counts.values()))
    lines = [
        f"  {part:{name_width}}  {count:>{width}}  {details.get(part, '')}".rstrip()
        for part, count in counts.items()
    ]
    return [f"In the prompt, about {sum(memory.tokens.values()):,} tokens:", *lines]


def _recalled(memory: PromptMemory) -> list[str]:
    if memory.recalled is None:
        if memory.recall is None:
            return []
        return ["The turn had been kept before: what was recalled for it is not told again."]
    if not memory.recalled:
        return [] if memory.recall == "off" else ["Recalled: nothing."]
    return ["Recalled:", *(f"  {_passage(one)}" for one in memory.recalled)]


def _passage(one: Recalled) -> str:
    said = f"{who(one.role)}, {local_time(one.at)}"
    return f"{one.session_id}, turn {one.turn}: {said} (score {one.score:.2f})"


def _tokens(usage: dict[str, int]) -> list[str]:
    if not all_input(usage) and not usage.get("output_tokens"):
        return []
    written, for_an_hour = (
        usage.get("cache_creation_input_tokens", 0),
        usage.get("cache_creation_1h_input_tokens", 0),
    )
    hour = f" ({for_an_hour:,} for an hour)" if for_an_hour else ""
    share = cache_share(usage)
    cached = f" ({share:.0%} of the input)" if share is not None else ""
    return [
        f"Tokens: {usage.get('input_tokens', 0):,} new, {written:,} written to the cache{hour}, "
        f"{usage.get('cache_read_input_tokens', 0):,} read from it{cached}; "
        f"{usage.get('output_tokens', 0):,} answered."
    ]


def _cost(answer: Answer) -> list[str]:
    if answer.cost is None:
        if answer.memory is None or answer.memory.recall is None:
            return []
        return [f"Cost: not known; the environment's settings have no price for {answer.model}."]
    return [f"Cost: {in_dollars(answer.cost.dollars)}; {_saved(answer.cost)}."]


def _saved(cost: Cost) -> str:
    if cost.saved > 0:
        share = cost.saved / cost.uncached_dollars
        return f"the cache saved {in_dollars(cost.saved)} ({share:.0%})"
    if cost.saved < 0:
        return f"{in_dollars(-cost.saved)} of it for filling the cache, which later turns read from"
    return "nothing was cached"
