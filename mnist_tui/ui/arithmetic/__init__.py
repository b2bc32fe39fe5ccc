"""The screen that recomputes one cell of a layer."""
