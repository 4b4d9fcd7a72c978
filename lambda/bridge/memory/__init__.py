"""What Claude is told: which part of a conversation, and in which order."""
