"""Networks, presets, the compiled model, the best model, evaluation and inference."""
