"""Hypothesis without deadlines: no test may depend on timing."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
