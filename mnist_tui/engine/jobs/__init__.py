"""Jobs in processes of their own, next to training: evaluate a data set, cross-check labels."""
