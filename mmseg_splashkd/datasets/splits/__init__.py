"""Split strategies that keep near-duplicate frames in one part or fold."""
