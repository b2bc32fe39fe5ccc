"""Data sets, their splits, and augmentation."""
