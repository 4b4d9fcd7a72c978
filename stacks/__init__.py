"""The applications of the construct in this repository."""
