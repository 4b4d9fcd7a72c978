"""Claude Context Bridge."""
