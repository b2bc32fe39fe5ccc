"""The report of a run as an HTML page and as Markdown: pure functions from a `Report` to text."""
