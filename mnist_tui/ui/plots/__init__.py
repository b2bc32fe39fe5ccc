"""Plots of metrics, used by the training and compare screens."""
