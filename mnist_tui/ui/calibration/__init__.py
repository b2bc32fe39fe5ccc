"""The calibration screen."""
