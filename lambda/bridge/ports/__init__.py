"""What the domain needs of the world, in the domain's words. `bridge.adapters` gives it."""
