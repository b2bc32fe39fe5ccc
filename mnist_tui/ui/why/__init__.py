"""The textbook on the screen: its pages, and exhibits with the numbers of the opened run."""
