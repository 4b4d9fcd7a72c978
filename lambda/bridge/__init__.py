"""The bridge's functions: a memory between a WebSocket client and Claude.

The way of a message, from top to bottom: ``handlers.message`` → ``intake`` → the queue →
``handlers.answer`` → ``answering`` → ``memory`` → Claude. ``ports`` names what the domain needs
of the world, ``adapters`` gives it, ``bootstrap`` is the one place that puts them together.
"""
