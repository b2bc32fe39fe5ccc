"""Jobs beside a training, each in its own process: evaluate a data set, cross-check labels."""
