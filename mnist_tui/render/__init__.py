"""Pure functions that turn data into terminal cells."""
