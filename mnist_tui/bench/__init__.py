"""Harness for benchmarks: engines, timing and results of `mnist-tui bench` and `python -m tests.bench`."""
