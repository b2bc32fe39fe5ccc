"""Rules that diagnose a training from its figures: divergence, layer health, bottlenecks."""
