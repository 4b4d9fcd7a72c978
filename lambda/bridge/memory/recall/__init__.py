"""Recall: which of all that was said bears on what is asked now. Lexical, with a little of meaning."""

from bridge.memory.recall.analysis import Analysis, analyse
from bridge.memory.recall.index import RecallIndex
from bridge.memory.recall.messages import Hit, Message
from bridge.memory.recall.segments import StaleSegment, pack, unpack

__all__ = ["Analysis", "Hit", "Message", "RecallIndex", "StaleSegment", "analyse", "pack", "unpack"]
