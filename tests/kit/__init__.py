"""Kits that tests share: recorded runs, runs made on the spot, a fake engine, samples of data."""
