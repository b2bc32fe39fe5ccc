"""The run directory: created, listed, locked, written, followed. Imports neither Keras nor Textual."""
