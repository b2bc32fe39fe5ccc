"""The data screen: a look at a data set before training."""
