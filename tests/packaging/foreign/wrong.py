"""Mistakes that a type checker has to see, if it sees the construct's types. It is never run."""

from __future__ import annotations

from claude_context_bridge import BridgeProps, ContextBridge


def mistaken(bridge: ContextBridge) -> int:
    """Return what is no number."""
    BridgeProps(modell="claude-haiku-5-5")  # type: ignore[call-arg]
    BridgeProps(context_limit="8000")  # type: ignore[arg-type]
    return bridge.url  # type: ignore[return-value]
