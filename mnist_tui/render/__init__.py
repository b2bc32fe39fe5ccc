"""Numbers in, terminal cells out: pure functions without an app, a clock or state."""
