"""mnist-tui: train a Keras CNN on digits in the terminal, and watch, question and steer it live."""

__version__ = "0.2.0"
