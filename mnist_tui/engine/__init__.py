"""The training process. The only folder that imports Keras."""
