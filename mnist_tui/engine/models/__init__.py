"""Networks, presets, the compiled model, the best model, and inference."""
