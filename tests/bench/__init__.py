"""Benchmarks: figures measured side by side in one run. Not tests: nothing here fails CI."""
