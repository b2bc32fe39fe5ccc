"""Rules that diagnose a run from its metrics: divergence, layer health, bottlenecks. They are pure."""
