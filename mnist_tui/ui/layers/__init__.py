"""The layers screen."""
