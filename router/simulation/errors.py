"""What can go wrong in a run."""

from __future__ import annotations


class SimulationError(RuntimeError):
    """A run cannot go on; the text says what happens in it and what would help."""
