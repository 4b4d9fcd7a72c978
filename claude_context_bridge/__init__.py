"""Claude Context Bridge: a memory for conversations with Claude, as a CDK construct."""

from claude_context_bridge.construct import ContextBridge
from claude_context_bridge.domain import Domain
from claude_context_bridge.props import BridgeProps

__all__ = ["BridgeProps", "ContextBridge", "Domain"]
