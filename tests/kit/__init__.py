"""Kits that tests share: the recorded run, synthetic runs, a fake engine, sample settings and events."""
